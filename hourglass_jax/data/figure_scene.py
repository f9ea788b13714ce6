"""What is around a figure: its shadow, a seat, things in front, light, the lens."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hourglass_jax.data.figure_background import draw_tone, fill_oval
from hourglass_jax.data.figure_canvas import Canvas, Ellipsoid, Light, Tube, plain
from hourglass_jax.data.figure_parts import PARTS
from hourglass_jax.data.figure_pose import View, near

Picture = NDArray[np.floating]
Box = NDArray[np.float64]


def draw_light(rng: Generator) -> Light:
    """A lamp or the sun, from above and in front, on either side."""
    direction = np.array([near(rng, 0, 1.1), -rng.uniform(0.2, 1), rng.uniform(0.4, 1)])
    x, y, z = (direction / np.linalg.norm(direction)).tolist()
    return Light((x, y, z), rng.uniform(0.3, 0.65))


def draw_floor_shadow(picture: Picture, view: View, ground: float) -> None:
    """A soft dark oval under the feet."""
    feet = np.array([view.points[f"{s}_ankle"][0] for s in "rl"])
    reach = (abs(feet[0] - feet[1]) / 2 + 0.09 * view.unit, 0.035 * view.unit)
    blur = 0.018 * view.unit
    top, low = int(ground - reach[1] - 3 * blur), int(ground + reach[1] + 3 * blur) + 2
    rows = picture[:, max(top, 0) : max(low, 0)]
    if not rows.size:
        return
    mask = np.zeros(rows.shape[1:], np.uint8)
    fill_oval(mask, (float(feet.mean()), ground - max(top, 0)), reach, (255,))
    rows *= 1 - cv2.GaussianBlur(mask, (0, 0), blur) * np.float32(0.45 / 255)


def draw_seat(rng: Generator, picture: Picture, view: View, ground: float) -> None:
    """A block to sit on, behind everything of the figure."""
    x, y, _ = view.points["pelvis"]
    half, top = rng.uniform(0.1, 0.16) * view.unit, y + 0.035 * view.unit
    tone = _planes(draw_tone(rng))
    cols = slice(max(round(x - half), 0), max(round(x + half), 0))
    edge = max(round(top + 0.045 * view.unit), 0)
    picture[:, edge : max(round(ground), 0), cols] = tone * np.float32(0.72)
    picture[:, max(round(top), 0) : edge, cols] = tone * np.float32(0.95)


def draw_object(rng: Generator, canvas: Canvas, box: Box, unit: float) -> None:
    """Something in front of the figure: a post, a rail, a bush, a bar, a ball."""
    height, width = canvas.depth.shape
    x0, y0, x1, y1 = box.tolist()
    x = x0 + rng.uniform(0.1, 0.9) * (x1 - x0)
    y = y0 + rng.uniform(0.45, 0.95) * (y1 - y0)
    tone = _planes(draw_tone(rng, 40))
    kind = rng.random()
    if kind < 0.25:
        post = (near(rng, x, 9), -30.0), (x, height + 30.0)
        canvas.draw([_bar(*post, rng.uniform(0.018, 0.05) * unit, tone)])
    elif kind < 0.45:
        rail = (-30.0, y), (width + 30.0, near(rng, y, 20))
        canvas.draw([_bar(*rail, rng.uniform(0.012, 0.03) * unit, tone)])
    elif kind < 0.65:
        tall = rng.uniform(0.1, 0.26) * unit
        bollard = (x, y1 + 0.06 * unit), (x, y1 - tall)
        canvas.draw([_bar(*bollard, rng.uniform(0.06, 0.11) * unit, tone)])
    elif kind < 0.85:
        canvas.draw(_bush(rng, x, y1 + 0.03 * unit, unit))
    else:
        canvas.draw([_ball(x, y, rng.uniform(0.05, 0.1) * unit, unit, tone)])


def _bar(
    start: tuple[float, float], end: tuple[float, float], radius: float, tone: Picture
) -> Tube:
    first, last = np.array([*start, 1000.0]), np.array([*end, 1000.0])
    radii, flat = (radius, radius), (1.0, 2.5)
    return Tube(PARTS["object"], first, last, radii, plain(tone), flat)


def _ball(x: float, y: float, radius: float, unit: float, tone: Picture) -> Ellipsoid:
    centre, half = np.array([x, y, unit + 100]), np.full(3, radius)
    return Ellipsoid(PARTS["object"], centre, half, np.eye(3), plain(tone))


def _bush(rng: Generator, x: float, foot: float, unit: float) -> list[Ellipsoid]:
    green = np.array([74, 122, 62]) * rng.uniform(0.6, 1.4)
    leaves = []
    for _ in range(11):
        tone = _planes(green * near(rng, 1, 0.25))
        at = near(rng, x, 0.2 * unit), foot - rng.uniform(0, 0.17) * unit
        leaves.append(_ball(*at, rng.uniform(0.04, 0.075) * unit, unit, tone))
    return leaves


def _planes(rgb: Sequence[float] | NDArray[np.float64]) -> Picture:
    return np.array(rgb, np.float32)[:, None, None]


def develop(rng: Generator, picture: Picture) -> NDArray[np.uint8]:
    """The photograph [h, w, 3] of a scene [3, h, w].

    Uneven light, a colour cast, exposure, a soft lens, grain.
    """
    _, height, width = picture.shape
    slope = near(rng, 0, 0.22), near(rng, 0, 0.22)
    x = np.linspace(-slope[0], slope[0], width, dtype=np.float32)
    y = np.linspace(1 - slope[1], 1 + slope[1], height, dtype=np.float32)
    gain = (x + y[:, None]) * np.float32(near(rng, 0.98, 0.2))
    cast = near(rng, 1, 0.1), 1.0, near(rng, 1, 0.12)
    sigma = rng.uniform(0.35, 0.8) if rng.random() < 0.4 else 0.0
    grain = np.frombuffer(rng.bytes(2 * height * width), np.uint8)
    grain = grain.reshape(2, height, width).astype(np.int16).sum(0, dtype=np.int16)
    noise = (grain - 255) * np.float32(rng.uniform(0, 0.028)) + np.float32(0.5)
    for plane, factor in zip(picture, cast, strict=True):
        plane *= gain * np.float32(factor)
        if sigma:
            plane[:] = cv2.GaussianBlur(plane, (0, 0), sigma)
        plane += noise
    return cv2.merge([np.clip(p, 0, 255).astype(np.uint8) for p in picture])

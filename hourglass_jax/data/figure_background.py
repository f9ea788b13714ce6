"""What is behind a figure: rooms, meadows, streets, backdrops, and clutter."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hourglass_jax.data.figure_pose import Number, draw_colour, near, pick

Picture = NDArray[np.floating]
Tone = Sequence[Number]
Pair = tuple[Number, Number]
_SUBPIXEL = 4

_TONES = (
    "e8e2d6 cfd8dc b0bec5 f3d9b1 d9b8a0 a3b18a 84a59d 90a8c3 6d83a3 c9ada7 9a8c98 "
    "55606e f5efe0 bcd4de e6c9a8 7a8b6f 4a5a6a e9d8a6"
)
_SKIES = "8ec5e8 bfe0f2 6fa8d6 d7e3ea f3cfa6 e9a88a 9fb4c7"
_PAVEMENTS = "c9b48a b59a6e 9a9a98 bdb7ab d8cdb4"
_GROUNDS = "7fa05a 94b06a 6b8a4a c9b48a b59a6e 9a9a98 bdb7ab d8cdb4"
_THINGS = f"{_TONES} {_GROUNDS}"
_PICTURES = f"{_SKIES} {_TONES}"


def _tone(rng: Generator, codes: str, spread: Number = 16) -> list[float]:
    return draw_colour(rng, codes, spread).tolist()


def draw_tone(rng: Generator, spread: Number = 16) -> list[float]:
    """RGB 0..255 of some thing."""
    return _tone(rng, _THINGS, spread)


def draw_background(rng: Generator, height: int, width: int, ground: float) -> Picture:
    """A room, a landscape, a street or a studio, out of focus to some degree.

    `ground` is the row on which the figure stands; the floor begins above it. Returns
    planes [3, h, w], RGB 0..255.
    """
    horizon = min(rng.uniform(0.42, 0.86) * height, ground - 4)
    place = pick(rng, (_room, _meadow, _street, _studio))
    picture = place(rng, height, width, max(horizon, 12.0))
    _clutter(rng, picture, horizon)
    if rng.random() < 0.75:
        sigma = rng.uniform(0.5, 3.2)
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    return _mottle(rng, picture)


def _ramp(height: int, width: int, top: list[float], low: list[float]) -> NDArray:
    t = np.linspace(0, 1, height)[:, None]
    column = (1 - t) * np.array(top) + t * np.array(low)
    column = np.clip(column, 0, 255).astype(np.uint8)
    return np.repeat(column[:, None], width, axis=1)


def _floor(rng: Generator, picture: NDArray, horizon: float, codes: str) -> None:
    y = int(horizon)
    near_tone = np.array(_tone(rng, codes))
    rows = picture.shape[0] - y
    picture[y:] = _ramp(rows, picture.shape[1], list(near_tone * 0.82), list(near_tone))


def _room(rng: Generator, height: int, width: int, horizon: float) -> NDArray:
    """A wall with a skirting board, a picture or a window, floor boards."""
    wall = np.array(_tone(rng, _TONES))
    picture = _ramp(height, width, list(wall * 1.04), list(wall * 0.93))
    if rng.random() < 0.35:
        period = rng.uniform(10, 34)
        dark = tuple(wall * rng.uniform(0.86, 0.95))
        for k in range(0, int(width / period) + 1, 2):
            fill_box(picture, k * period, 0, (k + 1) * period, horizon, dark)
    _floor(rng, picture, horizon, _THINGS)
    fill_box(picture, 0, horizon - rng.uniform(2, 7), width, horizon, tuple(wall * 0.7))
    for _ in range(int(rng.random() * 4)):
        x, y = rng.uniform(-0.1, 0.95) * width, rng.uniform(0.02, 0.4) * height
        w, h = rng.uniform(0.12, 0.4) * width, rng.uniform(0.12, 0.4) * height
        fill_box(picture, x - 3, y - 3, x + w + 3, y + h + 3, tuple(wall * 0.55))
        fill_box(picture, x, y, x + w, y + h, tuple(_tone(rng, _PICTURES)))
    vanish = rng.uniform(0.2, 0.8) * width
    for k in range(-6, 7) if rng.random() < 0.5 else ():
        foot = (vanish + k * 0.35 * width, height)
        draw_line(picture, (vanish + k * 12, horizon), foot, tuple(wall * 0.6), 1)
    return picture


def _meadow(rng: Generator, height: int, width: int, horizon: float) -> NDArray:
    """Sky, a sun or clouds, hills, trees."""
    sky = np.array(_tone(rng, _SKIES))
    picture = _ramp(height, width, list(sky * 0.92), list(sky * 1.1))
    for _ in range(int(rng.random() * 5)):
        centre = rng.uniform(0, 1) * width, rng.uniform(0, 0.8) * horizon
        size = rng.uniform(10, 40), rng.uniform(4, 12)
        fill_oval(picture, centre, size, tuple(sky * 0.4 + 150))
    for k in range(3):
        hill = np.array([110, 140, 120]) * (0.75 + 0.2 * k) + near(rng, 0, 30)
        centre = rng.uniform(0, 1) * width, horizon + rng.uniform(0, 14)
        half = rng.uniform(60, 160), rng.uniform(16, 60)
        fill_oval(picture, centre, half, tuple(hill))
    _floor(rng, picture, horizon, _GROUNDS)
    for _ in range(int(rng.random() * 7)):
        x, reach = rng.uniform(0, 1) * width, rng.uniform(10, 34)
        tall = rng.uniform(14, 60)
        foot = horizon + rng.uniform(0, 8)
        top, thick = (x, foot - tall), 1 + int(reach / 8)
        draw_line(picture, (x, foot), top, (84, 64, 48), thick)
        leaf = np.array([60, 104, 58]) * rng.uniform(0.7, 1.6)
        fill_oval(picture, top, (reach * 0.7, reach), tuple(leaf))
    return picture


def _street(rng: Generator, height: int, width: int, horizon: float) -> NDArray:
    """House fronts with windows, lamp posts, a pavement."""
    sky = np.array(_tone(rng, _SKIES))
    picture = _ramp(height, width, list(sky), list(sky * 1.1))
    x = -rng.uniform(0, 30)
    while x < width:
        wide, top = rng.uniform(30, 90), rng.uniform(-0.2, 0.6) * horizon
        wall = np.array(_tone(rng, _TONES))
        fill_box(picture, x, top, x + wide, horizon, tuple(wall))
        pane = tuple(wall * pick(rng, (0.5, 0.65, 1.25)))
        step = rng.uniform(13, 24)
        for wy in np.arange(top + 6, horizon - step, step):
            for wx in np.arange(x + 5, x + wide - step * 0.6, step):
                fill_box(picture, wx, wy, wx + step * 0.5, wy + step * 0.62, pane)
        x += wide + (rng.uniform(0, 20) if rng.random() < 0.3 else 0)
    _floor(rng, picture, horizon, _PAVEMENTS)
    for _ in range(int(rng.random() * 3)):
        pole = rng.uniform(0, 1) * width
        tone = tuple(np.array([70, 72, 76]) * rng.uniform(0.5, 1.8))
        draw_line(picture, (pole, horizon + 8), (pole, -4), tone, pick(rng, (2, 3, 5)))
    return picture


def _studio(rng: Generator, height: int, width: int, horizon: float) -> NDArray:
    """A backdrop in two tones, with soft large shapes."""
    top, low = _tone(rng, _TONES), _tone(rng, _TONES)
    picture = _ramp(height, width, top, low)
    for _ in range(int(rng.random() * 9)):
        centre = rng.uniform(0, 1) * width, rng.uniform(0, 1) * height
        size = rng.uniform(8, 60), rng.uniform(8, 60)
        fill_oval(picture, centre, size, tuple(_tone(rng, _TONES)))
    return picture


def _clutter(rng: Generator, picture: NDArray, horizon: float) -> None:
    """Crates and balls on the floor, posts, and arms that reach in from the side."""
    height, width = picture.shape[:2]
    for _ in range(int(rng.random() * rng.random() * 8)):
        x, foot = rng.uniform(0, 1) * width, rng.uniform(horizon, height)
        size, tone = rng.uniform(8, 34), tuple(_tone(rng, _THINGS, 40))
        kind = rng.random()
        if kind < 0.3:
            right = x + rng.uniform(0.6, 2) * size
            fill_box(picture, x, foot - size, right, foot, tone)
        elif kind < 0.45:
            fill_oval(picture, (x, foot - size / 2), (size / 2, size / 2), tone)
        elif kind < 0.7:
            draw_line(picture, (x, foot), (x, -9), tone, int(rng.uniform(1, 7)))
        else:
            edge = -5 if rng.random() < 0.5 else width + 5
            y = rng.uniform(0.15, 0.9) * height
            end = edge + (width / 2 - edge) * rng.uniform(0.15, 0.6), near(rng, y, 45)
            skin = tuple(np.array([224, 172, 134]) * rng.uniform(0.35, 1.05))
            draw_line(picture, (edge, y), end, skin, int(rng.uniform(5, 13)))


def _mottle(rng: Generator, picture: NDArray) -> Picture:
    """Uneven brightness, coarse or fine, of one tone."""
    height, width = picture.shape[:2]
    cells = pick(rng, (4, 7, 15, 60))
    coarse = (rng.random((cells, cells)) - 0.5).astype(np.float32)
    noise = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    strength = np.float32(rng.uniform(0, 22 if cells < 10 else 12))
    planes: Picture = picture.transpose(2, 0, 1).astype(np.float32, order="C")
    planes += noise * strength
    return planes


def _fixed(*numbers: Number) -> tuple[int, ...]:
    """OpenCV's fixed-point coordinates."""
    return tuple(round(float(n) * (1 << _SUBPIXEL)) for n in numbers)


def fill_box(
    picture: NDArray, x0: Number, y0: Number, x1: Number, y1: Number, colour: Tone
) -> None:
    """Fill the rectangle between two corners."""
    cv2.rectangle(
        picture, _fixed(x0, y0), _fixed(x1, y1), colour, -1, cv2.LINE_AA, _SUBPIXEL
    )


def fill_oval(picture: NDArray, centre: Pair, half: Pair, colour: Tone) -> None:
    """Fill an ellipse with its axes along the picture's."""
    at, axes = _fixed(*centre), _fixed(*half)
    cv2.ellipse(picture, at, axes, 0, 0, 360, colour, -1, cv2.LINE_AA, _SUBPIXEL)


def draw_line(
    picture: NDArray, start: Pair, end: Pair, colour: Tone, thick: int
) -> None:
    """Draw a line of a thickness in pixels."""
    cv2.line(
        picture, _fixed(*start), _fixed(*end), colour, thick, cv2.LINE_AA, _SUBPIXEL
    )

"""Keypoints drawn on pictures."""

import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from hourglass_jax.files import write_whole
from hourglass_jax.skeleton import MIDDLE, Colour, Skeleton

Picture = UInt8[np.ndarray, "h w 3"]

# Scores: below the first nothing is drawn, from the second on in full strength.
FAINTEST, SUREST = 0.1, 0.5

# Radii as shares of the diagonal of the person's keypoints, and their lower bound.
_LIMB, _DOT, _OUTLINE = 0.0065, 0.0105, 0.0035
_SMALLEST_LIMB = 0.9  # pixels; thinner lines vanish
_CORE = 0.45  # of a dot's radius
_DARK: Colour = (16, 16, 24)
_LIGHT: Colour = (255, 255, 255)
_WARM = np.array([255.0, 176.0, 0.0])


def draw_keypoints(
    picture: Picture,
    keypoints: Float[np.ndarray, "k 2"],
    scores: Float[np.ndarray, " k"],
    skeleton: Skeleton,
) -> Picture:
    """Draw one skeleton on a copy of a picture; see `paint_keypoints`."""
    picture = picture.copy()
    paint_keypoints(picture, keypoints, scores, skeleton)
    return picture


def paint_keypoints(
    picture: Picture,
    keypoints: Float[np.ndarray, "k 2"],
    scores: Float[np.ndarray, " k"],
    skeleton: Skeleton,
) -> None:
    """Draw one skeleton into a picture.

    Limbs and dots take the colour of their side (see `hourglass_jax.skeleton`), grow
    with the person, and have a dark outline that shows on any background. A keypoint
    scored below `FAINTEST` is left out with its limbs; up to `SUREST` they are fainter.

    Args:
      picture: RGB uint8, of any size: only what is under a stroke is touched.
      keypoints: (x, y) in pixels of the picture.
      scores: how sure each is.
      skeleton: names, limbs and colours.
    """
    shown = scores >= FAINTEST
    if not shown.any():
        return
    points = keypoints.astype(np.float64)
    unit = max(_diagonal(points[shown]), _SMALLEST_LIMB / _LIMB)
    strokes = list(_strokes(points, scores, skeleton, unit))
    for start, end, radius, _, strength in strokes:
        _paint(picture, start, end, radius + _OUTLINE * unit, _DARK, 0.75 * strength)
    for start, end, radius, colour, strength in strokes:
        _paint(picture, start, end, radius, colour, strength)
        if start is end:
            _paint(picture, start, end, _CORE * radius, _LIGHT, strength)


def draw_heatmaps(
    picture: Picture, heatmaps: Float[np.ndarray, "hh hw k"]
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture in dark grey, and over it the highest of all keypoints' heatmaps.

    Cells stay visible as squares: so coarse is what a network answers.
    """
    height, width = picture.shape[:2]
    highest = np.clip(heatmaps.max(axis=-1), 0, 1)
    cover = cv2.resize(highest, (width, height), interpolation=cv2.INTER_NEAREST)
    grey = 0.5 * picture.mean(axis=-1, keepdims=True).repeat(3, -1)
    return np.rint(grey + cover[..., None] * (_WARM - grey)).astype(np.uint8)


def save_picture(path: Path, picture: Picture) -> None:
    """Write an RGB picture as PNG."""
    _, png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    write_whole(path, png.tobytes())


Stroke = tuple[np.ndarray, np.ndarray, float, Colour, float]


def _strokes(
    points: np.ndarray, scores: np.ndarray, skeleton: Skeleton, unit: float
) -> Iterator[Stroke]:
    """(start, end, radius, colour, strength): limbs first, dots on top of them."""
    shown = scores >= FAINTEST
    sure = (scores - FAINTEST) / (SUREST - FAINTEST)
    strength = 0.35 + 0.65 * np.clip(sure, 0, 1)
    for a, b in skeleton.limbs:
        if shown[a] and shown[b]:
            colour = _limb_colour(skeleton, a, b)
            faintest = float(min(strength[a], strength[b]))
            yield points[a], points[b], _LIMB * unit, colour, faintest
    for i in np.flatnonzero(shown):
        point, colour = points[i], skeleton.colours[i]
        yield point, point, _DOT * unit, colour, float(strength[i])


def _limb_colour(skeleton: Skeleton, a: int, b: int) -> Colour:
    """The side that one end is on; the middle's where both ends disagree."""
    sides = {skeleton.colours[a], skeleton.colours[b]} - {MIDDLE}
    return sides.pop() if len(sides) == 1 else MIDDLE


def _diagonal(points: np.ndarray) -> float:
    return math.hypot(*(points.max(axis=0) - points.min(axis=0)))


def _paint(
    picture: Picture,
    start: np.ndarray,
    end: np.ndarray,
    radius: float,
    colour: Colour,
    strength: float,
) -> None:
    """Blend a line with round ends into the picture; a dot where start is end.

    A pixel is covered by how far its centre lies inside the edge: exact anti-aliasing
    at fractional positions, which OpenCV's integer thickness does not give.
    """
    left, top, mask = _reach(picture, start, end, radius + 1)
    rows, columns = np.nonzero(mask)
    patch = picture[top : top + mask.shape[0], left : left + mask.shape[1]]
    x = (columns + (left - start[0])).astype(np.float32)
    y = (rows + (top - start[1])).astype(np.float32)
    along_x, along_y = (end - start).tolist()
    squared = max(along_x**2 + along_y**2, 1e-9)
    share = np.clip((x * along_x + y * along_y) / squared, 0, 1)
    distance = np.hypot(x - share * along_x, y - share * along_y)
    cover = strength * np.clip(radius + 0.5 - distance, 0, 1)[:, None]
    before = patch[rows, columns]
    after = before + cover * (np.array(colour, np.float32) - before)
    patch[rows, columns] = np.rint(after).astype(np.uint8)


def _reach(
    picture: Picture, start: np.ndarray, end: np.ndarray, radius: float
) -> tuple[int, int, UInt8[np.ndarray, "ph pw"]]:
    """Left, top and shape of the part of the picture that a line with width reaches.

    Of the box around a slanted line most lies far from it, and is not looked at.
    """
    height, width = picture.shape[:2]
    low = np.floor(np.minimum(start, end) - radius - 1).clip(0, (width, height))
    high = np.ceil(np.maximum(start, end) + radius + 2).clip(0, (width, height))
    (left, top), (right, bottom) = low.astype(int).tolist(), high.astype(int).tolist()
    along = end - start
    length = math.hypot(*along)
    along = (radius + 1) * (along / length if length else np.array([1.0, 0.0]))
    across = np.array([-along[1], along[0]])
    corners = [start - along - across, start - along + across]
    corners += [end + along + across, end + along - across]
    mask = np.zeros((bottom - top, right - left), np.uint8)
    if mask.size:
        polygon = np.rint(np.array(corners) - [left, top]).astype(np.int32)
        cv2.fillConvexPoly(mask, polygon, (1,))
    return left, top, mask

"""Poses drawn on photographs."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from hourglass_jax.data.photographs import Picture
from hourglass_jax.inference.results import Pose
from hourglass_jax.skeleton import MIDDLE, Colour, Skeleton

# Scores: below the first nothing is drawn, from the second on in full strength.
FAINTEST, SUREST = 0.1, 0.5

# Radii as shares of the diagonal of the person's keypoints, and their lower bound.
_LIMB, _DOT, _OUTLINE = 0.0065, 0.0105, 0.0035
_SMALLEST_LIMB = 0.9  # pixels; thinner lines vanish
_CORE = 0.45  # of a dot's radius
_DARK: Colour = (16, 16, 24)
_LIGHT: Colour = (255, 255, 255)


def draw_poses(photograph: Picture, poses: Sequence[Pose]) -> Picture:
    """Draw skeletons on a copy of a photograph.

    Limbs and dots take the colour of their side (see `hourglass_jax.skeleton`), grow
    with the person, and have a dark outline that shows on any background. A keypoint
    scored below `FAINTEST` is left out with its limbs; up to `SUREST` they are fainter.
    """
    canvas = photograph.astype(np.float32)
    for pose in poses:
        _draw(canvas, pose)
    return np.rint(canvas).astype(np.uint8)


def _draw(canvas: np.ndarray, pose: Pose) -> None:
    shown = pose.scores >= FAINTEST
    if not shown.any():
        return
    unit = max(_diagonal(pose.keypoints[shown]), _SMALLEST_LIMB / _LIMB)
    strokes = list(_strokes(pose, shown, unit))
    for start, end, radius, _, strength in strokes:
        _paint(canvas, start, end, radius + _OUTLINE * unit, _DARK, 0.75 * strength)
    for start, end, radius, colour, strength in strokes:
        _paint(canvas, start, end, radius, colour, strength)
        if start is end:
            _paint(canvas, start, end, _CORE * radius, _LIGHT, strength)


Stroke = tuple[np.ndarray, np.ndarray, float, Colour, float]


def _strokes(pose: Pose, shown: np.ndarray, unit: float) -> Iterator[Stroke]:
    """(start, end, radius, colour, strength): limbs first, dots on top of them."""
    points = pose.keypoints.astype(np.float64)
    sure = (pose.scores - FAINTEST) / (SUREST - FAINTEST)
    strength = 0.35 + 0.65 * np.clip(sure, 0, 1)
    for a, b in pose.skeleton.limbs:
        if shown[a] and shown[b]:
            colour = _limb_colour(pose.skeleton, a, b)
            faintest = float(min(strength[a], strength[b]))
            yield points[a], points[b], _LIMB * unit, colour, faintest
    for i in np.flatnonzero(shown):
        point, colour = points[i], pose.skeleton.colours[i]
        yield point, point, _DOT * unit, colour, float(strength[i])


def _limb_colour(skeleton: Skeleton, a: int, b: int) -> Colour:
    """The side that one end is on; the middle's where both ends disagree."""
    sides = {skeleton.colours[a], skeleton.colours[b]} - {MIDDLE}
    return sides.pop() if len(sides) == 1 else MIDDLE


def _diagonal(points: np.ndarray) -> float:
    return math.hypot(*(points.max(axis=0) - points.min(axis=0)))


def _paint(
    canvas: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    radius: float,
    colour: Colour,
    strength: float,
) -> None:
    """Blend a line with round ends into the canvas; a dot where start is end.

    A pixel is covered by how far its centre lies inside the edge: exact anti-aliasing
    at fractional positions, which OpenCV's integer thickness does not give.
    """
    height, width = canvas.shape[:2]
    low = np.floor(np.minimum(start, end) - radius - 1).clip(0, (width, height))
    high = np.ceil(np.maximum(start, end) + radius + 2).clip(0, (width, height))
    (left, top), (right, bottom) = low.astype(int), high.astype(int)
    x = np.arange(left, right, dtype=np.float32) - start[0]
    y = np.arange(top, bottom, dtype=np.float32)[:, None] - start[1]
    along_x, along_y = end - start
    squared = max(float(along_x**2 + along_y**2), 1e-9)
    share = np.clip((x * along_x + y * along_y) / squared, 0, 1)
    distance = np.hypot(x - share * along_x, y - share * along_y)
    cover = strength * np.clip(radius + 0.5 - distance, 0, 1)[..., None]
    patch = canvas[top:bottom, left:right]
    patch += cover * (np.array(colour, np.float32) - patch)

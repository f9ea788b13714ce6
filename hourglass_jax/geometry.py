"""The pixel convention, and the only code that converts coordinates.

Pixel centres lie at integers: pixel ``i`` spans ``[i - 0.5, i + 0.5]``, so a picture
of width ``w`` spans ``[-0.5, w - 0.5]``. Points are ``(x, y)``. An affine is a float64
matrix of shape ``(2, 3)`` and is named after what it does: ``crop_from_img`` takes
points of the photograph to points of the crop.
"""

import math
from typing import Any

import numpy as np
from jaxtyping import Float

Affine = Float[np.ndarray, "2 3"]
Points = Float[np.ndarray, "*n 2"]


def resize_affine(ratio_x: float, ratio_y: float) -> Affine:
    """Resizing a picture by a ratio: ``x -> (x + 0.5) ratio - 0.5``."""
    return np.array(
        [[ratio_x, 0, 0.5 * ratio_x - 0.5], [0, ratio_y, 0.5 * ratio_y - 0.5]]
    )


def flip_affine(width: int) -> Affine:
    """Mirroring a picture of ``width`` pixels: ``x -> width - 1 - x``."""
    return np.array([[-1.0, 0, width - 1], [0, 1, 0]])


def compose(outer: Affine, inner: Affine) -> Affine:
    """The affine that applies ``inner`` first, then ``outer``."""
    linear = outer[:, :2] @ inner
    linear[:, 2] += outer[:, 2]
    return linear


def invert(affine: Affine) -> Affine:
    """The affine that undoes ``affine``; raises LinAlgError if it has no inverse."""
    linear = np.linalg.inv(affine[:, :2])
    return np.column_stack([linear, -linear @ affine[:, 2]])


def transform(affine: Affine, points: Points) -> Points:
    """Apply an affine to points of shape ``(..., 2)``; float64 comes back."""
    return points @ affine[:, :2].T + affine[:, 2]


def crop_affine(
    center_img: Points,
    side_img: float,
    size: tuple[int, int],
    rotation: float = 0.0,
) -> Affine:
    """``crop_from_img`` for a square box of the photograph.

    The box, ``side_img`` pixels wide and turned by ``rotation`` degrees (positive turns
    the picture clockwise, as y points down), becomes the largest centred square of a
    crop of ``size = (height, width)`` pixels.
    """
    height, width = size
    ratio = min(height, width) / side_img
    cos = ratio * math.cos(math.radians(rotation))
    sin = ratio * math.sin(math.radians(rotation))
    linear = np.array([[cos, -sin], [sin, cos]])
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([linear, middle - linear @ np.asarray(center_img)])


def square_box(box_img: np.ndarray, padding: float) -> tuple[np.ndarray, float]:
    """Centre and side of the square around a box ``(x0, y0, x1, y1)``.

    The side is the box's longer side times ``padding``.
    """
    box = np.asarray(box_img, np.float64)
    return (box[:2] + box[2:]) / 2, float(np.max(box[2:] - box[:2])) * padding


def picture_box(height: int, width: int) -> np.ndarray:
    """The box ``(x0, y0, x1, y1)`` that spans a whole picture, edge to edge."""
    return np.array([-0.5, -0.5, width - 0.5, height - 0.5])


def hm_from_crop(points_crop: Any, stride: int) -> Any:
    """Crop pixels to heatmap cells; for NumPy and JAX arrays alike."""
    return (points_crop + 0.5) / stride - 0.5


def crop_from_hm(points_hm: Any, stride: int) -> Any:
    """Heatmap cells to crop pixels; for NumPy and JAX arrays alike."""
    return (points_hm + 0.5) * stride - 0.5

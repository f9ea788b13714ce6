"""Cutting a picture out of a picture: the only place that interpolates."""

import math

import cv2
import numpy as np

from hourglass_jax import geometry

# Bilinear interpolation looks at 2x2 pixels: when it shrinks further than this, it
# skips pixels, and what is left depends on chance.
LEAST_RATIO = 0.5


def crop_picture(
    picture: np.ndarray, crop_from_picture: geometry.Affine, size: tuple[int, int]
) -> np.ndarray:
    """Warp an RGB uint8 picture ``[h w 3]`` to a crop of ``size = (height, width)``.

    What shrinks by more than two is averaged by area first. Outside the picture the
    crop is black.
    """
    ratio = math.sqrt(abs(np.linalg.det(crop_from_picture[:, :2])))
    if ratio < LEAST_RATIO:
        picture, small_from_picture = _shrink(picture, ratio)
        inverse = geometry.invert(small_from_picture)
        crop_from_picture = geometry.compose(crop_from_picture, inverse)
    height, width = size
    return cv2.warpAffine(
        picture,
        crop_from_picture,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0),
    )


def _shrink(picture: np.ndarray, ratio: float) -> tuple[np.ndarray, geometry.Affine]:
    height, width = picture.shape[:2]
    small_width, small_height = (max(1, round(n * ratio)) for n in (width, height))
    small = cv2.resize(picture, (small_width, small_height), None, 0, 0, cv2.INTER_AREA)
    # Sides are whole pixels, so the ratio that was really applied differs by axis.
    return small, geometry.resize_affine(small_width / width, small_height / height)

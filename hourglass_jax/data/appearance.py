"""What augmentation does to the pixels and to the visibility of a crop."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from hourglass_jax.data.augment import IDENTITY, Augmentation, Patch
from hourglass_jax.data.schema import decode_picture, encode_picture

Crop = UInt8[np.ndarray, "h w 3"]


def change_appearance(crop: Crop, how: Augmentation) -> Crop:
    """Colour, grey, blur and compression of an RGB crop, in this order."""
    crop = _multiply(crop, how.gains)
    if how.grey:
        crop = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if how.blur:
        crop = cv2.GaussianBlur(crop, (0, 0), how.blur * max(crop.shape[:2]))
    if how.quality < IDENTITY.quality:
        crop = decode_picture(encode_picture(crop, how.quality))
    return crop


def _multiply(crop: Crop, gains: tuple[float, float, float]) -> Crop:
    """Multiply each channel by its gain, rounded and clipped."""
    if gains == IDENTITY.gains:
        return crop
    levels = np.arange(256.0)[:, None] * np.asarray(gains)
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return cv2.LUT(crop, table[None])


def cut_out(crop: Crop, patch: Patch) -> tuple[Crop, Bool[np.ndarray, "h w"]]:
    """A rectangle in the crop's mean colour, and where it is."""
    inside = (np.abs(_offsets(crop, patch)) <= 1).all(-1)
    return np.where(inside[..., None], _mean_colour(crop), crop), inside


def occlude(
    crop: Crop, other: Crop, patch: Patch
) -> tuple[Crop, Bool[np.ndarray, "h w"]]:
    """An ellipse of another crop of the same size, and where it is."""
    inside = np.square(_offsets(crop, patch)).sum(-1) <= 1
    return np.where(inside[..., None], other, crop), inside


def hide(
    visibility: UInt8[np.ndarray, " k"],
    keypoints_crop: Float[np.ndarray, "k 2"],
    covered: Bool[np.ndarray, "h w"],
) -> UInt8[np.ndarray, " k"]:
    """The visibility when a part of the crop is covered: visible becomes occluded."""
    height, width = covered.shape
    x, y = np.rint(keypoints_crop).astype(int).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    at = covered[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return np.where(inside & at & (visibility == 2), np.uint8(1), visibility)


def _offsets(crop: Crop, patch: Patch) -> Float[np.ndarray, "h w 2"]:
    """Each pixel's x and y from the patch's centre, in halves of its sides."""
    height, width = crop.shape[:2]
    x, y, across, down = patch
    line = (np.arange(width) + 0.5) / width - x
    column = (np.arange(height) + 0.5) / height - y
    grid = np.meshgrid(2 * line / across, 2 * column / down)
    return np.stack(grid, axis=-1)


def _mean_colour(crop: Crop) -> UInt8[np.ndarray, "3"]:
    return np.rint(crop.mean((0, 1))).astype(np.uint8)

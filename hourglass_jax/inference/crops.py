"""People cut out of photographs, as the network takes them.

This happens outside the jitted function, on purpose: photographs come in any size, and
a program would be compiled for each; what is sent to the device are crops of one size,
as in training.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from hourglass_jax import geometry
from hourglass_jax.data.crop import crop_picture
from hourglass_jax.data.photographs import Picture

_MARGIN = 4  # source pixels, or cells where the picture shrinks, around a crop


class Crop(NamedTuple):
    """A person at one or several scales.

    Attributes:
      images: RGB, one a scale.
      img_from_crop: from pixels of a crop of scale 1 to the photograph's.
    """

    images: UInt8[np.ndarray, "s h w 3"]
    img_from_crop: geometry.Affine


def crop_people(
    picture: Picture,
    boxes: Float[np.ndarray, "n 4"],
    padding: float,
    size: tuple[int, int],
    scales: tuple[float, ...],
) -> Iterator[Crop]:
    """Cut out what is around each box.

    Args:
      picture: the photograph.
      boxes: (x0, y0, x1, y1) in its pixels.
      padding: sides of the crop per side of the box; the box's aspect gives way to that
        of the crop.
      size: (height, width) of the crops.
      scales: sides of the crops, as multiples of the one that the affine is for.
    """
    for box in boxes:
        center, side = _square(box, padding, size)
        crops_from_img = [geometry.crop_affine(center, side * s, size) for s in scales]
        images = [_cut(picture, affine, size) for affine in crops_from_img]
        affine = geometry.crop_affine(center, side, size)
        yield Crop(np.stack(images), geometry.invert(affine))


def _square(
    box: np.ndarray, padding: float, size: tuple[int, int]
) -> tuple[np.ndarray, float]:
    """Centre and side of what the crop's centred square shows, for the box to fit."""
    width, height = box[2:] - box[:2]
    least = min(size)
    longest = max(height * (least / size[0]), width * (least / size[1]))
    return (box[:2] + box[2:]) / 2, float(longest) * padding


def _cut(
    picture: Picture, crop_from_img: geometry.Affine, size: tuple[int, int]
) -> UInt8[np.ndarray, "ch cw 3"]:
    """As `crop_picture`, from the part of the picture that the crop reaches.

    A large photograph is then not shrunk anew for each of its people, and may be wider
    than the 32,767 pixels that OpenCV warps.
    """
    img_from_crop = geometry.invert(crop_from_img)
    corners = np.array([[-0.5, -0.5], [size[1] - 0.5, size[0] - 0.5]])
    margin = _MARGIN * max(1.0, float(img_from_crop[0, 0]))
    low, high = geometry.transform(img_from_crop, corners)
    edges = picture.shape[1::-1]
    x0, y0 = np.clip(np.floor(low - margin), 0, edges).astype(int)
    x1, y1 = np.clip(np.ceil(high + margin), 0, edges).astype(int)
    if x0 >= x1 or y0 >= y1:
        return np.zeros((*size, 3), np.uint8)
    moved = np.array([[1.0, 0, x0], [0, 1, y0]])
    part = picture[y0:y1, x0:x1]
    return crop_picture(part, geometry.compose(crop_from_img, moved), size)

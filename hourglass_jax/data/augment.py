"""Random changes of a training crop; `config.AugmentConfig` tells the distributions."""

import dataclasses

import cv2
import numpy as np

from hourglass_jax import geometry
from hourglass_jax.config import AugmentConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What happens to one crop.

    Attributes:
      scale: side of the crop's box per side of the person's box.
      rotation: degrees, clockwise in the picture.
      shift: x and y of the box's move, in sides of the person's box.
      flip: mirrored, left and right keypoints swapped.
      gains: what red, green and blue are multiplied by.
    """

    scale: float = 1.0
    rotation: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    flip: bool = False
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)


IDENTITY = Augmentation()


def draw_augmentation(rng: np.random.Generator, config: AugmentConfig) -> Augmentation:
    """Draw one augmentation; always consumes the same numbers, whatever the config."""
    exponent = _clipped_normal(rng, config.scale, config.scale_limit)
    rotation = _clipped_normal(rng, config.rotation, config.rotation_limit)
    rotated, flipped = rng.random(2)
    shift = config.translation * rng.uniform(-1, 1, 2)
    gains = 1 + config.colour * rng.uniform(-1, 1, 3)
    return Augmentation(
        scale=2**exponent,
        rotation=rotation if rotated < config.rotation_probability else 0.0,
        shift=(float(shift[0]), float(shift[1])),
        flip=bool(flipped < config.flip_probability),
        gains=(float(gains[0]), float(gains[1]), float(gains[2])),
    )


def _clipped_normal(rng: np.random.Generator, spread: float, limit: float) -> float:
    return float(np.clip(spread * rng.standard_normal(), -limit, limit))


def augmented_affine(
    center_img: np.ndarray, side_img: float, size: tuple[int, int], how: Augmentation
) -> geometry.Affine:
    """``crop_from_img`` of a person's square box, augmented."""
    moved = np.asarray(center_img, np.float64) + side_img * np.asarray(how.shift)
    affine = geometry.crop_affine(moved, side_img * how.scale, size, how.rotation)
    if how.flip:
        affine = geometry.compose(geometry.flip_affine(size[1]), affine)
    return affine


def augment_colours(crop: np.ndarray, how: Augmentation) -> np.ndarray:
    """Multiply each channel of an RGB uint8 crop by its gain, rounded and clipped."""
    if how.gains == IDENTITY.gains:
        return crop
    levels = np.arange(256.0)[:, None] * np.asarray(how.gains)
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return cv2.LUT(crop, table[None])

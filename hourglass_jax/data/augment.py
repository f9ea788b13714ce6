"""Random changes of a training crop; `config.AugmentConfig` says how often and how far.

All that moves pixels is one affine here; `appearance` changes what they look like.
"""

import dataclasses
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from hourglass_jax import geometry
from hourglass_jax.config import HALF_BODY_SHIFT, AugmentConfig
from hourglass_jax.data.schema import BOX_PADDING
from hourglass_jax.skeleton import Skeleton

Patch = tuple[float, float, float, float]
"""x and y of a patch's centre, its width and height, in shares of the crop's side."""

BLUR = 2 / 256
"""Largest standard deviation of a blur, in shares of the crop's side."""

QUALITY = (15, 75)
"""JPEG qualities of compressed crops."""

_HALF_SIDE = 0.3
_HALF_JOINTS = 3
_LOWER = ("pelvis", "hip", "knee", "ankle", "heel", "foot", "toe")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What happens to one crop.

    Attributes:
      scale: side of the crop's box per side of the person's box.
      rotation: degrees, clockwise in the picture.
      shift: x and y of the box's move, in sides of the person's box.
      flip: mirrored, left and right keypoints swapped.
      gains: what red, green and blue are multiplied by.
      half: which part of the body the box is around.
      occluder: where a piece of another picture lies.
      occluder_of: which one, in [0, 1), over all people.
      cutout: where a rectangle of one colour lies.
      grey: without colour.
      blur: standard deviation, in shares of the crop's side.
      quality: of JPEG compression; 100 is none.
    """

    scale: float = 1.0
    rotation: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    flip: bool = False
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    half: Literal["whole", "upper", "lower"] = "whole"
    occluder: Patch | None = None
    occluder_of: float = 0.0
    cutout: Patch | None = None
    grey: bool = False
    blur: float = 0.0
    quality: int = 100


IDENTITY = Augmentation()


def draw_augmentation(rng: np.random.Generator, config: AugmentConfig) -> Augmentation:
    """Draw one augmentation; always consumes the same numbers, whatever the config."""
    exponent = _clipped_normal(rng, config.scale, config.scale_limit)
    rotation = _clipped_normal(rng, config.rotation, config.rotation_limit)
    rotated, flipped = rng.random(2)
    shift = config.translation * rng.uniform(-1, 1, 2)
    gains = 1 + config.colour * rng.uniform(-1, 1, 3)
    halved, occluded, cut, greyed, blurred, compressed = rng.random(6)
    upper, person, blur, quality = rng.random(4)
    occluder, cutout = _draw_patch(rng), _draw_patch(rng)
    halves: Literal["upper", "lower"] = "upper" if upper < 0.5 else "lower"
    return Augmentation(
        scale=2**exponent,
        rotation=rotation if rotated < config.rotation_probability else 0.0,
        shift=(float(shift[0]), float(shift[1])),
        flip=bool(flipped < config.flip_probability),
        gains=(float(gains[0]), float(gains[1]), float(gains[2])),
        half=halves if halved < config.half_body_probability else "whole",
        occluder=occluder if occluded < config.occluder_probability else None,
        occluder_of=float(person) if occluded < config.occluder_probability else 0.0,
        cutout=cutout if cut < config.cutout_probability else None,
        grey=bool(greyed < config.grey_probability),
        blur=float(BLUR * blur) if blurred < config.blur_probability else 0.0,
        quality=_between(*QUALITY, quality)
        if compressed < config.jpeg_probability
        else 100,
    )


def _between(low: int, high: int, share: float) -> int:
    return low + int(share * (high - low + 1))


def _draw_patch(rng: np.random.Generator) -> Patch:
    x, y, width, height = rng.random(4)
    return float(x), float(y), float(0.1 + 0.25 * width), float(0.1 + 0.25 * height)


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


def lower_body(skeleton: Skeleton) -> Bool[np.ndarray, " k"]:
    """Which keypoints belong to hips and legs, by their names."""
    return np.array([any(w in n.lower() for w in _LOWER) for n in skeleton.keypoints])


def half_box(
    keypoints_img: Float[np.ndarray, "k 2"],
    chosen: Bool[np.ndarray, " k"],
    center_img: Float[np.ndarray, "2"],
    side_img: float,
) -> tuple[np.ndarray, float]:
    """Centre and side of the square box around some of the keypoints.

    The person's own box where fewer than three are chosen. The box never lies further
    off, nor is it larger, than `AugmentConfig.reach` reckons with.
    """
    if chosen.sum() < _HALF_JOINTS:
        return center_img, side_img
    points = keypoints_img[chosen]
    box_img = np.concatenate([points.min(0), points.max(0)])
    center, side = geometry.square_box(box_img, BOX_PADDING)
    furthest = HALF_BODY_SHIFT * side_img
    center = np.clip(center, center_img - furthest, center_img + furthest)
    return center, float(np.clip(side, _HALF_SIDE * side_img, side_img))

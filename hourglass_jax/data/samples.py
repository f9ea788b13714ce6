"""One person's sample: a crop of the photograph, and where the keypoints are in it."""

import dataclasses
from typing import Any

import numpy as np

from hourglass_jax import geometry
from hourglass_jax.config import AugmentConfig
from hourglass_jax.data import appearance, augment
from hourglass_jax.data.crop import crop_picture
from hourglass_jax.data.records import Records
from hourglass_jax.data.schema import BOX_PADDING, Record, open_picture
from hourglass_jax.skeleton import Skeleton

Sample = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSample:
    """Makes an augmented crop of a record; worker processes receive it pickled.

    Attributes:
      skeleton: what the keypoints are.
      others: the records that occluders are taken from.
      augment: how often and how far crops change.
      size: height and width of the crop.
    """

    skeleton: Skeleton
    others: Records
    augment: AugmentConfig
    size: tuple[int, int]

    def __call__(self, record: Record, rng: np.random.Generator) -> Sample:
        """The sample of a record, augmented by what ``rng`` says."""
        how = augment.draw_augmentation(rng, self.augment)
        crop_from_img = augment.augmented_affine(
            *self._box(record, how.half), self.size, how
        )
        sample = crop_person(record, crop_from_img, self.size)
        if how.occluder:
            other = self._whole(int(how.occluder_of * len(self.others)))
            _cover(sample, *appearance.occlude(sample["image"], other, how.occluder))
        if how.cutout:
            _cover(sample, *appearance.cut_out(sample["image"], how.cutout))
        sample["image"] = appearance.change_appearance(sample["image"], how)
        if how.flip:
            for field in ("keypoints_crop", "visibility"):
                sample[field] = sample[field][list(self.skeleton.flip)]
        return sample

    def _box(self, record: Record, half: str) -> tuple[np.ndarray, float]:
        center_img, side_img = record["center_img"], float(record["side_img"])
        if half == "whole":
            return center_img, side_img
        chosen = augment.lower_body(self.skeleton) == (half == "lower")
        chosen &= record["visibility"] > 0
        return augment.half_box(record["keypoints_img"], chosen, center_img, side_img)

    def _whole(self, number: int) -> np.ndarray:
        record = self.others[number]
        box = record["center_img"], float(record["side_img"])
        return crop_person(record, geometry.crop_affine(*box, self.size), self.size)[
            "image"
        ]


def _cover(sample: Sample, image: np.ndarray, covered: np.ndarray) -> None:
    sample["image"] = image
    sample["visibility"] = appearance.hide(
        sample["visibility"], sample["keypoints_crop"], covered
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationSample:
    """Makes the plain crop of a person by number."""

    source: Records
    size: tuple[int, int]
    scales: tuple[float, ...]
    padding: float

    def __call__(self, number: int) -> Sample:
        """The sample of a person; numbers past the last give the last, masked out."""
        record = self.source[min(number, len(self.source) - 1)]
        crop_from_img = self._affine(record, 1.0)
        sample = crop_person(record, crop_from_img, self.size)
        if self.scales != (1.0,):
            sample["image"] = self._images(record)
        return sample | {
            "mask": np.bool_(number < len(self.source)),
            "img_from_crop": geometry.invert(crop_from_img),
            "keypoints_img": record["keypoints_img"],
            "side_img": np.float32(record["side_img"]),
            "head_size_img": np.float32(record["head_size_img"]),
            "area_img": np.float32(record["area_img"]),
            "person": np.int64(record["person"]),
        }

    def _images(self, record: Record) -> np.ndarray:
        images = [
            crop_person(record, self._affine(record, scale), self.size)["image"]
            for scale in self.scales
        ]
        return np.stack(images)

    def _affine(self, record: Record, scale: float) -> geometry.Affine:
        square = record["center_img"], widen(record, self.padding) * scale
        return geometry.crop_affine(*square, self.size)


def widen(record: Record, padding: float) -> float:
    """Side of a person's square that is padded otherwise than records are."""
    return float(record["side_img"]) * (padding / BOX_PADDING)


def crop_person(
    record: Record, crop_from_img: geometry.Affine, size: tuple[int, int]
) -> Sample:
    """Picture and keypoints of a record, taken to the crop together."""
    picture, crop_from_picture = open_picture(record, crop_from_img, size)
    visibility = record["visibility"]
    keypoints = geometry.transform(crop_from_img, record["keypoints_img"])
    return {
        "image": crop_picture(picture, crop_from_picture, size),
        "keypoints_crop": np.where(visibility[:, None] > 0, keypoints, 0).astype(
            np.float32
        ),
        "visibility": visibility,
    }

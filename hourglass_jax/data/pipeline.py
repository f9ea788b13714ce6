"""Batches of crops from prepared records, by Grain.

Sample n of a run is a pure function of the seed and n: which person it is (every epoch
of people is shuffled anew) and how it is augmented. Global batch i holds the samples
from ``i * batch_size`` on, and process p of P takes its p-th equal part. So batch i is
the same people, augmented alike, in the same order, for any number of processes,
workers and threads, and a run that starts at batch i needs nothing but i. Batches run
on over the end of an epoch: nobody is left out.
"""

import atexit
import dataclasses
import os
import signal
import weakref
from collections.abc import Iterator
from typing import Any

import cv2
import grain
import numpy as np
from absl import flags

from hourglass_jax import geometry
from hourglass_jax.config import AugmentConfig, Config
from hourglass_jax.data import appearance, augment
from hourglass_jax.data.crop import crop_picture
from hourglass_jax.data.records import Dataset, Records
from hourglass_jax.data.schema import BOX_PADDING, Record, open_picture
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import Skeleton

Batch = dict[str, np.ndarray]
Sample = dict[str, Any]


def training_batches(
    dataset: Dataset,
    config: Config,
    *,
    start: int = 0,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Batch]:
    """This process's part of the endless training batches, from batch ``start`` on.

    Each batch has ``image`` uint8 ``[b h w 3]``, ``keypoints_crop`` float32 ``[b k 2]``
    (0 where absent) and ``visibility`` uint8 ``[b k]``, with b = batch_size /
    process_count. Raises InputError if the records hold too little of the photographs
    for ``config.augment``, or if the batch cannot be shared equally.
    """
    share = _share(config.train.batch_size, process_count)
    sets = (dataset, *dataset.others)
    samples = [_endless_samples(each, config, n) for n, each in enumerate(sets)]
    mixed = samples[0]
    if len(sets) > 1:
        mixed = grain.MapDataset.mix(samples, weights=[each.weight for each in sets])
    # There is no remainder, but Grain rounds an endless length up, beyond 64 bits.
    shares = mixed.batch(share, drop_remainder=True)
    first = start * process_count + process_index
    return _iterate(shares[first::process_count], config.data.workers)


def _endless_samples(dataset: Dataset, config: Config, n: int) -> grain.MapDataset:
    _check_reach(dataset, config.augment)
    make_sample = TrainingSample(
        skeleton=dataset.skeleton,
        others=dataset.split("train"),
        augment=config.augment,
        size=(config.data.input_size, config.data.input_size),
    )
    return (
        grain.MapDataset.source(dataset.split("train"))
        .seed(config.seed + n)  # people of two sets should not be augmented alike
        .shuffle()
        .repeat()
        .random_map(make_sample)
    )


def evaluation_batches(
    source: Records,
    skeleton: Skeleton,
    input_size: int,
    batch_size: int,
    *,
    scales: tuple[float, ...] = (1.0,),
    padding: float = BOX_PADDING,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Batch]:
    """This process's part of all people of ``source``, in order, never augmented.

    As `training_batches`, and ``img_from_crop`` float64 ``[b 2 3]``, ``keypoints_img``
    float32 ``[b k 2]``, ``side_img``, ``head_size_img`` and ``area_img`` float32
    ``[b]``, ``person`` int64 ``[b]`` and ``mask`` bool ``[b]``, False for what fills up
    the last batch. With several ``scales``, multiples of the side of the person's
    square, ``image`` is ``[b s h w 3]``, and all else that of scale 1. The square is
    ``padding`` times the person's, without its `BOX_PADDING`, wide.
    Raises InputError if the records have other keypoints than ``skeleton``.
    """
    _check_keypoints(source, skeleton)
    share = _share(batch_size, process_count)
    total = -(-len(source) // batch_size) * batch_size
    make_sample = EvaluationSample(
        source=source,
        size=(input_size, input_size),
        scales=scales,
        padding=padding,
    )
    samples = grain.MapDataset.range(total).map(make_sample)
    return _iterate(samples.batch(share)[process_index::process_count], workers=0)


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


def _iterate(batches: grain.MapDataset, workers: int) -> Iterator[Batch]:
    _one_thread_a_crop()
    if not workers:
        threads = min(os.cpu_count() or 1, 8)
        # What waits here are whole batches, so few are enough.
        reading = grain.ReadOptions(
            num_threads=threads, prefetch_buffer_size=threads + 1
        )
        return iter(batches.to_iter_dataset(reading))
    # Grain asks an absl flag about profiling, and only absl's own apps parse flags.
    flags.FLAGS.mark_as_parsed()
    reading = grain.ReadOptions(num_threads=1, prefetch_buffer_size=1)
    options = grain.MultiprocessingOptions(
        num_workers=workers, per_worker_buffer_size=2
    )
    ahead = batches.to_iter_dataset(reading)
    received = _receive(ahead.mp_prefetch(options, worker_init_fn=_start_worker))
    # Workers that are still at it when Python ends are complained about at length.
    atexit.register(_close, weakref.ref(received))
    return received


def _receive(ahead: grain.IterDataset) -> Iterator[Batch]:
    """Copy batches out of the shared memory that workers put them in."""
    iterator = iter(ahead)
    try:
        for batch in iterator:
            yield {field: np.array(values) for field, values in batch.items()}
    finally:
        iterator.close()


def _close(received: weakref.ref) -> None:
    if (generator := received()) is not None:
        generator.close()


def _start_worker(worker: int, count: int) -> None:
    # Ctrl-C goes to all processes of a terminal; ending is the first one's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _one_thread_a_crop()


def _one_thread_a_crop() -> None:
    # Samples are made in parallel already: OpenCV's own threads would only compete.
    cv2.setNumThreads(0)


def _share(batch_size: int, process_count: int) -> int:
    if batch_size % process_count:
        raise InputError(
            f"config: train.batch_size is {batch_size}; expected a multiple of the "
            f"{process_count} processes"
        )
    return batch_size // process_count


def _check_reach(dataset: Dataset, config: AugmentConfig) -> None:
    # The default reaches 1.0 + 2e-16: a comparison of floats needs a little air.
    if config.reach > dataset.reach + 1e-6:
        raise InputError(
            f"config: augment reaches {config.reach:.2f} sides of the box from its "
            f"centre, but the records of {dataset.name} hold {dataset.reach:.2f}; "
            "lower augment.scale_limit, augment.rotation_limit or augment.translation"
        )


def _check_keypoints(source: Records, skeleton: Skeleton) -> None:
    found, expected = len(source[0]["visibility"]), len(skeleton.keypoints)
    if found != expected:
        raise InputError(
            f"the records hold {found} keypoints a person; expected the {expected} of "
            f"the skeleton {skeleton.name}"
        )

"""Batches of crops from prepared records, by Grain.

Sample n of a run is a pure function of the seed and n: which person it is (every epoch
of people is shuffled anew) and how it is augmented. Global batch i holds the samples
from ``i * batch_size`` on, and process p of P takes its p-th equal part. So batch i is
the same people, augmented alike, in the same order, for any number of processes,
workers and threads, and a run that starts at batch i needs nothing but i. Batches run
on over the end of an epoch: nobody is left out.
"""

import atexit
import os
import signal
import weakref
from collections.abc import Iterator

import cv2
import grain
import numpy as np
from absl import flags

from hourglass_jax.config import AugmentConfig, Config
from hourglass_jax.data.records import Dataset, Records
from hourglass_jax.data.samples import EvaluationSample, TrainingSample
from hourglass_jax.data.schema import BOX_PADDING
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import Skeleton

Batch = dict[str, np.ndarray]


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

"""What the tfds builders of all data sets share."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
import tensorflow_datasets as tfds

from hourglass_jax.data.schema import REACH, Record
from hourglass_jax.errors import InputError
from hourglass_jax.progress import Bar
from hourglass_jax.skeleton import Skeleton

_NAMED = 5


def features(keypoints: int) -> tfds.features.FeaturesDict:
    """The record of one person with ``keypoints`` keypoints, see `schema.make_record`.

    Images are encoded bytes: tfds decodes nothing, and does without TensorFlow.
    """
    kinds = tfds.features
    return kinds.FeaturesDict(
        {
            "image": kinds.Scalar(np.object_),
            # tf.train.Example knows float32 only, raw bytes keep all of float64.
            "stored_from_img": kinds.Tensor(
                shape=(2, 3), dtype=np.float64, encoding="bytes"
            ),
            "keypoints_img": kinds.Tensor(shape=(keypoints, 2), dtype=np.float32),
            "visibility": kinds.Tensor(shape=(keypoints,), dtype=np.uint8),
            "center_img": kinds.Tensor(shape=(2,), dtype=np.float32),
            "side_img": kinds.Scalar(np.float32),
            "head_size_img": kinds.Scalar(np.float32),
            "area_img": kinds.Scalar(np.float32),
            "file": kinds.Text(),
            "person": kinds.Scalar(np.int64),
        }
    )


class PeopleBuilder(  # type: ignore[call-arg]  # tfds has no types
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """A data set of people; a subclass says which, and yields `_records` by split."""

    # Part of the path of prepared records: raise it when records change.
    VERSION = tfds.core.Version("1.0.0")
    SKELETON: Skeleton
    SUMMARY: str
    HOMEPAGE: str | None = None

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.SUMMARY,
            homepage=self.HOMEPAGE,
            features=features(len(self.SKELETON.keypoints)),
            disable_shuffling=True,  # records keep the order of the source
            metadata=tfds.core.MetadataDict(
                reach=REACH, skeleton=self.SKELETON.to_dict()
            ),
        )

    def _log_download_bytes(self) -> None:
        """Print nothing: the progress is ours."""

    def _log_download_done(self) -> None:
        """Print nothing: the progress is ours."""

    def _records(
        self,
        split: str,
        make: Callable[[int], Record],
        people: range,
    ) -> Iterator[tuple[int, Record]]:
        """Make the records of ``people``, in this order, several at a time.

        Goes through all of them before it raises one InputError that counts and names
        those for which ``make`` raised one; tfds then removes what it has written.
        """
        bad: list[str] = []
        with (
            ThreadPoolExecutor(os.cpu_count()) as workers,
            Bar(f"{self.name} {split}", len(people), unit="people") as bar,
        ):
            for number, result in enumerate(_in_order(workers, make, people)):
                try:
                    yield number, result.result()
                except InputError as error:
                    bad.append(str(error))
                bar.advance()
        if bad:
            raise InputError(name_all(f"{self.name}: bad records", bad))


def name_all(what: str, items: list[str]) -> str:
    """One line that counts ``items`` and names the first few."""
    more = f"; and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return f"{what} ({len(items)}): " + "; ".join(items[:_NAMED]) + more


def _in_order(
    workers: ThreadPoolExecutor, make: Callable[[int], Record], people: Iterable[int]
) -> Iterator[Future[Record]]:
    # A short queue: results wait in memory, and an interruption should end soon.
    queued = iter(people)
    pending = deque(workers.submit(make, n) for n in islice(queued, 64))
    try:
        while pending:
            pending[0].exception()  # waits
            yield pending.popleft()
            pending.extend(workers.submit(make, n) for n in islice(queued, 1))
    finally:
        for future in pending:
            future.cancel()

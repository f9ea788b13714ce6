"""What the tfds builders of all data sets share."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from hourglass_jax.data import parts
from hourglass_jax.data.annotations import name_all
from hourglass_jax.data.schema import Record
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import Skeleton


def features(keypoints: int) -> tfds.features.FeaturesDict:
    """The record of one person with ``keypoints`` keypoints, see `schema.make_record`.

    Images are encoded bytes: tfds decodes nothing, and does without TensorFlow.
    """
    kinds = tfds.features
    return kinds.FeaturesDict(
        {
            "image": kinds.Scalar(np.object_),
            "inner": kinds.Scalar(np.object_),
            "inner_box": kinds.Tensor(shape=(4,), dtype=np.int32),
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contents:
    """What the records of a data set are made of.

    Attributes:
      skeleton: what the keypoints are.
      splits: for each split that has people, what their records are made of, in order.
      make: makes one record; other processes receive it pickled.
      rejected: whoever is left out already, and why.
    """

    skeleton: Skeleton
    splits: Mapping[str, Sequence[Any]]
    make: Callable[[Any], Record]
    rejected: Sequence[str] = ()


@dataclasses.dataclass(kw_only=True, eq=False)
class PeopleConfig(tfds.core.BuilderConfig):
    """How records are made.

    Attributes:
      contents: of what.
      reach: how far around a person they hold pixels, in sides of the box.
      skip_bad: whether people of whom no record can be made are left out.
    """

    contents: Contents
    reach: float
    skip_bad: bool


class PeopleBuilder(  # type: ignore[call-arg]  # tfds has no types
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """A data set of people; a subclass names it."""

    # Part of the path of prepared records: raise it when records change.
    VERSION = tfds.core.Version("1.1.0")
    SUMMARY: str
    HOMEPAGE: str | None = None

    def __init__(self, **given: Any) -> None:
        self.rejected: list[str] = []
        """Why people were left out, once prepared."""
        super().__init__(**given)

    def _info(self) -> tfds.core.DatasetInfo:
        skeleton = self.builder_config.contents.skeleton
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.SUMMARY,
            homepage=self.HOMEPAGE,
            features=features(len(skeleton.keypoints)),
            disable_shuffling=True,  # records keep the order of the source
            metadata=tfds.core.MetadataDict(
                reach=self.builder_config.reach, skeleton=skeleton.to_dict()
            ),
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, Record]]]:
        del dl_manager  # what is downloaded was downloaded before
        return {
            split: self._generate_examples(split, items)
            for split, items in self.builder_config.contents.splits.items()
        }

    def _generate_examples(
        self, split: str, items: Sequence[Any]
    ) -> Iterator[tuple[int, Record]]:
        """The records of a split, in order; raises one InputError for all bad ones."""
        bad: list[str] = []
        made = parts.make_records(
            f"{self.name} {split}",
            self.builder_config.contents.make,
            items,
            folder=parts_folder(Path(self.data_path)) / split,
        )
        for number, record in enumerate(made):
            if isinstance(record, str):
                bad.append(record)
            else:
                yield number, record
        if bad and not self.builder_config.skip_bad:
            raise InputError(name_all(f"{self.name}: bad records", bad))
        if len(bad) == len(items):
            raise InputError(name_all(f"{self.name}: nobody is left of {split}", bad))
        self.rejected += bad

    def _log_download_bytes(self) -> None:
        """Print nothing: the progress is ours."""

    def _log_download_done(self) -> None:
        """Print nothing: the progress is ours."""


def parts_folder(records: Path) -> Path:
    """Where parts are kept until the records in ``records`` are whole.

    While they are written, ``records`` has a passing name: only its parent is asked.
    """
    return records.parent / f"parts.{PeopleBuilder.VERSION}"

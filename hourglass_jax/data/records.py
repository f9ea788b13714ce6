"""Prepared records, read back by number."""

import dataclasses
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import tensorflow_datasets as tfds

from hourglass_jax.data.schema import Record
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import Skeleton


@runtime_checkable  # beartype asks, in the tests
class Records(Protocol):
    """Records with random access; tfds calls it a data source."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Record: ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """A prepared data set.

    Attributes:
      name: such as ``lspet``.
      skeleton: what the keypoints are.
      splits: the records of each split, in the order of the source.
      reach: how far from a box's centre records hold pixels, in sides of the box.
      weight: how often its people are learnt from, beside those of `others`.
      others: data sets of the same keypoints that are learnt from together with it.
    """

    name: str
    skeleton: Skeleton
    splits: Mapping[str, Records]
    reach: float
    weight: float = 1.0
    others: tuple["Dataset", ...] = ()

    def split(self, name: str) -> Records:
        """The records of a split; raises InputError if there is none of this name."""
        if name not in self.splits:
            known = ", ".join(self.splits)
            raise InputError(f"{self.name}: no split {name!r}; expected one of {known}")
        return self.splits[name]


def read_prepared(folder: Path) -> Dataset:
    """Open prepared records by their folder alone; raises InputError if damaged."""
    try:
        # A builder that reads only is cheap to send to worker processes.
        builder = tfds.builder_from_directory(folder)
        metadata = builder.info.metadata
        return Dataset(
            name=builder.name,
            skeleton=Skeleton.from_dict(metadata["skeleton"]),
            splits={name: _open_split(builder, name) for name in builder.info.splits},
            reach=metadata["reach"],
        )
    except Exception as error:  # tfds and array_record raise many kinds
        reason = " ".join(str(error).split())
        raise InputError(
            f"prepared data: {folder} is damaged ({reason}); remove this folder, and "
            "it is made again"
        ) from error


def _open_split(builder: Any, name: str) -> Records:
    source = builder.as_data_source(name)
    for end in itertools.accumulate(builder.info.splits[name].shard_lengths):
        source[end - 1]  # fails now, not in the middle of training
    return source

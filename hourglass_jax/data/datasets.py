"""Data sets by name: prepared once under a cache folder, then opened."""

import contextlib
import dataclasses
import fcntl
import importlib
import itertools
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import tensorflow_datasets as tfds
from absl import logging as absl_logging

from hourglass_jax.config import DataConfig
from hourglass_jax.data.schema import Record
from hourglass_jax.errors import InputError
from hourglass_jax.progress import console
from hourglass_jax.skeleton import Skeleton

# Imported on first use: a data set should not wait for the imports of the others.
_BUILDERS = {
    "synthetic_people": "hourglass_jax.data.synthetic_people",
    "lspet": "hourglass_jax.data.lspet",
}


@runtime_checkable  # beartype asks, in the tests
class Source(Protocol):
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
    """

    name: str
    skeleton: Skeleton
    splits: Mapping[str, Source]
    reach: float

    def split(self, name: str) -> Source:
        """The records of a split; raises InputError if there is none of this name."""
        if name not in self.splits:
            known = ", ".join(self.splits)
            raise InputError(f"{self.name}: no split {name!r}; expected one of {known}")
        return self.splits[name]


def open_dataset(config: DataConfig) -> Dataset:
    """Open ``config.dataset``, prepared first where it is not yet.

    Records are kept under `data_dir`, by what they were made from: changed sources are
    prepared anew. Raises InputError for an unknown name and for sources that cannot be
    used; then, or when interrupted, nothing is left that looks prepared.
    """
    if config.dataset not in _BUILDERS:
        known = ", ".join(_BUILDERS)
        raise InputError(
            f"config: data.dataset is {config.dataset!r}; expected one of {known}"
        )
    module = importlib.import_module(_BUILDERS[config.dataset])
    with _quiet():
        builder, download = module.make_builder(config, data_dir(config))
        if not builder.data_path.exists():
            _prepare(builder, download)
        return read_prepared(Path(builder.data_path))


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


def data_dir(config: DataConfig) -> Path:
    """Where prepared records are kept.

    That is ``config.data_dir``, else the environment variable HOURGLASS_DATA_DIR, else
    ``hourglass_jax`` in the user's cache folder.
    """
    chosen = config.data_dir or os.environ.get("HOURGLASS_DATA_DIR")
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(chosen or Path(cache) / "hourglass_jax").expanduser().resolve()


def _open_split(builder: Any, name: str) -> Source:
    source = builder.as_data_source(name)
    for end in itertools.accumulate(builder.info.splits[name].shard_lengths):
        source[end - 1]  # fails now, not in the middle of training
    return source


def _prepare(builder: Any, download: Mapping[str, Any]) -> None:
    folder = Path(builder.data_path)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"data_dir: {folder.parent} cannot be made ({error.strerror}); pass "
            "--data.data-dir with a folder that can be written"
        ) from error
    with _only_one(folder.parent / ".lock"):
        # What a killed process left; nobody else can be writing it now.
        for left in folder.parent.glob("incomplete.*"):
            shutil.rmtree(left)
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(**download)
        )


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold the lock; tfds finds the data prepared if another process was first."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print(f"waiting for another process that prepares {path.parent}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep tfds from logging, and from drawing bars beside ours."""
    verbosity = absl_logging.get_verbosity()
    absl_logging.set_verbosity(absl_logging.ERROR)
    tfds.disable_progress_bar()
    try:
        yield
    finally:
        absl_logging.set_verbosity(verbosity)
        tfds.enable_progress_bar()

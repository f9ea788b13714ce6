"""Data sets by name: prepared once under a cache folder, then opened."""

import contextlib
import dataclasses
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import tensorflow_datasets as tfds
from absl import logging as absl_logging

from hourglass_jax.config import DataConfig, SourceConfig
from hourglass_jax.data import parts
from hourglass_jax.data.builder import PeopleBuilder, PeopleConfig, parts_folder
from hourglass_jax.data.mapping import choose_skeleton, map_dataset
from hourglass_jax.data.records import Dataset, read_prepared
from hourglass_jax.data.schema import REACH
from hourglass_jax.data.sources import find_source
from hourglass_jax.errors import InputError
from hourglass_jax.files import write_json
from hourglass_jax.progress import console


def open_dataset(config: DataConfig, reach: float = REACH) -> Dataset:
    """Open the data sets of a config, prepared first where they are not yet.

    Records are kept under `data_dir`, by what they were made from: changed sources are
    prepared anew. They hold the photograph up to ``reach`` sides of the box around a
    person, or `REACH` where that is more. Raises InputError for an unknown name and for
    sources that cannot be used; then, or when interrupted, nothing is left that looks
    prepared.
    """
    kept = data_dir(config)
    reach = max(reach, REACH)
    sources = (config, *config.also)
    opened = [open_source(source, kept, reach) for source in sources]
    if len(opened) == 1 and config.keypoints == "first":
        return opened[0]
    skeleton = choose_skeleton(config.keypoints, [each.skeleton for each in opened])
    first, *others = (
        dataclasses.replace(
            map_dataset(dataset, skeleton, source.rename), weight=source.weight
        )
        for dataset, source in zip(opened, sources, strict=True)
    )
    return dataclasses.replace(first, others=tuple(others))


def open_source(config: SourceConfig, kept: Path, reach: float) -> Dataset:
    """Open one data set, prepared first where it is not yet."""
    with _quiet():
        key = find_source(config.dataset).key(config, kept)
        if reach > REACH:
            key += f"-reach{reach:.2f}"
        folder = kept / config.dataset / key / str(PeopleBuilder.VERSION)
        if not folder.exists():
            _prepare(config, kept, folder, reach)
        return read_prepared(folder)


def data_dir(config: DataConfig) -> Path:
    """Where prepared records are kept.

    That is ``config.data_dir``, else the environment variable HOURGLASS_DATA_DIR, else
    ``hourglass_jax`` in the user's cache folder.
    """
    chosen = config.data_dir or os.environ.get("HOURGLASS_DATA_DIR")
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(chosen or Path(cache) / "hourglass_jax").expanduser().resolve()


def _prepare(config: SourceConfig, kept: Path, folder: Path, reach: float) -> None:
    parts.refuse_to_begin_again()
    home = folder.parent
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"data_dir: {home} cannot be made ({error.strerror}); pass "
            "--data.data-dir with a folder that can be written"
        ) from error
    with _only_one(home / ".lock"):
        if folder.exists():
            return  # another process was first
        # What a killed process left; nobody else can be writing it now.
        for left in home.glob("incomplete.*"):
            shutil.rmtree(left)
        source = find_source(config.dataset)
        contents = source.contents(config, kept, reach)
        how = PeopleConfig(
            name=home.name, contents=contents, reach=reach, skip_bad=config.skip_bad
        )
        builder = source.builder(data_dir=kept, config=how, file_format="array_record")
        builder.download_and_prepare()
        shutil.rmtree(parts_folder(folder), ignore_errors=True)
        if rejected := [*contents.rejected, *builder.rejected]:
            write_json(folder / "rejected.json", rejected)
            console.print(f"left out {len(rejected)}: see {folder / 'rejected.json'}")


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold the lock; waits for whoever has it."""
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

"""The data sets that are known by name, and where their own files lie."""

import dataclasses
import functools
import hashlib
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from hourglass_jax.config import SourceConfig
from hourglass_jax.data.annotations import (
    Annotations,
    Problem,
    missing_photographs,
    refuse,
)
from hourglass_jax.data.builder import Contents, PeopleBuilder
from hourglass_jax.data.check_people import faults, repeated
from hourglass_jax.data.downloads import Archive, fetch
from hourglass_jax.data.schema import person_record
from hourglass_jax.errors import InputError
from hourglass_jax.progress import console

# Imported on first use: a data set should not wait for the imports of the others.
_MODULES = {
    "synthetic_people": "hourglass_jax.data.synthetic_people",
    "lspet": "hourglass_jax.data.leeds",
    "lsp": "hourglass_jax.data.leeds",
    "mpii": "hourglass_jax.data.mpii",
    "flic": "hourglass_jax.data.flic",
    "coco_keypoints": "hourglass_jax.data.coco",
    "coco_json": "hourglass_jax.data.coco",
}


@runtime_checkable  # beartype asks, in the tests
class Source(Protocol):
    """A data set by name; its module lists it in SOURCES."""

    builder: type[PeopleBuilder]

    def key(self, config: SourceConfig, data_dir: Path) -> str:
        """Name what records would be made from, quickly; other content, other name."""

    def contents(self, config: SourceConfig, data_dir: Path, reach: float) -> Contents:
        """What the records are made of. Raises InputError for what cannot be used."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Located:
    """Where a data set's own files lie.

    Attributes:
      files: annotation files; their bytes decide whether records are still current.
      folder: where the photographs lie.
    """

    files: tuple[Path, ...]
    folder: Path


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reader:
    """A data set of photographs and annotations that lie in a folder.

    Attributes:
      builder: the tfds builder, whose name is that of the data set.
      locate: finds the files in the user's folder, quickly; raises InputError that says
        which file or folder is missing and what was expected.
      read: reads what `locate` found. Raises InputError for a file that cannot be read
        at all; whatever is wrong with single people becomes a `Problem`.
      archives: what to fetch where the user has no folder; empty if it must be his own.
    """

    builder: type[PeopleBuilder]
    locate: Callable[[Path, SourceConfig], Located]
    read: Callable[[Located, SourceConfig], Annotations]
    archives: tuple[Archive, ...] = ()

    def key(self, config: SourceConfig, data_dir: Path) -> str:
        """Digest of the annotations, of the photographs' names and sizes, of how."""
        how = f"{config.selection} {config.validation_share} {config.skip_bad}"
        digest = hashlib.sha256(how.encode())
        if config.raw_dir is None:
            return f"archive-{digest.hexdigest()[:12]}"
        located = self.find(config, data_dir)
        for path in located.files:
            digest.update(path.name.encode() + path.read_bytes())
        photographs = (p for p in located.folder.rglob("*") if p.is_file())
        for path in sorted(photographs):
            name = path.relative_to(located.folder).as_posix()
            digest.update(f"{name}:{path.stat().st_size}\n".encode())
        return digest.hexdigest()[:12]

    def contents(self, config: SourceConfig, data_dir: Path, reach: float) -> Contents:
        """The annotated people; refuses those of whom no record can be made.

        With `skip_bad` they are left out, and with them all whose labels are wrong.
        Otherwise wrong labels are kept: published data sets have some, and everybody
        learns from them.
        """
        found = self.read(self.find(config, data_dir), config)
        problems = [*found.problems, *missing_photographs(found), *repeated(found)]
        wrong = list(faults(found))
        if config.skip_bad:
            problems += wrong
        else:
            refuse(f"{found.name}: bad annotations", problems)
            _tell_kept(found.name, wrong)
        usable = found.without(p.person for p in problems if p.person is not None)
        splits = {split: people for split, people in usable.splits.items() if people}
        if not splits:
            refuse(f"{found.name}: nobody is left", problems)
        names = found.skeleton.keypoints if config.skip_bad else ()
        return Contents(
            skeleton=found.skeleton,
            splits=splits,
            make=functools.partial(person_record, found.folder, reach, names=names),
            rejected=[str(problem) for problem in problems],
        )

    def find(self, config: SourceConfig, data_dir: Path) -> Located:
        """Locate the files in the user's folder, or in what is downloaded."""
        if config.raw_dir is None:
            folder = fetch(config.dataset, self.archives, data_dir / "downloads")
        else:
            folder = Path(config.raw_dir).expanduser().resolve()
            if not folder.is_dir():
                raise InputError(
                    f"raw_dir: {folder} is not a folder; give the one with the "
                    f"photographs and annotations of {config.dataset}"
                )
        return self.locate(folder, config)


def _tell_kept(name: str, wrong: Sequence[Problem]) -> None:
    """Say that people are kept whose labels are wrong."""
    if wrong:
        console.print(
            f"{name}: {len(wrong)} wrong labels are kept, such as {wrong[0]}; "
            "`hourglass data check` lists them, --skip-bad leaves these people out"
        )


def find_source(name: str) -> Source:
    """The data set of this name; raises InputError that lists the known ones."""
    if name not in _MODULES:
        known = ", ".join(_MODULES)
        raise InputError(f"config: data.dataset is {name!r}; expected one of {known}")
    source: Source = importlib.import_module(_MODULES[name]).SOURCES[name]
    return source

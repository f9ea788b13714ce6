"""`hourglass data`: prepare a data set, look at it, find what is wrong with it."""

import argparse
import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import tyro

from hourglass_jax.config import Config, DataConfig, SourceConfig
from hourglass_jax.config_files import load_config
from hourglass_jax.data.check import check, format_report
from hourglass_jax.data.datasets import data_dir, open_dataset
from hourglass_jax.data.sources import find_source
from hourglass_jax.errors import InputError
from hourglass_jax.files import write_json

_OVERVIEW = """usage: hourglass data ACTION NAME|FOLDER ...

  build   write one record a person, ready for training
  check   find what is wrong with labels and photographs; changes nothing
  preview draw augmented crops with their labels, and a page of statistics

hourglass data ACTION --help shows the options of each.
"""

_FIELDS = (*(field.name for field in dataclasses.fields(SourceConfig)), "data_dir")
_Hidden = tyro.conf.Suppress


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Request(SourceConfig):
    # A field without a default of its own would keep that of SourceConfig.
    dataset: Annotated[
        str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME|FOLDER")
    ] = dataclasses.field()
    """synthetic_people, lspet, lsp, mpii, flic, coco_keypoints, coco_json; or your own
    folder, which is read as coco_json."""
    weight: Annotated[float, _Hidden] = 1.0
    rename: Annotated[tuple[tuple[str, str], ...], _Hidden] = ()
    data_dir: Path | None = None
    """Where prepared records and downloads are kept; a cache folder by default."""

    def data(self, config: DataConfig) -> DataConfig:
        """The same data, in place of those of a config."""
        given = {name: getattr(self, name) for name in _FIELDS}
        return _as_folder(dataclasses.replace(config, **given))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Build(_Request):
    """Write one record a person, ready for training; what is ready is kept."""

    config: Path | None = None
    """Python file of an experiment: its data are the defaults here, and records reach
    as far as its augmentation."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preview(Build):
    """Draw what a network is taught: crops.png, statistics.png, statistics.json.

    Without photographs there are statistics only.
    """

    out: Path = Path("preview")
    """Folder to write to."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check(_Request):
    """Find what is wrong with labels and photographs; changes nothing.

    Prints the first 20 of each kind, and counts all. Exit status 2 if there are errors,
    else 0. Suspicions, such as left and right swapped, are for you to look at: they set
    status 2 with --strict only.
    """

    people: Annotated[int, _Hidden] = 4000
    validation_people: Annotated[int, _Hidden] = 500
    skip_bad: Annotated[bool, _Hidden] = False
    json: Path | None = None
    """Write everything that was found to this file."""
    strict: bool = False
    """Exit with status 2 for suspicions, too."""


_Asked = TypeVar("_Asked", bound=Build)


def run(argv: Sequence[str]) -> int:
    """Do what the command line asks for; returns the exit status."""
    if not argv or argv[0] in ("-h", "--help"):
        print(_OVERVIEW, end="")
        return 0 if argv else 2
    if argv[0] not in _ACTIONS:
        raise InputError(
            f"data: no action {argv[0]!r}; expected one of {', '.join(_ACTIONS)}"
        )
    return _ACTIONS[argv[0]](argv[1:])


def _build(argv: Sequence[str]) -> int:
    config, _ = _experiment(Build, "build", argv)
    dataset = open_dataset(config.data, config.augment.reach)
    for each in (dataset, *dataset.others):
        for split, records in each.splits.items():
            print(f"{each.name} {split}: {len(records)} people")
    return 0


def _preview(argv: Sequence[str]) -> int:
    from hourglass_jax.data.preview import write_preview  # needs JAX

    config, parsed = _experiment(Preview, "preview", argv)
    for path in write_preview(config, parsed.out):
        print(path)
    return 0


def _experiment(
    kind: type[_Asked], action: str, argv: Sequence[str]
) -> tuple[Config, _Asked]:
    """The configuration with the data that the command line names."""
    parse = functools.partial(
        tyro.cli, kind, prog=f"hourglass data {action}", args=list(argv)
    )
    path = _config_path(argv)
    if path is None:
        parsed = parse()
        return dataclasses.replace(Config(), data=parsed.data(DataConfig())), parsed
    config = load_config(path)
    given = {name: getattr(config.data, name) for name in _FIELDS}
    parsed = parse(default=kind(**given, config=path))
    return dataclasses.replace(config, data=parsed.data(config.data)), parsed


def _config_path(argv: Sequence[str]) -> Path | None:
    """What follows --config: it is read before the options, whose defaults it gives."""
    parser = argparse.ArgumentParser(
        prog="hourglass data build", add_help=False, allow_abbrev=False
    )
    parser.add_argument("--config", type=Path)
    path: Path | None = parser.parse_known_args(argv)[0].config
    return path


def _check(argv: Sequence[str]) -> int:
    parsed = tyro.cli(Check, prog="hourglass data check", args=list(argv))
    config = parsed.data(DataConfig())
    report = check(config, data_dir(config))
    print(format_report(report))
    if parsed.json is not None:
        write_json(parsed.json, report.to_dict())
    return 2 if report.errors or (parsed.strict and report.suspicions) else 0


def _as_folder(config: DataConfig) -> DataConfig:
    """A folder in place of a name is the user's own data in COCO's form."""
    folder = Path(config.dataset).expanduser()
    try:
        find_source(config.dataset)
    except InputError:
        if config.raw_dir is not None or not folder.is_dir():
            raise
        return dataclasses.replace(config, dataset="coco_json", raw_dir=folder)
    return config


_ACTIONS: dict[str, Callable[[Sequence[str]], int]] = {
    "build": _build,
    "check": _check,
    "preview": _preview,
}

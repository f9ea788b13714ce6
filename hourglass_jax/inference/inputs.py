"""What is to be looked at: photographs and films, however they are given."""

import dataclasses
import glob
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hourglass_jax.data.coco_files import Id, read_coco
from hourglass_jax.data.coco_layout import named_split, photograph_folder
from hourglass_jax.errors import InputError
from hourglass_jax.progress import console

PHOTOGRAPHS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
FILMS = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv")
_LISTS = (".txt", ".json")
_MODELS = ("model.json", "config.json")  # in a folder that is one

_LONGEST_NAME = 220
"""Bytes of a result's name: with all that is put to it, it stays below a disk's 255."""


@dataclasses.dataclass(frozen=True)
class Input:
    """A photograph or a film.

    Attributes:
      path: the file.
      id: its id in the COCO file that names it.
    """

    path: Path
    id: Id | None = None

    @property
    def is_film(self) -> bool:
        """Told by the ending of its name."""
        return self.path.suffix.lower() in FILMS


def find_inputs(inputs: Iterable[str | Path]) -> list[Input]:
    """The files that are meant, each once, in the order given; folders are sorted.

    A file is meant once for each id that it has, and once where it has none.

    Args:
      inputs: photographs and films, folders of them, patterns, lists (.txt, a name a
        line) or COCO's annotations (.json).

    Raises:
      InputError: a folder, a pattern or a list has nothing in it. A file that is named
        and does not exist stays among the inputs.
    """
    named = [each for given in map(Path, inputs) for each in _expand(given)]
    if not named:
        raise InputError("predict: no photograph; give files, folders or patterns")
    places = [os.path.abspath(each.path) for each in named]
    with_id = {p for p, e in zip(places, named, strict=True) if e.id is not None}
    found: dict[tuple[str, Id | None], Input] = {}
    for place, each in zip(places, named, strict=True):
        if each.id is not None or place not in with_id:
            found.setdefault((place, each.id), each)
    if len(found) < len(named):
        left = len(named) - len(found)
        console.print(f"inputs that were named twice, left out: {left}", markup=False)
    return list(found.values())


def is_input(given: str | Path) -> bool:
    """Whether something is meant to be looked at, rather than to be a model.

    Told by the ending of its name, or a folder by what is in it.
    """
    path = Path(given)
    if path.is_dir():
        return model_mark(path) is None and any(map(_is_shown, path.iterdir()))
    if path.name == "model.json":
        return False
    is_list = path.suffix.lower() in _LISTS
    is_pattern = glob.has_magic(str(given)) and not path.exists()
    return is_list or is_pattern or _is_shown(path)


def model_mark(folder: Path) -> str | None:
    """The file that makes a folder a model, if it is one."""
    return next((mark for mark in _MODELS if (folder / mark).is_file()), None)


def name_results(
    inputs: Iterable[Input], taken: Mapping[Input, str]
) -> dict[Input, str]:
    """A name for each input's results: its stem, numbered if it comes again.

    Args:
      inputs: to name.
      taken: names that were given before.
    """
    names = dict(taken)
    stems = {each: _stem(each.path) for each in inputs if each not in names}
    kept, used = set(stems.values()), set(names.values())
    for each, stem in stems.items():
        numbered = (f"{stem}-{number}" for number in itertools.count(2))
        free = (name for name in numbered if name not in kept and name not in used)
        names[each] = next(free) if stem in used else stem
        used.add(names[each])
    return names


def _stem(path: Path) -> str:
    stem = os.fsencode(path.stem)
    if len(stem) <= _LONGEST_NAME:
        return path.stem
    return stem[:_LONGEST_NAME].decode(errors="ignore")  # not half a letter


def _expand(given: Path) -> Iterator[Input]:
    if given.is_dir():
        yield from map(Input, _in_folder(given))
    elif given.suffix.lower() == ".txt" and given.is_file():
        yield from map(Input, _in_list(given))
    elif given.suffix.lower() == ".json" and given.is_file():
        yield from _in_coco(given)
    elif given.exists() or not glob.has_magic(str(given)):
        yield Input(given)
    else:
        yield from map(Input, _matches(given))


def _in_folder(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    chosen = [path for path in files if _is_shown(path)]
    if not chosen:
        raise InputError(
            f"predict: {folder} is a folder without photographs; expected files that "
            f"end in {', '.join(PHOTOGRAPHS + FILMS)}"
        )
    if len(chosen) < len(files):
        left = len(files) - len(chosen)
        console.print(f"{folder}: {left} other files left out", markup=False)
    return chosen


def _is_shown(path: Path) -> bool:
    return path.suffix.lower() in PHOTOGRAPHS + FILMS


def _in_list(file: Path) -> list[Path]:
    """The names in a file, from here or from where the file lies."""
    try:
        lines = [line.strip() for line in file.read_text("utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"predict: {file} is no list of names ({error})") from None
    names = [Path(line) for line in lines if line and not line.startswith("#")]
    if not names:
        raise InputError(f"predict: {file} names no photograph; expected one a line")
    beside = (file.parent / name for name in names)
    return [
        name if name.exists() or not other.exists() else other
        for name, other in zip(names, beside, strict=True)
    ]


def _in_coco(file: Path) -> Iterator[Input]:
    coco = read_coco(file)
    for problem in coco.problems:
        console.print(f"left out: {problem}", markup=False)
    if not coco.photographs:
        raise InputError(f"predict: {file} : images: none; expected photographs")
    root = file.absolute().parent
    root = root.parent if root.name == "annotations" else root
    split = named_split(file.absolute(), root) or ""
    folder = root / photograph_folder(coco, split, root)
    for key, name in coco.photographs.items():
        yield Input(folder / name, key)


def _matches(pattern: Path) -> list[Path]:
    matches = sorted(Path(match) for match in glob.glob(str(pattern), recursive=True))
    if not matches:
        raise InputError(f"predict: nothing matches {pattern}; check the pattern")
    return [path for path in matches if path.is_file()]

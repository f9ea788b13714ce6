"""Where the files of data in COCO's form lie, as people keep them.

Photographs lie in ``images/``, beside the JSON or wherever `file_name` leads to. There
is one JSON, or one a split, in ``annotations/``, in the folder itself or in one a
split.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from hourglass_jax.data.coco_files import CocoFile
from hourglass_jax.errors import InputError

_SPLITS = {
    **dict.fromkeys(("train", "training", "trainval"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def given_annotations(folder: Path, given: Path) -> Path:
    """A file that the user chose, from here or from the data set's folder."""
    for path in (given.absolute(), folder / given):
        if path.is_file():
            return path
    raise InputError(f"data.annotations: {given} is no file, nor one in {folder}")


def find_annotations(folder: Path, skeleton: Path | None) -> tuple[Path, ...]:
    """The JSON files of a folder, but for that of the skeleton.

    Raises:
      InputError: there are none, or several that do not say which split they are.
    """
    for pattern in ("annotations/*.json", "*.json", "*/*.json"):
        visible = (p for p in folder.glob(pattern) if p.is_file() and p.name[0] != ".")
        if found := sorted(path for path in visible if path.resolve() != skeleton):
            break
    else:
        raise InputError(
            f"raw_dir: {folder} has no JSON file, nor have annotations/ and the other "
            "folders in it; expected annotations in COCO's form"
        )
    splits = {named_split(path, folder) for path in found}
    if len(found) > 1 and (None in splits or len(splits) < len(found)):
        names = ", ".join(str(path.relative_to(folder)) for path in found)
        raise InputError(
            f"raw_dir: {folder} has {len(found)} JSON files ({names}); expected one, "
            "or one a split with train, val or test in its name; give "
            "--data.annotations the one to read"
        )
    return tuple(found)


def named_split(path: Path, root: Path) -> str | None:
    """The split that a file's name and its folders' up to ``root`` speak of."""
    inside = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    words = re.findall("[a-z]+", inside.as_posix().lower())
    splits = {_SPLITS[word] for word in words if word in _SPLITS}
    return splits.pop() if len(splits) == 1 else None


def photograph_folder(file: CocoFile, split: str, root: Path) -> str:
    """The first plausible folder that holds any of a file's photographs.

    It is told from ``root``, with a slash at its end; empty if it is ``root``.
    """
    names = set(file.photographs.values())
    candidates = list(_photograph_folders(file.path.parent, split, root))
    for folder in candidates:
        if any(os.path.isfile(folder / name) for name in names):
            break
    else:
        folder = candidates[0]
    return "" if folder == root else f"{folder.relative_to(root).as_posix()}/"


def _photograph_folders(beside: Path, split: str, root: Path) -> Iterator[Path]:
    images = root / "images"
    yield from (folder for folder in (images, root) if folder.is_dir())
    if beside.is_relative_to(root):
        yield from (beside, beside / "images")
    for folder in (*sorted(images.glob("*/")), *sorted(root.glob("*/"))):
        if named_split(folder, root) == split:
            yield folder

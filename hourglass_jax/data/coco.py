"""COCO's people with keypoints (Lin et al. 2014), and the user's own data in its form.

In `coco_json` a file is for validation or test if its name or its folder's says so
(val, valid, test, ...); the others are for training. Where no file is for validation,
photographs are drawn from these by hash of their `file_name`: each stays in its split
when others are added.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from reprlib import repr as short_repr

from hourglass_jax.config import SourceConfig
from hourglass_jax.data.annotations import Annotations, Person, Problem
from hourglass_jax.data.builder import PeopleBuilder
from hourglass_jax.data.coco_files import CocoFile, people_category, read_coco
from hourglass_jax.data.coco_layout import (
    find_annotations,
    given_annotations,
    named_split,
    photograph_folder,
)
from hourglass_jax.data.coco_people import People, read_people
from hourglass_jax.data.downloads import Archive
from hourglass_jax.data.sources import Located, Reader
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import COCO, Skeleton
from hourglass_jax.skeleton_files import category_skeleton, read_skeleton

_YEARS = {"train2017": "train", "val2017": "validation"}


class CocoKeypoints(PeopleBuilder):
    """COCO 2017: everyday scenes with several people, 17 keypoints."""

    SUMMARY = "COCO 2017 keypoints: everyday scenes, several people, 17 keypoints."
    HOMEPAGE = "https://cocodataset.org"


class CocoJson(PeopleBuilder):
    """The user's own people in COCO's form, with any keypoints."""

    SUMMARY = "Own data in COCO's form."


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Part:
    """A file of a data set.

    Attributes:
      file: what it holds.
      folder: of its photographs from the data set's folder; empty, or ends in a slash.
      split: what its photographs are for.
      validation_share: how many of them are for validation all the same.
    """

    file: CocoFile
    folder: str
    split: str
    validation_share: float = 0.0

    def split_of(self, file_name: str) -> str:
        """Which split a photograph is in; the same whatever others there are."""
        digest = hashlib.sha256(file_name.encode()).digest()
        drawn = int.from_bytes(digest[:8]) / 2**64 < self.validation_share
        return "validation" if drawn else self.split


def _locate_official(folder: Path, config: SourceConfig) -> Located:
    names = [f"person_keypoints_{year}.json" for year in _YEARS]
    files = [folder / "annotations" / name for name in names]
    found = tuple(file for file in files if file.is_file())
    if not found:
        raise InputError(
            f"raw_dir: {folder} has no annotations/{names[0]} and no "
            f"annotations/{names[1]}; expected one of them, as in COCO's archives"
        )
    return Located(files=found, folder=folder)


def _read_official(located: Located, config: SourceConfig) -> Annotations:
    parts = []
    for path in located.files:
        file = read_coco(path)
        _check_names(file, COCO)
        year = path.stem.removeprefix("person_keypoints_")
        # Many keep the folders of photographs in images/.
        nested = (located.folder / "images" / year).is_dir()
        folder = f"images/{year}/" if nested else f"{year}/"
        parts.append(_Part(file=file, folder=folder, split=_YEARS[year]))
    return _gather("coco_keypoints", COCO, located.folder, parts, refuse_empty=False)


def _locate_own(folder: Path, config: SourceConfig) -> Located:
    skeleton = config.skeleton and config.skeleton.expanduser().resolve()
    if skeleton and not skeleton.is_file():
        raise InputError(f"data.skeleton: {skeleton} does not exist; expected a file")
    if config.annotations is None:
        files = find_annotations(folder, skeleton)
    else:
        files = (given_annotations(folder, config.annotations.expanduser()),)
    photographs = folder / "images"
    return Located(
        files=(*files, skeleton) if skeleton else files,
        folder=photographs if photographs.is_dir() else folder,
    )


def _read_own(located: Located, config: SourceConfig) -> Annotations:
    assert config.raw_dir is not None  # there is nothing to download
    root = config.raw_dir.expanduser().resolve()
    paths = located.files[: -1 if config.skeleton else None]
    files = [read_coco(path) for path in paths]
    skeleton = _own_skeleton(files, located.files[-1] if config.skeleton else None)
    splits = [named_split(path, root) or "train" for path in paths]
    share = 0.0 if "validation" in splits else config.validation_share
    parts = [
        _Part(
            file=file,
            folder=photograph_folder(file, split, root),
            split=split,
            validation_share=share if split == "train" else 0.0,
        )
        for file, split in zip(files, splits, strict=True)
    ]
    return _gather("coco_json", skeleton, root, parts, refuse_empty=True)


def _own_skeleton(files: Sequence[CocoFile], path: Path | None) -> Skeleton:
    """The skeleton of a file, if there is one, else of the category with keypoints."""
    if path is not None:
        skeleton = read_skeleton(path)
    else:
        where = f"{files[0].path} : categories"
        category = files[0].categories[people_category(files[0])]
        skeleton = category_skeleton(where, category)
    for file in files:
        _check_names(file, skeleton)
    return skeleton


def _check_names(file: CocoFile, skeleton: Skeleton) -> None:
    """Refuse a file whose keypoints are in another order, or others in number."""
    names = file.categories[people_category(file)].get("keypoints")
    if not names:
        return
    count = len(skeleton.keypoints)
    where = f"{file.path} : categories : keypoints"
    if not isinstance(names, list) or len(names) != count:
        raise InputError(
            f"{where}: {short_repr(names)}; expected {count} names, as in "
            f"{skeleton.name}"
        )
    known = {name for name in names if isinstance(name, str)}
    for i, name in enumerate(skeleton.keypoints):
        if name in known and names[i] != name:
            raise InputError(
                f"{where}: {short_repr(names[i])} in place of {name}; expected the "
                f"order of {skeleton.name}"
            )


def _gather(
    name: str,
    skeleton: Skeleton,
    root: Path,
    parts: Sequence[_Part],
    *,
    refuse_empty: bool,
) -> Annotations:
    """Read the people of all files, one after the other."""
    splits: dict[str, list[Person]] = {"train": [], "validation": [], "test": []}
    problems: list[Problem] = []
    notes = [_tell_partners(skeleton)]
    sizes: dict[str, tuple[int, int]] = {}
    first = 0
    for part in parts:
        sizes |= {part.folder + name: size for name, size in part.file.sizes.items()}
        category = people_category(part.file)
        people = read_people(part.file, category, len(skeleton.keypoints), first)
        first += len(part.file.annotations)
        for person in people.usable:
            moved = dataclasses.replace(person, file=part.folder + person.file)
            splits[part.split_of(person.file)].append(moved)
        problems += [*part.file.problems, *people.problems]
        problems += people.unlabelled if refuse_empty else []
        if named_split(part.file.path, root):
            notes.append(f"{part.file.path}: for {part.split}, as its name says")
        notes += _notes(part, people, refuse_empty)
    return Annotations(
        name=name,
        skeleton=skeleton,
        folder=root,
        splits={split: tuple(people) for split, people in splits.items() if people},
        problems=tuple(problems),
        notes=tuple(notes),
        sizes=sizes,
    )


def _tell_partners(skeleton: Skeleton) -> str:
    middle = [n for i, n in enumerate(skeleton.keypoints) if skeleton.flip[i] == i]
    pairs = (len(skeleton.keypoints) - len(middle)) // 2
    return (
        f"pairs of left and right: {pairs}; in the middle: {', '.join(middle) or '-'}"
    )


def _notes(part: _Part, people: People, refuse_empty: bool) -> Iterator[str]:
    """What a user should know of how a file was read."""
    path = part.file.path
    if part.validation_share:
        share = f"{part.validation_share:g} of the photographs"
        yield f"{path}: {share} are for validation, by hash of the name"
    for what, count in people.left_out.items():
        yield f"{path}: left out {count} {what}"
    if people.unlabelled and not refuse_empty:
        yield f"{path}: left out {len(people.unlabelled)} people without a keypoint"
    if people.boxes_from_joints:
        yield f"{path}: {people.boxes_from_joints} people have the box of their joints"


_HOST = "http://images.cocodataset.org"

SOURCES = {
    "coco_keypoints": Reader(
        builder=CocoKeypoints,
        locate=_locate_official,
        read=_read_official,
        archives=(
            Archive(
                url=f"{_HOST}/annotations/annotations_trainval2017.zip",
                checksum="md5:f4bbac642086de4f52a3fdda2de5fa2c",
            ),
            Archive(
                url=f"{_HOST}/zips/val2017.zip",
                checksum="md5:442b8da7639aecaf257c1dceb8ba8c80",
            ),
            Archive(
                url=f"{_HOST}/zips/train2017.zip",
                checksum="md5:cced6f7f71b7629ddf16f17bbcfab6b2",
            ),
        ),
    ),
    "coco_json": Reader(builder=CocoJson, locate=_locate_own, read=_read_own),
}

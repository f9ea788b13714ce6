"""MPII Human Pose (Andriluka, Pishchulin, Gehler, Schiele; CVPR 2014).

Labels come in four forms, see `mpii_forms`. Of several in a folder, the first in this
order is read: the official release, bearpaw's JSON, princeton's h5, mmpose's JSON;
``annotations`` names another. Photographs lie in `images/`.

The validation people are the 2,958 that Tompson et al. chose. The official release does
not say who they are, nor does mmpose's file of all people: another file beside it must.
The 22,246 training people of the standard selection share no photograph with them. The
authors trained on 25,925, of whom 3,679 do.
"""

import collections
import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hourglass_jax.config import SourceConfig
from hourglass_jax.data.annotations import Annotations, name_all
from hourglass_jax.data.builder import PeopleBuilder
from hourglass_jax.data.downloads import Archive
from hourglass_jax.data.mpii_files import FORMS, LabelFile, recognise
from hourglass_jax.data.mpii_forms import READERS, read_head_sizes
from hourglass_jax.data.rows import Rows, join
from hourglass_jax.data.sources import Located, Reader
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import MPII

STANDARD_TRAIN = 22_246

_SUFFIXES = (".mat", ".json", ".json.gz", ".h5", ".hdf5")
_NEAR = 0.5
"""Pixels by which two files may differ on one square: far more than they do."""


class Mpii(PeopleBuilder):
    """People in photographs of every activity, 16 joints."""

    SUMMARY = "MPII Human Pose: people in photographs of every activity, 16 joints."
    HOMEPAGE = "http://human-pose.mpi-inf.mpg.de"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Files:
    """What each file is for.

    Attributes:
      main: whose people are read: one, or a file a split.
      validation: says who the validation people are, where `main` does not.
      heads: has the head sizes of the validation people.
    """

    main: tuple[LabelFile, ...]
    validation: LabelFile | None
    heads: LabelFile | None

    @classmethod
    def around(cls, first: LabelFile, found: Sequence[LabelFile]) -> "_Files":
        """What belongs to ``first`` among the files that were found."""
        here = (first.kind, first.path.parent)
        mates = (
            file
            for file in found
            if (file.kind, file.path.parent) == here
            and {first.splits, file.splits} == {("train",), ("validation",)}
        )
        main = (first, *itertools.islice(mates, 1))
        told = any("validation" in file.splits for file in main)
        lists = (file for file in found if "validation" in file.splits)
        return cls(
            main=main,
            validation=None if told else next(lists, None),
            heads=next((file for file in found if file.kind == "heads"), None),
        )


def _locate(folder: Path, config: SourceConfig) -> Located:
    found = _find_labels(folder)
    if config.annotations is None:
        first = _prefer(folder, found)
    else:
        first = _choose(folder / config.annotations.expanduser())
    files = _Files.around(first, found)
    if not first.splits and not files.validation:
        raise InputError(
            f"{first.path} does not say who the 2,958 validation people are; put "
            "princeton's valid.h5, bearpaw's mpii_annotations.json or mmpose's "
            "mpii_val.json beside it"
        )
    used = (*files.main, files.validation, files.heads)
    return Located(
        files=tuple(file.path for file in used if file), folder=folder / "images"
    )


def _find_labels(folder: Path) -> list[LabelFile]:
    """Label files of known forms, the nearest to the folder first."""
    paths = [
        path
        for path in folder.rglob("*")
        if path.name.endswith(_SUFFIXES)
        and folder / "images" not in path.parents
        and path.is_file()
    ]
    paths.sort(key=lambda path: (len(path.parts), path))
    return [file for path in paths if (file := recognise(path))]


def _prefer(folder: Path, found: Sequence[LabelFile]) -> LabelFile:
    forms = list(READERS)
    usable = [f for f in found if f.kind in forms and f.splits != ("test",)]
    if not usable:
        raise InputError(
            f"raw_dir: {folder} has no labels of MPII; expected {FORMS}, and the "
            "photographs in images/"
        )
    return min(usable, key=lambda file: (forms.index(file.kind), not file.splits))


def _choose(path: Path) -> LabelFile:
    if not path.is_file():
        raise InputError(
            f"data.annotations: {path} is no file; give one that raw_dir holds"
        )
    file = recognise(path)
    if file is None or file.kind not in READERS or file.splits == ("test",):
        raise InputError(
            f"data.annotations: {path} holds no labelled people of MPII; expected "
            f"{FORMS}"
        )
    return file


def _read(located: Located, config: SourceConfig) -> Annotations:
    found = [file for path in located.files if (file := recognise(path))]
    files = _Files.around(found[0], found)
    people, notes = _read_main(files.main)
    if files.validation is not None:
        listed, _ = READERS[files.validation.kind](files.validation.path)
        validation = listed.take(listed.splits == "validation")
        notes.append(f"the validation people are those of {files.validation.path.name}")
        if not files.main[0].splits:
            people = _assign_splits(files, people, validation)
    else:
        validation = people.take(people.splits == "validation")
    people, selected = _select(files.main[0], people, validation, config)
    people, measured = _measure_heads(files.heads, people)
    return _annotate(located, people, [*notes, *selected, *measured])


def _read_main(main: Sequence[LabelFile]) -> tuple[Rows, list[str]]:
    read = [READERS[file.kind](file.path) for file in main]
    notes = dict.fromkeys(note for _, told in read for note in told)
    return join([rows for rows, _ in read]), [
        f"read from {' and '.join(file.path.name for file in main)}",
        "pixels were counted from 1, and are counted from 0 here",
        *notes,
    ]


def _assign_splits(files: _Files, people: Rows, validation: Rows) -> Rows:
    """Say who is a validation person, by photograph and square."""
    in_file = collections.defaultdict(list)
    for row, file in enumerate(people.files.tolist()):
        in_file[file].append(row)
    squares = _squares(people)
    rows: set[int] = set()
    lost = []
    for place, file, square in zip(
        validation.places, validation.files.tolist(), _squares(validation), strict=True
    ):
        apart = {r: np.abs(squares[r] - square).max() for r in in_file[file]}
        near = {r: d for r, d in apart.items() if d < _NEAR and r not in rows}
        if near:
            rows.add(min(near, key=near.__getitem__))
        else:
            lost.append(str(place))
    if lost:
        raise InputError(
            name_all(f"{files.main[0].path}: validation people that it lacks", lost)
            + "; expected files of the same people"
        )
    is_validation = np.isin(np.arange(len(people)), list(rows))
    splits = np.where(is_validation, "validation", "train")
    return dataclasses.replace(people, splits=splits)


def _squares(people: Rows) -> Float[np.ndarray, "n 3"]:
    return np.column_stack([people.centers_img, people.sides_img])


def _select(
    source: LabelFile, people: Rows, validation: Rows, config: SourceConfig
) -> tuple[Rows, list[str]]:
    """Leave out whom the selection does not have."""
    train = people.splits == "train"
    shared = train & np.isin(people.files, validation.files)
    count = np.count_nonzero(shared)
    if config.selection == "original":
        if not count:
            raise InputError(
                f"data.selection: {source.path} has none of the training people of "
                "the original selection who share photographs with validation people; "
                "expected the official mpii_human_pose_v1_u12_1.mat"
            )
        return people, [f"{count} training people share photographs with validation"]
    if not len(validation) and np.count_nonzero(train) > STANDARD_TRAIN:
        raise InputError(
            f"{source.path} has {np.count_nonzero(train)} training people; the "
            f"{STANDARD_TRAIN} of the standard selection share no photograph with "
            "validation people; put valid.h5 beside it"
        )
    note = f"{count} people who share photographs with validation people are left out"
    return people.take(~shared), [note] if count else []


def _measure_heads(heads: LabelFile | None, people: Rows) -> tuple[Rows, list[str]]:
    """Head sizes of validation people who have none yet."""
    lacking = (people.splits == "validation") & (people.head_sizes_img == 0)
    if not lacking.any():
        return people, []
    if heads is None:
        return people, [
            "no head sizes, so no PCKh: put detections_our_format.mat beside the labels"
        ]
    sizes = read_head_sizes(heads.path, people.take(lacking))
    if sizes is None:
        return people, [f"{heads.path.name} is of other people: no head sizes"]
    all_sizes = people.head_sizes_img.copy()
    all_sizes[lacking] = sizes
    return dataclasses.replace(people, head_sizes_img=all_sizes), [
        f"head sizes are those of {heads.path.name}"
    ]


def _annotate(located: Located, people: Rows, notes: Sequence[str]) -> Annotations:
    by_split = {
        split: people.take(people.splits == split).people()
        for split in ("train", "validation")
    }
    return Annotations(
        name="mpii",
        skeleton=MPII,
        folder=located.folder,
        splits={split: found for split, (found, _) in by_split.items() if found},
        problems=tuple(problem for _, bad in by_split.values() for problem in bad),
        notes=tuple(notes),
    )


_MPI = "https://datasets.d2.mpi-inf.mpg.de/andriluka14cvpr"

SOURCES = {
    "mpii": Reader(
        builder=Mpii,
        locate=_locate,
        read=_read,
        archives=(
            # Of the authors' code: valid.h5 says who the validation people are.
            Archive(
                url="https://github.com/princeton-vl/pose-hg-train/archive/"
                "4637618a1b162d80436bfd0b557833b5824cbb21.zip"
            ),
            Archive(url=f"{_MPI}/mpii_human_pose_v1_u12_2.zip"),
            # The checksum is the one that anibali's margipose gives.
            Archive(
                url=f"{_MPI}/mpii_human_pose_v1.tar.gz",
                checksum="md5:b6bc9c6869d3f035a5570b2e68ec84c4",
            ),
        ),
    )
}

"""Leeds Sports Pose (Johnson and Everingham 2010), and LSP-extended (CVPR 2011).

`joints.mat` comes in two layouts, and its third row means opposite things:

- LSP-extended: ``(14, 3, N)``, flag 1 where a joint is *labelled*; coordinates are
  rubbish elsewhere. It does not tell which joints are hidden.
- LSP: ``(3, 14, N)``, flag 1 where a joint is *occluded*; every joint is labelled.

Coordinates are taken as pixel centres at integers, as they stand. A few labelled joints
lie at 0, below 0 or just outside the photograph; they are kept.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import scipy.io

from hourglass_jax.config import SourceConfig
from hourglass_jax.data.annotations import Annotations, Person, Problem
from hourglass_jax.data.builder import PeopleBuilder
from hourglass_jax.data.downloads import Archive
from hourglass_jax.data.schema import BOX_PADDING
from hourglass_jax.data.sources import Located, Reader
from hourglass_jax.errors import InputError
from hourglass_jax.geometry import square_box
from hourglass_jax.skeleton import LSP

EXTENDED_SPLITS = {
    "train": range(0, 8000),
    "validation": range(8000, 9000),
    "test": range(9000, 10000),
}
SPLITS = {"train": range(0, 1000), "test": range(1000, 2000)}

Convention = Literal["labelled", "occluded"]
_LAYOUTS = {"labelled": (14, 3), "occluded": (3, 14)}
_DATA_SETS = {"labelled": "LSP-extended", "occluded": "LSP"}
_DIGITS = {"labelled": 5, "occluded": 4}


class Lspet(PeopleBuilder):
    """10,000 sportspeople, one a photograph, 14 joints, labels by untrained people."""

    SUMMARY = "Leeds Sports Pose Extended: sportspeople, one a photograph, 14 joints."
    HOMEPAGE = "http://sam.johnson.io/research/lspet.html"


class Lsp(PeopleBuilder):
    """2,000 sportspeople, one a photograph, 14 joints, hidden ones labelled, too."""

    SUMMARY = "Leeds Sports Pose: sportspeople, one a photograph, 14 joints."
    HOMEPAGE = "http://sam.johnson.io/research/lsp.html"


def read_joints(path: Path, convention: Convention) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints float32 ``[n 14 2]`` in photograph pixels, visibility uint8 ``[n 14]``.

    ``convention`` says what flag 1 means: "labelled" as in LSP-extended (visibility 2,
    or 0 elsewhere) or "occluded" as in LSP (visibility 1, or 2 elsewhere). Raises
    InputError if the file is missing, is no MAT file, or has the other one's layout.
    """
    joints = _load_joints(path)
    if joints.shape[:2] != _LAYOUTS[convention]:
        raise InputError(_explain_layout(path, joints.shape, convention))
    axes = (2, 0, 1) if convention == "labelled" else (2, 1, 0)
    people = joints.transpose(axes).astype(np.float32)
    keypoints, flags = people[..., :2], people[..., 2]
    if not np.isin(flags, (0, 1)).all() or not np.isfinite(people).all():
        raise InputError(
            f"{path}: joints holds flags other than 0 and 1, or coordinates that are "
            "not finite; fetch the file again"
        )
    if convention == "occluded":
        return keypoints, (2 - flags).astype(np.uint8)
    visibility = (2 * flags).astype(np.uint8)
    return np.where(visibility[..., None] > 0, keypoints, 0), visibility


def _load_joints(path: Path) -> np.ndarray:
    if not path.is_file():
        raise InputError(f"{path} does not exist; expected the data set's joints.mat")
    try:
        joints = scipy.io.loadmat(path)["joints"]
    except KeyError as error:
        raise InputError(f"{path}: no variable `joints` in it") from error
    except Exception as error:  # scipy raises many kinds for what is no MAT file
        raise InputError(f"{path}: not a MAT file ({error})") from error
    # MATLAB drops trailing axes of length one.
    return joints[..., None] if joints.ndim == 2 else joints


def _explain_layout(path: Path, shape: tuple[int, ...], convention: Convention) -> str:
    found = [name for name, layout in _LAYOUTS.items() if shape[:2] == layout]
    guess = f", which looks like {_DATA_SETS[found[0]]}" if found else ""
    rows, columns = _LAYOUTS[convention]
    return (
        f"{path}: joints has shape {shape}{guess}; expected ({rows}, {columns}, N) "
        f"as in {_DATA_SETS[convention]}, where flag 1 means {convention}"
    )


def _locate(folder: Path, config: SourceConfig) -> Located:
    # The archives hold a folder in which everything lies.
    found = sorted(folder.glob("*/joints.mat"))
    if found and not (folder / "joints.mat").exists():
        folder = found[0].parent
    if not (folder / "joints.mat").is_file():
        raise InputError(
            f"raw_dir: {folder} has no joints.mat; expected joints.mat and images/ as "
            f"in the public archive of {config.dataset}"
        )
    return Located(files=(folder / "joints.mat",), folder=folder / "images")


def _read(
    name: str, convention: Convention, splits: dict[str, range], located: Located
) -> Annotations:
    (path,) = located.files
    keypoints_img, visibility = read_joints(path, convention)
    people, problems = [], []
    for number in range(len(keypoints_img)):
        file = f"im{number + 1:0{_DIGITS[convention]}d}.jpg"
        where = f"{path} : {file}"
        labelled = keypoints_img[number][visibility[number] > 0]
        if len(labelled) == 0 or not np.ptp(labelled, axis=0).any():
            problems.append(_no_box(where, number, len(labelled)))
            continue
        box_img = np.concatenate([labelled.min(0), labelled.max(0)])
        center_img, side_img = square_box(box_img, BOX_PADDING)
        people.append(
            Person(
                person=number,
                file=file,
                where=where,
                keypoints_img=keypoints_img[number],
                visibility=visibility[number],
                center_img=center_img,
                side_img=side_img,
            )
        )
    return Annotations(
        name=name,
        skeleton=LSP,
        folder=located.folder,
        splits={
            split: tuple(person for person in people if person.person in numbers)
            for split, numbers in splits.items()
            if numbers.start < len(keypoints_img)
        },
        problems=tuple(problems),
        notes=(f"flag 1 in joints.mat means {convention}",),
    )


def _no_box(where: str, number: int, labelled: int) -> Problem:
    return Problem(
        kind="joints span no box",
        where=f"{where} : joints",
        found=f"{labelled} labelled, all in one place",
        expected="two or more labelled joints in different places",
        person=number,
    )


SOURCES = {
    "lspet": Reader(
        builder=Lspet,
        locate=_locate,
        read=lambda located, _: _read("lspet", "labelled", EXTENDED_SPLITS, located),
        archives=(Archive(url="http://sam.johnson.io/research/lspet_dataset.zip"),),
    ),
    "lsp": Reader(
        builder=Lsp,
        locate=_locate,
        read=lambda located, _: _read("lsp", "occluded", SPLITS, located),
        archives=(
            Archive(url="http://sam.johnson.io/research/lsp_dataset_original.zip"),
        ),
    ),
}

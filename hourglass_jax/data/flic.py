"""Frames Labeled In Cinema (Sapp and Taskar, CVPR 2013), from the authors' h5 files.

Upper bodies, 11 joints, 3,987 people to train and 1,016 to test; these are the split
``validation`` here. Every joint is labelled; whether it is hidden is not told.

Sides are the *picture's*, as on somebody who faces the camera: every left shoulder,
elbow and hip lies further right in the picture than its partner, whichever way a person
looks. One person in twenty was labelled the other way round before: that is seen by
`normalize`, the torso from right shoulder to left hip, which is still the one of then.

The crop is 440 pixels for everybody (scale 2.2), around the middle of the height of
480. It is meant as it stands: enlarged as MPII's are, it would be 550. Coordinates are
taken to count from 1, as in MPII's files of this form.
"""

from pathlib import Path

import numpy as np

from hourglass_jax.config import SourceConfig
from hourglass_jax.data import princeton
from hourglass_jax.data.annotations import Annotations
from hourglass_jax.data.builder import PeopleBuilder
from hourglass_jax.data.keypoint_arrays import ORIGIN
from hourglass_jax.data.rows import UNKNOWN, Rows, split_of
from hourglass_jax.data.sources import Located, Reader
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import FLIC

_FILES = ("train.h5", "valid.h5")


class Flic(PeopleBuilder):
    """Upper bodies in films, 11 joints."""

    SUMMARY = "Frames Labeled In Cinema: upper bodies in films, 11 joints."
    HOMEPAGE = "https://bensapp.github.io/flic-dataset.html"


def _locate(folder: Path, config: SourceConfig) -> Located:
    del config  # nothing of it decides which files there are
    labels = folder / "annot" if (folder / "annot").is_dir() else folder
    files = [labels / name for name in _FILES if (labels / name).is_file()]
    if not files:
        raise InputError(
            f"raw_dir: {labels} has neither {' nor '.join(_FILES)}; expected those of "
            "data/flic/annot of the authors' pose-hg-train, and the photographs of "
            "FLIC in images/"
        )
    return Located(files=tuple(files), folder=folder / "images")


def _read(located: Located, config: SourceConfig) -> Annotations:
    del config
    read = {split_of(path): _read_rows(path).people() for path in located.files}
    return Annotations(
        name="flic",
        skeleton=FLIC,
        folder=located.folder,
        splits={split: people for split, (people, _) in read.items() if people},
        problems=tuple(problem for _, bad in read.values() for problem in bad),
        notes=(
            f"read from {' and '.join(path.name for path in located.files)}",
            "sides are the picture's: what is called left lies further right in it",
            "pixels were counted from 1, and are counted from 0 here",
        ),
    )


def _read_rows(path: Path) -> Rows:
    count = len(FLIC.keypoints)
    if princeton.find_keypoints(path) != count:
        raise InputError(
            f"{path}: no h5 of FLIC; expected `part` with {count} joints a person, as "
            "in data/flic/annot of the authors' pose-hg-train"
        )
    columns = princeton.read_columns(path, count)
    files = columns["imgname"]
    places = [f"{path} : row {row} ({file})" for row, file in enumerate(files)]
    flags = columns["visible"]
    # What is hidden is not told: all that is labelled counts as visible.
    visibility = np.select([flags == 1, flags == 0], [2, 0], UNKNOWN)
    first = 1_000_000 if split_of(path) == "validation" else 0
    return Rows(
        numbers=first + np.arange(len(files)),
        files=files,
        places=np.array(places, str),
        splits=np.full(len(files), split_of(path)),
        keypoints_img=columns["part"] - ORIGIN,
        visibility=visibility.astype(np.uint8),
        centers_img=columns["center"] - ORIGIN,
        sides_img=princeton.SIDE_OF_SCALE * columns["scale"],
        head_sizes_img=np.zeros(len(files)),
    )


SOURCES = {"flic": Reader(builder=Flic, locate=_locate, read=_read)}

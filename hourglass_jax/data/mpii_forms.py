"""The forms in which MPII's labels are passed around, each read into the same rows.

====================  ==========  ====================  =========  ============
form                  square      joints                hidden     head size
====================  ==========  ====================  =========  ============
the official .mat     annotated   exact                 told       everybody's
bearpaw's JSON        annotated   three digits          told       none
princeton's h5        *adjusted*  head and neck in      told       everybody's
                                  whole pixels
mmpose's JSON         annotated   four digits           *not told* none
====================  ==========  ====================  =========  ============

All of them count pixels from 1, as MATLAB does: 31 of the 326,198 joints that people
clicked have a coordinate of 1, and none has one below. (Head top and neck follow from a
box around the head, and may lie anywhere.) The authors told it to those of HRNet (issue
110 of microsoft/human-pose-estimation.pytorch). So 1 is taken from joints and centres,
as HRNet and mmpose do when they read.

A joint is absent where no point has its number (official), where it is exactly (0, 0)
and not visible (bearpaw, princeton), or where `joints_vis` is 0 (mmpose). One at x = 0,
or below, is as good as any other.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer, Shaped

from hourglass_jax.data import mpii_release, princeton
from hourglass_jax.data.json_columns import load_objects, numbers, texts
from hourglass_jax.data.keypoint_arrays import ORIGIN, read_matlab, truth_from_arrays
from hourglass_jax.data.princeton import SIDE_OF_SCALE
from hourglass_jax.data.rows import UNKNOWN, Rows, is_number, split_of
from hourglass_jax.errors import InputError
from hourglass_jax.metrics.pckh import head_sizes

LOWER = 15
"""Pixels a unit of scale by which the authors' code lowers the centre, so that fewer
feet are cut off."""

ENLARGE = 1.25
"""What the authors' code multiplies the scale by, after that."""

_JOINTS = mpii_release.JOINTS
_WHOLE = 0.02
_MANY = 1_000_000
_BEARPAW = (
    *("isValidation", "img_paths", "objpos", "joint_self", "scale_provided"),
    *("annolist_index", "people_index"),
)
_MMPOSE = ("joints_vis", "joints", "image", "scale", "center")

_ADJUSTED_HERE = "squares were as annotated; adjusted here (+15 s, x 1.25)"
_ADJUSTED_BEFORE = "squares were adjusted already (+15 s, x 1.25)"

_Square = tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, " n"]]
_Read = tuple[Rows, tuple[str, ...]]


def read_head_sizes(path: Path, people: Rows) -> Float[np.ndarray, " n"] | None:
    """Head sizes from `detections_our_format.mat`; None if it is of other people.

    It names nobody: its 2,958 rows are the validation people, in the order of all
    forms. Whether they are these people is seen by their joints.
    """
    found = truth_from_arrays(read_matlab(path))
    if found.visibility.shape != people.visibility.shape:
        return None
    both = (found.visibility > 0) & (people.visibility > 0)
    off = np.abs(found.keypoints - ORIGIN - people.keypoints_img)[both].max(-1)
    # Some labels differ between releases, and princeton's are whole pixels.
    return found.head_sizes if off.size and np.median(off) < 1 else None


def _read_official(path: Path) -> _Read:
    release = mpii_release.read_release(path)
    has_box = is_number(release.head_boxes)
    sizes = head_sizes(np.where(has_box, release.head_boxes, 0))
    rows = _make_rows(
        path,
        release.files,
        places=[
            f"annolist({photograph + 1}).annorect({person + 1})"
            for photograph, person in zip(
                release.photographs, release.people, strict=True
            )
        ],
        numbers=_number_people(path, release.photographs, release.people),
        joints=release.joints,
        present=release.present,
        visible=release.visible,
        squares=_adjust(path, release.centers, release.scales),
        head_sizes=np.where(has_box.all(-1), sizes, 0),
    )
    return rows, (_ADJUSTED_HERE, *_unlabelled(release.unlabelled))


def _read_bearpaw(path: Path) -> _Read:
    people = load_objects(path, _BEARPAW)
    column = functools.partial(numbers, people)
    joints = column("joint_self", _JOINTS, 3)
    validation = column("isValidation")
    if not np.isin(validation, (0, 1)).all():
        row = int(np.isin(validation, (0, 1)).argmin())
        raise InputError(f"{path} : row {row} : isValidation: expected 0 or 1")
    photographs, persons = column("annolist_index"), column("people_index")
    rows = _make_rows(
        path,
        texts(people, "img_paths"),
        splits=np.where(validation == 1, "validation", "train"),
        numbers=_number_people(path, photographs - 1, persons - 1),
        joints=joints[..., :2],
        present=(joints != 0).any(-1),
        visible=joints[..., 2],
        squares=_adjust(path, column("objpos", 2), column("scale_provided")),
    )
    return rows, (_ADJUSTED_HERE,)


def _read_princeton(path: Path) -> _Read:
    columns = princeton.read_columns(path, _JOINTS)
    joints, visible = columns["part"], columns["visible"]
    squares = _adjust(path, columns["center"], columns["scale"], adjusted=True)
    rows = _make_rows(
        path,
        columns["imgname"],
        splits=np.full(len(joints), split_of(path)),
        numbers=_number_people(path, columns["index"], columns["person"]),
        joints=joints,
        present=(joints != 0).any(-1) | (visible != 0),
        visible=visible,
        squares=squares,
        head_sizes=columns["normalize"],
    )
    cut = "head top and upper neck are cut off to whole pixels in this form"
    return rows, (_ADJUSTED_BEFORE, cut)


def _read_mmpose(path: Path) -> _Read:
    people = load_objects(path, _MMPOSE)
    column = functools.partial(numbers, people)
    visible = column("joints_vis", _JOINTS)
    split = split_of(path)
    rows = _make_rows(
        path,
        texts(people, "image"),
        splits=np.full(len(people), split),
        # This form numbers nobody: its two files must not use the same numbers.
        numbers=np.arange(len(people)) + (_MANY if split == "validation" else 0),
        joints=column("joints", _JOINTS, 2),
        present=visible != 0,
        visible=visible,
        squares=_adjust(path, column("center", 2), column("scale")),
    )
    # The file of all people holds some whom nobody labelled.
    labelled = (visible != 0).any(-1)
    hidden = "joints that are hidden are not told from visible ones in this form"
    return rows.take(labelled), (
        _ADJUSTED_HERE,
        hidden,
        *_unlabelled(int(np.sum(~labelled))),
    )


READERS: Mapping[str, Callable[[Path], _Read]] = {
    "official": _read_official,
    "bearpaw": _read_bearpaw,
    "princeton": _read_princeton,
    "mmpose": _read_mmpose,
}
"""What reads each form, and says what to know of it: the best form first."""


def _unlabelled(count: int) -> tuple[str, ...]:
    note = f"{count} people of training photographs have no joints, and are left out"
    return (note,) if count else ()


def _adjust(
    path: Path,
    centers: Float[np.ndarray, "n 2"],
    scales: Float[np.ndarray, " n"],
    *,
    adjusted: bool = False,
) -> _Square:
    """Centres and sides of the squares that become crops, adjusted exactly once.

    Annotated centres are whole pixels, and adjusted ones are not: InputError for a file
    where it is the other way round.
    """
    centers, scales = (np.where(is_number(v), v, np.nan) for v in (centers, scales))
    lower = np.stack([0 * scales, LOWER * scales], axis=-1)
    annotated = centers - lower / ENLARGE if adjusted else centers
    known = annotated[np.isfinite(annotated).all(-1)]
    if len(known) and np.median(np.abs(known - known.round()).max(-1)) > _WHOLE:
        raise InputError(
            f"{path}: its centres and scales are {'not yet' if adjusted else 'already'}"
            f" adjusted (+15 s, x 1.25); expected a file of this form where they are "
            f"{'already' if adjusted else 'not'}; fetch it again"
        )
    if not adjusted:
        centers, scales = centers + lower, scales * ENLARGE
    return centers - ORIGIN, SIDE_OF_SCALE * scales


def _make_rows(
    path: Path,
    files: Sequence[str] | Shaped[np.ndarray, " n"],
    *,
    numbers: Integer[np.ndarray, " n"],
    joints: Float[np.ndarray, "n 16 2"],
    present: Shaped[np.ndarray, "n 16"],
    visible: Float[np.ndarray, "n 16"],
    squares: _Square,
    places: Sequence[str] | None = None,
    splits: Shaped[np.ndarray, " n"] | None = None,
    head_sizes: Float[np.ndarray, " n"] | None = None,
) -> Rows:
    """Rows from what a file says in its own pixels; squares are in ours already."""
    told = np.select([visible == 1, visible == 0], [2, 1], UNKNOWN)
    places = places or [f"row {row}" for row in range(len(files))]
    where = zip(places, files, strict=True)
    return Rows(
        numbers=numbers,
        files=np.array(files, dtype=str),
        places=np.array([f"{path} : {place} ({file})" for place, file in where], str),
        splits=np.full(len(files), "") if splits is None else splits,
        keypoints_img=joints - ORIGIN,
        visibility=np.where(present, told, 0).astype(np.uint8),
        centers_img=squares[0],
        sides_img=squares[1],
        head_sizes_img=np.zeros(len(files)) if head_sizes is None else head_sizes,
    )


def _number_people(
    path: Path, photographs: Shaped[np.ndarray, " n"], people: Shaped[np.ndarray, " n"]
) -> Integer[np.ndarray, " n"]:
    """One number a person, the same in every form that tells the release's indices."""
    indices = np.column_stack([photographs, people])
    good = (indices >= 0) & (indices < _MANY)
    good = (good & (np.where(good, indices, 0) % 1 == 0)).all(-1)
    if not good.all():
        row = int(good.argmin())
        raise InputError(
            f"{path} : row {row} : indices of photograph and person, from 0, are "
            f"{indices[row].tolist()}; expected two whole numbers; fetch it again"
        )
    found = 100 * indices[:, 0] + indices[:, 1]
    different, counts = np.unique(found.astype(int), return_counts=True)
    if (counts > 1).any():
        photograph, person = divmod(int(different[counts.argmax()]), 100)
        raise InputError(
            f"{path}: person {person} of photograph {photograph} (from 0) is there "
            "more than once; fetch the file again"
        )
    return found.astype(int)

"""MPII's official release, `mpii_human_pose_v1_u12_1.mat`, through all of its quirks.

MATLAB's structs come back as arrays of objects. A field that one person has and another
lacks is an empty array, a person's field may be missing altogether, and a single point
is no array. `is_visible` is a number, a text, or empty.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.io
from jaxtyping import Bool, Float, Int

from hourglass_jax.errors import InputError

JOINTS = 16

_POINT = ("x", "y", "id", "is_visible")
_EMPTY = np.zeros(0, [("nothing", object)])


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Release:
    """The labelled people of the training photographs, as annotated.

    Attributes:
      files: their photographs.
      photographs: number of each one's entry in `annolist`, from 0.
      people: number of each one's entry in `annorect`, from 0.
      joints: (x, y); not finite where the file holds no such numbers.
      present: joints that were annotated.
      visible: 1 visible, 0 hidden; 1 where it is not told, as for head top and neck.
      centers: `objpos`; not finite where missing.
      scales: not finite where missing.
      head_boxes: (x0, y0, x1, y1); not finite where missing.
      unlabelled: how many people of these photographs have no joint at all.
    """

    files: list[str]
    photographs: Int[np.ndarray, " n"]
    people: Int[np.ndarray, " n"]
    joints: Float[np.ndarray, "n 16 2"]
    present: Bool[np.ndarray, "n 16"]
    visible: Float[np.ndarray, "n 16"]
    centers: Float[np.ndarray, "n 2"]
    scales: Float[np.ndarray, " n"]
    head_boxes: Float[np.ndarray, "n 4"]
    unlabelled: int


class _Entry(NamedTuple):
    """One person of the file: where, and MATLAB's structs."""

    photograph: int
    person: int
    file: str
    rect: Any
    points: np.ndarray


def read_release(path: Path) -> Release:
    """Read the people of all training photographs who have joints.

    Raises:
      InputError: the file is damaged, or laid out in another way.
    """
    try:
        variables = scipy.io.loadmat(path, variable_names=["RELEASE"])
    except Exception as error:  # scipy's own are as many as ways to damage a file
        raise InputError(
            f"{path}: not a whole MATLAB file ({error}); fetch it again"
        ) from error
    try:
        return _collect(list(_entries(variables["RELEASE"])))
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not laid out as MPII's release ({error}); expected RELEASE with "
            "annolist and img_train"
        ) from error


def _entries(release: Any) -> Iterator[_Entry]:
    """Everybody in the training photographs."""
    (content,) = release.ravel()
    photographs = content["annolist"].ravel()
    training = content["img_train"].ravel()
    if len(photographs) != len(training):
        raise ValueError(f"annolist {len(photographs)}, img_train {len(training)}")
    for number in np.flatnonzero(training).tolist():
        name = _get(_part(photographs[number], "image"), "name")
        file = str(name.item()) if name.size == 1 else ""
        for person, rect in enumerate(_structs(photographs[number], "annorect")):
            points = _structs(_part(rect, "annopoints"), "point")
            yield _Entry(number, person, file, rect, points)


def _collect(entries: list[_Entry]) -> Release:
    labelled = [entry for entry in entries if len(entry.points)]
    joints, present, visible = _joints([entry.points for entry in labelled])
    rects = [entry.rect for entry in labelled]
    return Release(
        files=[entry.file for entry in labelled],
        photographs=np.array([entry.photograph for entry in labelled], int),
        people=np.array([entry.person for entry in labelled], int),
        joints=joints,
        present=present,
        visible=visible,
        centers=_table([_part(rect, "objpos") for rect in rects], "x", "y"),
        scales=_table(rects, "scale")[:, 0],
        head_boxes=_table(rects, "x1", "y1", "x2", "y2"),
        unlabelled=len(entries) - len(labelled),
    )


def _joints(several: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    joints = np.zeros((len(several), JOINTS, 2))
    present = np.zeros((len(several), JOINTS), bool)
    visible = np.ones((len(several), JOINTS))
    for row, points in enumerate(several):
        x, y, number, told = (_column(points, field) for field in _POINT)
        if any(n not in range(JOINTS) for n in number):
            joints[row], present[row] = np.nan, True
            continue
        places = [int(n) for n in number]
        joints[row, places] = list(zip(x, y, strict=True))
        present[row, places] = True
        visible[row, places] = [1 if math.isnan(flag) else flag for flag in told]
    return joints, present, visible


def _get(struct: Any, field: str) -> np.ndarray:
    """What a field of a struct holds; nothing where there is no such field."""
    return struct[field] if field in (struct.dtype.names or ()) else _EMPTY


def _structs(struct: Any, field: str) -> np.ndarray:
    """The structs in a field, in one axis; none where it is empty or missing."""
    value = _get(struct, field)
    return value.ravel() if value.dtype.names else _EMPTY


def _part(struct: Any, field: str) -> Any:
    """The one struct in a field, or one without fields."""
    found = _structs(struct, field)
    return found[0] if len(found) else _EMPTY


def _table(structs: Sequence[Any], *fields: str) -> Float[np.ndarray, "n m"]:
    rows = [[_number(_get(struct, field)) for field in fields] for struct in structs]
    return np.array(rows, float).reshape(-1, len(fields))


def _column(structs: np.ndarray, field: str) -> list[float]:
    if field not in (structs.dtype.names or ()):
        return [math.nan] * len(structs)
    return [_number(value) for value in structs[field].tolist()]


def _number(value: np.ndarray) -> float:
    """The number in a field, be it a text or not; NaN where there is none."""
    try:
        return float(value.item())
    except (TypeError, ValueError):
        return math.nan

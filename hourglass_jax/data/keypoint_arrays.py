"""Keypoints in HDF5 and MATLAB files, as princeton, bearpaw, Tompson, HRNet, mmpose.

All of these hold MPII's (or FLIC's) coordinates as they were annotated in MATLAB, which
counts pixels from 1, predictions included: bearpaw's and HRNet's code add 1 when they
write. Both sides are compared as they stand, as the published evaluators do.
"""

import dataclasses
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
import scipy.io
from jaxtyping import Float, Num

from hourglass_jax.data.keypoint_sets import (
    Photograph,
    Predictions,
    Truth,
    refuse_unfinite,
)
from hourglass_jax.errors import InputError
from hourglass_jax.metrics.pckh import head_sizes
from hourglass_jax.skeleton import SKELETONS

ORIGIN = 1
"""MATLAB's first pixel. The authors of MPII confirmed it to those of HRNet (issue 110
of microsoft/human-pose-estimation.pytorch)."""

# Where a file holds several, the first: princeton's older files have `preds` in cells
# of the heatmap and `preds_tf` in the photograph.
_PREDICTIONS = ("preds_tf", "preds", "pred", "pos_pred_src")
_PRINCETON = ("part", "visible")
_TOMPSON = ("pos_gt_src", "headboxes_src", "jnt_missing")
_READ = {*_PREDICTIONS, *_PRINCETON, *_TOMPSON, "normalize", "imgname"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arrays:
    """The arrays of a file: those that can be used, and the names of all."""

    path: Path
    used: Mapping[str, np.ndarray]
    names: Sequence[str]

    def numbers(self, name: str, axes: int) -> Float[np.ndarray, "..."]:
        """One array as float64; raises InputError if it has no such numbers."""
        values = self.used[name]
        if values.dtype.kind not in "fiub" or values.ndim != axes:
            raise InputError(
                f"{self.path}: {name} is {values.dtype} of shape {values.shape}; "
                f"expected numbers in {axes} axes"
            )
        return values.astype(np.float64)


def is_hdf5(path: Path) -> bool:
    """HDF5, which MATLAB's files are from version 7.3 on."""
    return bool(h5py.is_hdf5(path))


def read_hdf5(path: Path) -> Arrays:
    """Read an HDF5 file; raises InputError if it is damaged."""
    try:
        with h5py.File(path, "r") as file:
            arrays = {str(n): v for n, v in file.items() if isinstance(v, h5py.Dataset)}
            used = {n: np.asarray(v[()]) for n, v in arrays.items() if n in _READ}
            # MATLAB stores the first axis last.
            matlab = {n for n in used if "MATLAB_class" in arrays[n].attrs}
    except Exception as error:  # h5py's own are as many as ways to damage a file
        raise InputError(f"{path}: not a whole HDF5 file ({error})") from error
    turned = {n: v.T if n in matlab else v for n, v in used.items()}
    return Arrays(path=path, used=turned, names=sorted(arrays))


def read_matlab(path: Path) -> Arrays:
    """Read a MATLAB file before version 7.3; raises InputError if it is damaged."""
    try:
        content = io.BytesIO(path.read_bytes())
        names = [name for name, _, _ in scipy.io.whosmat(content)]
        content.seek(0)
        found = scipy.io.loadmat(
            content, variable_names=[n for n in names if n in _READ]
        )
    except Exception as error:  # scipy's own are as many as ways to damage a file
        raise InputError(f"{path}: not a whole MATLAB file ({error})") from error
    used = {n: np.asarray(v) for n, v in found.items() if n in _READ}
    return Arrays(path=path, used=used, names=sorted(names))


def truth_from_arrays(arrays: Arrays) -> Truth:
    """Ground truth in princeton's or Tompson's layout.

    Raises:
      InputError: neither, or its arrays do not fit together.
    """
    if all(name in arrays.used for name in _PRINCETON):
        return _princeton_truth(arrays)
    if all(name in arrays.used for name in _TOMPSON):
        return _tompson_truth(arrays)
    raise InputError(
        f"{arrays.path}: no ground truth in {_list(arrays.names)}; expected "
        f"{_list(_PRINCETON)} (princeton's annotations) or {_list(_TOMPSON)} "
        "(detections_our_format.mat)"
    )


def _princeton_truth(arrays: Arrays) -> Truth:
    keypoints = arrays.numbers("part", 3)
    people, count = keypoints.shape[:2]
    _check_shape(arrays, "part", (people, count, 2))
    _check_shape(arrays, "visible", (people, count))
    refuse_unfinite(f"{arrays.path}: part", keypoints)
    visible = arrays.numbers("visible", 2) > 0
    # Exactly (0, 0) is absent. One coordinate alone may well be 0, or negative.
    labelled = visible | (keypoints != 0).any(axis=-1)
    lengths = None
    if "normalize" in arrays.used:
        _check_shape(arrays, "normalize", (people,))
        lengths = arrays.numbers("normalize", 1)
    names = _names(count)
    photographs, photograph = _photographs(arrays, people)
    return Truth(
        path=arrays.path,
        keypoints=keypoints,
        visibility=np.where(visible, 2, np.where(labelled, 1, 0)),
        names=names,
        origin=ORIGIN,
        photographs=photographs,
        photograph=photograph,
        # On MPII it is the head size; FLIC's file has the torso there.
        head_sizes=lengths if names == SKELETONS["mpii"].keypoints else None,
        lengths=lengths,
    )


def _tompson_truth(arrays: Arrays) -> Truth:
    shape = arrays.used["pos_gt_src"].shape
    count, people = (shape[0], shape[-1]) if shape else (0, 0)
    _check_shape(arrays, "pos_gt_src", (count, 2, people))
    _check_shape(arrays, "jnt_missing", (count, people))
    _check_shape(arrays, "headboxes_src", (2, 2, people))
    labelled = arrays.numbers("jnt_missing", 2).T == 0
    keypoints = arrays.numbers("pos_gt_src", 3).transpose(2, 0, 1)
    keypoints = np.where(labelled[..., None], keypoints, 0.0)
    refuse_unfinite(f"{arrays.path}: pos_gt_src", keypoints)
    corners = arrays.numbers("headboxes_src", 3).transpose(2, 0, 1)
    refuse_unfinite(f"{arrays.path}: headboxes_src", corners)
    sizes = head_sizes(corners.reshape(people, 4))
    return Truth(
        path=arrays.path,
        keypoints=keypoints,
        visibility=np.where(labelled, 2, 0),
        occlusion=False,
        names=_names(count),
        origin=ORIGIN,
        head_sizes=sizes,
        lengths=sizes,
    )


def predictions_from_arrays(arrays: Arrays, truth: Truth) -> Predictions:
    """Predictions with a row a person of the ground truth, in either order of axes.

    Raises:
      InputError: there are none, or not for as many people and keypoints as ``truth``
        has, or a coordinate is not finite.
    """
    name = next((name for name in _PREDICTIONS if name in arrays.used), None)
    if name is None:
        raise InputError(
            f"{arrays.path}: no predictions in {_list(arrays.names)}; expected one of "
            f"{_list(_PREDICTIONS)}"
        )
    where = f"{arrays.path}: {name}"
    keypoints = _turn(where, arrays.numbers(name, 3), truth)
    refuse_unfinite(where, keypoints)
    shift = truth.origin - ORIGIN
    return Predictions(path=arrays.path, keypoints=keypoints + shift, shift=shift)


def _turn(
    where: str, values: Num[np.ndarray, "a b c"], truth: Truth
) -> Float[np.ndarray, "n k 2"]:
    """Bring predictions into the order (person, keypoint, xy), by the ground truth."""
    people, count = truth.visibility.shape
    orders = {
        (0, 1, 2): ((people, count, 2), (people, count, 3), (people, count, 5)),
        (2, 0, 1): ((count, 2, people),),
        (2, 1, 0): ((2, count, people),),
    }
    fits = [
        values.transpose(order)[..., :2]
        for order, shapes in orders.items()
        if values.shape in shapes
    ]
    if not fits:
        raise InputError(
            f"{where} has shape {values.shape}; expected ({people}, {count}, 2) or "
            f"({count}, 2, {people}) for the {people} people with {count} keypoints of "
            f"{truth.path}; take the predictions for these people"
        )
    if any(not np.array_equal(fits[0], other) for other in fits[1:]):
        raise InputError(
            f"{where}: shape {values.shape} can be read in more than one order of "
            "axes; write it as COCO results or with more people"
        )
    return fits[0]


def _check_shape(arrays: Arrays, name: str, expected: tuple[int, ...]) -> None:
    shape = arrays.used[name].shape
    if shape != expected:
        raise InputError(
            f"{arrays.path}: {name} has shape {shape}; expected {expected}"
        )


def _names(count: int) -> tuple[str, ...] | None:
    """These formats are MPII's and FLIC's: the number of keypoints tells which."""
    known = [SKELETONS[name] for name in ("mpii", "flic") if name in SKELETONS]
    return next((s.keypoints for s in known if len(s.keypoints) == count), None)


def _photographs(
    arrays: Arrays, people: int
) -> tuple[tuple[Photograph, ...] | None, np.ndarray | None]:
    """The photographs, in the order of their first people, and each person's number."""
    names = arrays.used.get("imgname", np.zeros(0))
    if names.shape != (people,) or names.dtype.kind not in "SO":
        return None, None
    files = [str(n, "utf-8", "replace") if isinstance(n, bytes) else n for n in names]
    numbers = {file: number for number, file in enumerate(dict.fromkeys(files))}
    photographs = tuple(Photograph(key=file, file=file) for file in numbers)
    return photographs, np.array([numbers[file] for file in files])


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "an empty file"

"""Which file is which of MPII's: recognised by what is in it."""

import dataclasses
import gzip
from pathlib import Path

import h5py
import scipy.io

from hourglass_jax.data import princeton
from hourglass_jax.data.json_columns import GZIP
from hourglass_jax.data.rows import split_of
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import MPII

FORMS = (
    "one of mpii_human_pose_v1_u12_1.mat (official), mpii_annotations.json (bearpaw), "
    "train.h5 and valid.h5 (princeton), mpii_train.json and mpii_val.json (mmpose)"
)
"""The forms, for people who look for a file."""

_SNIFFED = 1 << 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelFile:
    """A file, and what it is.

    Attributes:
      path: where it is.
      kind: of `mpii_forms.READERS`, or ``heads`` for `detections_our_format.mat`.
      splits: those whose people it tells apart; none where it has all people in one.
    """

    path: Path
    kind: str
    splits: tuple[str, ...] = ()


def recognise(path: Path) -> LabelFile | None:
    """What a file is, by its content; its split by its name. None for other files.

    Raises:
      InputError: the file is damaged, or cannot be read at all.
    """
    kind = _recognise_kind(path)
    if kind is None:
        return None
    splits: tuple[str, ...] = ()
    if kind == "bearpaw":
        splits = ("train", "validation")
    elif kind in ("princeton", "mmpose") and split_of(path):
        splits = (split_of(path),)
    return LabelFile(path=path, kind=kind, splits=splits)


def _recognise_kind(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            start = file.read(_SNIFFED)
        if start.startswith(GZIP):
            with gzip.open(path) as file:
                start = file.read(_SNIFFED)
        if start.startswith(b"MATLAB 5.0"):
            return _recognise_matlab({name for name, _, _ in scipy.io.whosmat(path)})
    except Exception as error:  # scipy's own are as many as ways to damage a file
        raise InputError(
            f"{path}: damaged ({error}); fetch it again, or remove it"
        ) from error
    if h5py.is_hdf5(path):
        of_mpii = princeton.find_keypoints(path) == len(MPII.keypoints)
        return "princeton" if of_mpii else None
    if b'"joint_self"' in start:
        return "bearpaw"
    return "mmpose" if b'"joints_vis"' in start else None


def _recognise_matlab(variables: set[str]) -> str | None:
    if "RELEASE" in variables:
        return "official"
    return "heads" if {"headboxes_src", "pos_gt_src"} <= variables else None

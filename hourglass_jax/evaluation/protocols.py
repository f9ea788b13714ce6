"""PCKh and PCK as protocols: which columns, which thresholds, which length."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

import numpy as np
from jaxtyping import Float

from hourglass_jax.data.keypoint_sets import Truth
from hourglass_jax.errors import InputError
from hourglass_jax.joint_names import read_names
from hourglass_jax.metrics import pck, pckh
from hourglass_jax.metrics.pck import Column, Strictness
from hourglass_jax.skeleton import MPII, SKELETONS

Normaliser = Literal["torso", "box", "file"]
"""What PCK divides an error by: torso, box, or the length that the file gives."""

_UNITS = {
    "torso": "the torso",
    "box": "the longer side of the person's box",
    "file": "the length that the file gives",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protocol:
    """What a metric counts, and how.

    Attributes:
      name: ``PCKh`` or ``PCK``.
      groups: columns of the table, in the field's order.
      means: columns that are means over joints, each with the name that tells which.
      mean: the one of ``means`` that a table shows as ``Mean``.
      thresholds: those that are printed, the more usual one first.
      curve: those of the curve and of the area under it.
      strictness: whether an error of exactly the threshold is correct.
      unit: what errors are divided by, in words.
      joints: names of the keypoints.
    """

    name: str
    groups: tuple[Column, ...]
    means: tuple[Column, ...]
    mean: str
    thresholds: tuple[float, float]
    curve: tuple[float, ...]
    strictness: Strictness
    unit: str
    joints: tuple[str, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The groups, the means and every joint."""
        joints = (Column(name, (i,), True) for i, name in enumerate(self.joints))
        return (*self.groups, *self.means, *joints)


def pckh_protocol(strictness: Strictness) -> Protocol:
    """PCKh, for MPII's sixteen keypoints."""
    return Protocol(
        name="PCKh",
        groups=pckh.GROUPS,
        means=pckh.MEANS,
        mean=pckh.POOLED_14,
        thresholds=pckh.THRESHOLDS,
        curve=pckh.CURVE,
        strictness=strictness,
        unit="the head size (0.6 of the head box's diagonal)",
        joints=MPII.keypoints,
    )


def pck_protocol(
    truth: Truth, normaliser: Normaliser, strictness: Strictness
) -> Protocol:
    """PCK with the columns of the skeleton that has these keypoints.

    Keypoints that no skeleton here has are a column each.
    """
    groups: Mapping[str, tuple[int, ...]]
    names = keypoint_names(truth)
    groups = {name: (i,) for i, name in enumerate(names)}
    torso = None
    for skeleton in SKELETONS.values():
        if skeleton.keypoints == names:
            groups, torso = skeleton.groups, skeleton.torso
    return make_pck(names, groups, normaliser, strictness, torso)


def make_pck(
    names: tuple[str, ...],
    groups: Mapping[str, tuple[int, ...]],
    normaliser: Normaliser,
    strictness: Strictness,
    torso: tuple[int, int] | None = None,
) -> Protocol:
    """PCK of keypoints of these names, with a column a group.

    ``torso`` is named in the unit, where errors are divided by it.
    """
    columns = pck.pck_columns(groups)
    unit = _UNITS[normaliser]
    if normaliser == "torso" and torso is not None:
        joints = read_names(names)
        ends = (f"{joints[end].side} {joints[end].kind}".strip() for end in torso)
        unit += f" ({' to '.join(ends)})"
    return Protocol(
        name="PCK",
        groups=columns[: len(groups)],
        means=columns[len(groups) :],
        mean="Mean",
        thresholds=pck.THRESHOLDS,
        curve=pck.CURVE,
        strictness=strictness,
        unit=unit,
        joints=names,
    )


def keypoint_names(truth: Truth) -> tuple[str, ...]:
    """The file's names, or numbers where it has none."""
    return truth.names or tuple(str(i) for i in range(truth.keypoints.shape[1]))


def head_lengths(truth: Truth) -> Float[np.ndarray, " n"]:
    """PCKh's lengths; raises InputError for other keypoints, or without head sizes."""
    if truth.names != MPII.keypoints:
        raise InputError(
            f"{truth.path}: {truth.keypoints.shape[1]} keypoints that are not MPII's; "
            "PCKh is defined for those 16; use --metric pck"
        )
    if truth.head_sizes is None:
        raise InputError(
            f"{truth.path}: has no head sizes; expected princeton's valid.h5 or "
            "detections_our_format.mat for --metric pckh"
        )
    return truth.head_sizes


def pck_lengths(truth: Truth, normaliser: Normaliser) -> Float[np.ndarray, " n"]:
    """PCK's lengths; raises InputError if the file or its keypoints give none."""
    if normaliser == "torso":
        return pck.torso_lengths(truth.keypoints, truth.visibility, _torso(truth))
    if normaliser == "box":
        return pck.box_lengths(_boxes(truth))
    if truth.lengths is None:
        raise InputError(f"{truth.path}: gives no length; use another --normalise")
    return truth.lengths


def _torso(truth: Truth) -> tuple[int, int]:
    for skeleton in SKELETONS.values():
        if skeleton.keypoints == truth.names and skeleton.torso:
            return skeleton.torso
    raise InputError(
        f"{truth.path}: no torso is known for its {truth.keypoints.shape[1]} "
        "keypoints; use --normalise box or file"
    )


def _boxes(truth: Truth) -> Float[np.ndarray, "n 4"]:
    """The file's boxes, or else the smallest that hold all labelled keypoints."""
    if truth.boxes is not None:
        return truth.boxes
    labelled = truth.visibility[..., None] > 0
    low = np.where(labelled, truth.keypoints, np.inf).min(axis=1)
    high = np.where(labelled, truth.keypoints, -np.inf).max(axis=1)
    boxes = np.concatenate([low, high], axis=1)
    return np.where(np.isfinite(boxes), boxes, 0.0)

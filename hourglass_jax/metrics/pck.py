"""Percentage of correct keypoints: share whose error is a small part of a length."""

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, Integer, Num

from hourglass_jax.metrics.distances import Distances, measure

THRESHOLDS = (0.2, 0.1)
CURVE = tuple(step / 100 for step in range(21))
"""Thresholds of a PCK curve: 0, .01, ..., .2, as FLIC and LSP are drawn."""

LIMBS = ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")
"""Groups of the twelve joints of the limbs."""


class Strictness(enum.Enum):
    """Whether an error of exactly the threshold is correct.

    It matters where labels and predictions are whole numbers: there ties happen.
    """

    STRICT = "<"
    """No: the evaluators of bearpaw and of princeton's PyTorch code."""
    INCLUSIVE = "<="
    """Yes: MPII's own evaluator, the authors' Torch7 code, HRNet and mmpose for PCKh;
    LSP and FLIC for PCK."""

    def correct(
        self, distances: Float[np.ndarray, "*shape"], threshold: float
    ) -> Bool[np.ndarray, "*shape"]:
        """Which distances are within the threshold."""
        strict = self is Strictness.STRICT
        return distances < threshold if strict else distances <= threshold


@dataclasses.dataclass(frozen=True)
class PckCounts:
    """Sums over people; ``a + b`` is the counts of both.

    Attributes:
      correct: for each threshold and keypoint, how many were close enough.
      labelled: for each keypoint, how many were labelled.
      people: people who count.
      unmeasured: people left out because the length that normalises is not labelled.
    """

    correct: Integer[np.ndarray, "t k"]
    labelled: Integer[np.ndarray, " k"]
    people: int
    unmeasured: int

    def __add__(self, other: "PckCounts") -> "PckCounts":
        """Merge the counts of two sets of people."""
        return PckCounts(
            self.correct + other.correct,
            self.labelled + other.labelled,
            self.people + other.people,
            self.unmeasured + other.unmeasured,
        )


@dataclasses.dataclass(frozen=True)
class Column:
    """A percentage over several keypoints.

    Attributes:
      name: what stands above it in a table.
      keypoints: their indices.
      pooled: True: every labelled keypoint of every person counts the same. False: the
        percentages of the keypoints are averaged, however often each is labelled.
    """

    name: str
    keypoints: tuple[int, ...]
    pooled: bool


def torso_lengths(
    keypoints: Float[np.ndarray, "n k 2"],
    visibility: Integer[np.ndarray, "n k"],
    torso: tuple[int, int],
) -> Float[np.ndarray, " n"]:
    """Distance between two keypoints; 0 where one of them is absent."""
    a, b = torso
    length = np.linalg.norm(keypoints[:, a] - keypoints[:, b], axis=-1)
    return np.where((visibility[:, a] > 0) & (visibility[:, b] > 0), length, 0.0)


def box_lengths(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, " n"]:
    """The longer side of each (x0, y0, x1, y1), as Yang and Ramanan (2013) take it."""
    return np.max(boxes[:, 2:] - boxes[:, :2], axis=1)


def correct_keypoints(
    distances: Distances, thresholds: Iterable[float], strictness: Strictness
) -> Bool[np.ndarray, "n t k"]:
    """For each person, threshold and keypoint: counted, and close enough."""
    close = [strictness.correct(distances.values, float(t)) for t in thresholds]
    return np.stack(close, axis=1) & distances.counted[:, None]


def count_correct(
    predicted: Float[np.ndarray, "n k 2"],
    truth: Float[np.ndarray, "n k 2"],
    visibility: Integer[np.ndarray, "n k"],
    lengths: Float[np.ndarray, " n"],
    thresholds: Iterable[float] = THRESHOLDS,
    strictness: Strictness = Strictness.INCLUSIVE,
) -> PckCounts:
    """Count keypoints whose error is within ``threshold * length``.

    Args:
      predicted: (x, y) in the frame of ``truth``, any length unit.
      truth: the labels.
      visibility: 0 absent, 1 labelled and occluded, 2 visible; occluded ones count.
      lengths: what normalises each person's errors; a person with 0 is left out.
      thresholds: parts of the length that an error may have.
      strictness: whether an error of exactly the threshold is correct.
    """
    distances = measure(predicted, truth, visibility, lengths)
    correct = correct_keypoints(distances, thresholds, strictness)
    return PckCounts(
        correct=correct.sum(axis=0),
        labelled=distances.counted.sum(axis=0),
        people=int((lengths > 0).sum()),
        unmeasured=int((lengths <= 0).sum()),
    )


def percentages(
    correct: Num[np.ndarray, "*rounds t k"],
    labelled: Num[np.ndarray, "*rounds k"],
    columns: Sequence[Column],
) -> Float[np.ndarray, "*rounds t c"]:
    """Percentages of correct keypoints, a column each; NaN where nothing is labelled.

    A column that is not pooled is NaN, too, where one of its keypoints never is.
    """
    labelled = labelled[..., None, :]
    rates = _share(correct, labelled)
    table = [
        _share(
            correct[..., list(column.keypoints)].sum(axis=-1),
            labelled[..., list(column.keypoints)].sum(axis=-1),
        )
        if column.pooled
        else rates[..., list(column.keypoints)].mean(axis=-1)
        for column in columns
    ]
    return 100 * np.stack(table, axis=-1)


def _share(
    correct: Num[np.ndarray, "..."], labelled: Num[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    return np.where(labelled > 0, correct / np.maximum(labelled, 1), np.nan)


def area_under_curve(
    table: Float[np.ndarray, "*rounds t c"], thresholds: Sequence[float]
) -> Float[np.ndarray, "*rounds c"]:
    """Mean height of each column's curve over the thresholds, by trapezoids.

    As MPII's evaluator takes it: 100 if all is correct from the first threshold on.
    """
    area = np.trapezoid(table, np.asarray(thresholds), axis=-2)
    return area / (thresholds[-1] - thresholds[0])


def pck_columns(groups: Mapping[str, tuple[int, ...]]) -> tuple[Column, ...]:
    """A pooled column a joint group, and ``Mean`` pooled over all of these joints.

    Behind it ``Limbs``, pooled over shoulders to ankles, where there are all of them:
    the joints that all data sets of people have.
    """
    columns = {**groups, "Mean": _joints(groups.values())}
    if groups.keys() > set(LIMBS):
        columns["Limbs"] = _joints(groups[name] for name in LIMBS)
    return tuple(Column(name, group, pooled=True) for name, group in columns.items())


def _joints(groups: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(sorted({i for group in groups for i in group}))

"""Percentage of correct keypoints: share whose error is a small part of a length."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from hourglass_jax.skeleton import Skeleton

THRESHOLDS = (0.2, 0.1)


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


def torso_lengths(
    keypoints: Float[np.ndarray, "n k 2"],
    visibility: Integer[np.ndarray, "n k"],
    torso: tuple[int, int],
) -> Float[np.ndarray, " n"]:
    """Distance from left shoulder to right hip; 0 where one of them is absent."""
    a, b = torso
    length = np.linalg.norm(keypoints[:, a] - keypoints[:, b], axis=-1)
    return np.where((visibility[:, a] > 0) & (visibility[:, b] > 0), length, 0.0)


def count_correct(
    predicted: Float[np.ndarray, "n k 2"],
    truth: Float[np.ndarray, "n k 2"],
    visibility: Integer[np.ndarray, "n k"],
    lengths: Float[np.ndarray, " n"],
    thresholds: Iterable[float] = THRESHOLDS,
) -> PckCounts:
    """Count keypoints within ``threshold * length`` of the truth (``<=``).

    Args:
      predicted: (x, y) in the frame of ``truth``, any length unit.
      truth: the labels.
      visibility: 0 absent, 1 labelled and occluded, 2 visible; occluded ones count.
      lengths: what normalises each person's errors; a person with 0 is left out.
      thresholds: parts of the length that an error may have.
    """
    measured = lengths > 0
    labelled = (visibility > 0) & measured[:, None]
    errors = np.linalg.norm(predicted - truth, axis=-1)
    limits = np.asarray(tuple(thresholds))[:, None, None] * lengths[:, None]
    return PckCounts(
        correct=np.sum((errors <= limits) & labelled, axis=1),
        labelled=np.sum(labelled, axis=0),
        people=int(measured.sum()),
        unmeasured=int((~measured).sum()),
    )


def summarise(
    counts: PckCounts,
    skeleton: Skeleton,
    thresholds: Iterable[float] = THRESHOLDS,
) -> dict[str, Any]:
    """Percentages by threshold: a column a joint group, and ``Mean``.

    ``Mean`` is pooled over the keypoints of all groups: each labelled one counts the
    same. A group without a label is None.
    """
    groups: Mapping[str, tuple[int, ...]] = skeleton.groups
    everything = tuple(sorted({i for group in groups.values() for i in group}))
    columns = {**groups, "Mean": everything}
    table = {
        f"PCK@{threshold:g}": {
            name: _percentage(correct, counts.labelled, list(indices))
            for name, indices in columns.items()
        }
        for threshold, correct in zip(thresholds, counts.correct, strict=True)
    }
    return {**table, "people": counts.people, "unmeasured": counts.unmeasured}


def _percentage(
    correct: Integer[np.ndarray, " k"],
    labelled: Integer[np.ndarray, " k"],
    indices: list[int],
) -> float | None:
    total = int(labelled[indices].sum())
    return 100.0 * int(correct[indices].sum()) / total if total else None

"""Whether scores mean what they say: heights of peaks against shares correct."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Integer

from hourglass_jax.errors import InputError
from hourglass_jax.metrics.bootstrap import Estimate, estimate

BINS = 20
EDGES = np.linspace(0.0, 1.0, BINS + 1)
"""Bounds of the bins of scores; a score of exactly a bound is in the bin above it."""


@dataclasses.dataclass(frozen=True, eq=False)
class ReliabilityCounts:
    """Sums by score; ``a + b`` is the sums of both.

    Attributes:
      keypoints: how many keypoints have a score in each bin.
      correct: how many of them are correct.
      scores: the sum of their scores.
    """

    keypoints: Integer[np.ndarray, " bins"]
    correct: Integer[np.ndarray, " bins"]
    scores: Float[np.ndarray, " bins"]

    def __add__(self, other: "ReliabilityCounts") -> "ReliabilityCounts":
        """Merge the counts of two sets of people."""
        return ReliabilityCounts(
            self.keypoints + other.keypoints,
            self.correct + other.correct,
            self.scores + other.scores,
        )

    def mean_scores(self) -> Float[np.ndarray, " bins"]:
        """What the scores of each bin say; NaN where there is no keypoint."""
        return _means(self.scores, self.keypoints)

    def shares_correct(self) -> Float[np.ndarray, " bins"]:
        """What is true in each bin, from 0 to 1; NaN where there is no keypoint."""
        return _means(self.correct.astype(np.float64), self.keypoints)


def count_reliability(
    scores: Float[np.ndarray, "n k"],
    correct: Bool[np.ndarray, "n k"],
    counted: Bool[np.ndarray, "n k"],
) -> ReliabilityCounts:
    """Sort keypoints into bins by their scores.

    Args:
      scores: heights of peaks; those below 0 and from 1 on are in the outer bins.
      correct: by PCK or PCKh, at one threshold.
      counted: labelled, on a person who can be measured.

    Raises:
      InputError: a score that counts is not a number.
    """
    if np.isnan(scores[counted]).any():
        raise InputError("reliability: a score is NaN; expected heights of peaks")
    bins = np.clip(np.searchsorted(EDGES, scores, side="right") - 1, 0, BINS - 1)

    def total(weights: np.ndarray) -> np.ndarray:
        return np.bincount(bins[counted], weights[counted], minlength=BINS)

    return ReliabilityCounts(
        keypoints=total(np.ones(scores.shape)).astype(np.int64),
        correct=total(correct).astype(np.int64),
        scores=total(scores).astype(np.float64),
    )


def calibration_error(counts: ReliabilityCounts) -> float:
    """Expected calibration error: how far shares correct are from scores, 0 to 1.

    The mean over keypoints of the gap in their bin (Naeini et al. 2015, section 4); NaN
    where there is no keypoint.
    """
    if not counts.keypoints.any():
        return float("nan")
    gaps = np.abs(counts.correct - counts.scores)
    return float(gaps.sum() / counts.keypoints.sum())


def estimate_calibration(
    scores: Float[np.ndarray, "n k"],
    correct: Bool[np.ndarray, "n k"],
    counted: Bool[np.ndarray, "n k"],
) -> Estimate:
    """`calibration_error`, had other people been photographed; arguments as above.

    Raises:
      InputError: a score that counts is not a number.
    """
    people = [
        count_reliability(*(rows[i : i + 1] for rows in (scores, correct, counted)))
        for i in range(len(scores))
    ]
    rows = [np.hstack([each.keypoints, each.correct - each.scores]) for each in people]
    return estimate(np.reshape(rows, (-1, 2 * BINS)), _errors)


def _errors(sums: Float[np.ndarray, "*rounds m"]) -> Float[np.ndarray, "*rounds 1"]:
    keypoints, gaps = np.split(sums, 2, axis=-1)
    with np.errstate(invalid="ignore"):  # NaN where nobody who counts was drawn
        return np.abs(gaps).sum(-1, keepdims=True) / keypoints.sum(-1, keepdims=True)


def _means(
    sums: Float[np.ndarray, " bins"], counts: Integer[np.ndarray, " bins"]
) -> Float[np.ndarray, " bins"]:
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

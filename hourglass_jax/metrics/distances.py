"""How far predicted keypoints are from their labels."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Integer


@dataclasses.dataclass(frozen=True, eq=False)
class Distances:
    """One number a person and keypoint; ``a + b`` is the people of both.

    Attributes:
      values: distance to the label, in units of the person's length; 0 where not
        counted.
      counted: labelled, on a person whose length is known.
    """

    values: Float[np.ndarray, "n k"]
    counted: Bool[np.ndarray, "n k"]

    def __add__(self, other: "Distances") -> "Distances":
        """Put two sets of people one after the other."""
        return Distances(
            np.concatenate([self.values, other.values]),
            np.concatenate([self.counted, other.counted]),
        )

    def restricted(self, to: Bool[np.ndarray, "n k"]) -> "Distances":
        """Count some keypoints only, such as ``visibility == 2``."""
        return Distances(np.where(to, self.values, 0.0), self.counted & to)

    def sums_by_person(self) -> Float[np.ndarray, "n 2"]:
        """Each person's sum of distances and number of counted keypoints."""
        counts = self.counted.sum(axis=1).astype(np.float64)
        return np.stack([self.values.sum(axis=1), counts], axis=1)


def measure(
    predicted: Float[np.ndarray, "n k 2"],
    truth: Float[np.ndarray, "n k 2"],
    visibility: Integer[np.ndarray, "n k"],
    lengths: Float[np.ndarray, " n"] | None = None,
) -> Distances:
    """Distances between predictions and labels.

    Args:
      predicted: (x, y) in the frame of ``truth``.
      truth: the labels.
      visibility: 0 absent, 1 labelled and occluded, 2 visible. It alone decides what
        counts: a labelled keypoint may lie at 0, or be negative.
      lengths: what a distance is divided by; a person with 0 is left out. None leaves
        distances as they are, in the unit of ``truth``.
    """
    if lengths is None:
        lengths = np.ones(len(truth))
    counted = (visibility > 0) & (lengths > 0)[:, None]
    errors = np.linalg.norm(predicted - truth, axis=-1)
    safe = np.where(lengths > 0, lengths, 1.0)
    return Distances(np.where(counted, errors / safe[:, None], 0.0), counted)


def mean_distance(sums: Float[np.ndarray, "*rounds 2"]) -> Float[np.ndarray, "*rounds"]:
    """Mean over counted keypoints, from sums of `Distances.sums_by_person`.

    Of distances in pixels this is EPE, the end-point error; of distances divided by a
    length NME, the normalised mean error. Every counted keypoint counts the same. NaN
    where there is none.
    """
    total, count = sums[..., 0], sums[..., 1]
    return np.where(count > 0, total / np.maximum(count, 1.0), np.nan)

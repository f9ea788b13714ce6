"""What kind of mistake each keypoint is (Ronchi and Perona, ICCV 2017, section 3).

Similarity is OKS for one keypoint: ``exp(-d^2 / (2 s^2 k^2))`` with the distance d, the
person's scale s (square root of the area) and ``k = 2 sigma``. Asked in this order:

- good: at least 0.85 similar to its label.
- jitter: at least 0.5; the right place, not precisely.
- inversion: at least 0.5 similar to the label of its mirror image, left for right.
- swap: at least 0.5 similar to the same joint, or its mirror image, of a neighbour.
- miss: near none of them.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Integer

KINDS = ("unlabelled", "good", "jitter", "inversion", "swap", "miss")
UNLABELLED, GOOD, JITTER, INVERSION, SWAP, MISS = range(len(KINDS))

GOOD_SIMILARITY = 0.85
NEAR_SIMILARITY = 0.5


@dataclasses.dataclass(frozen=True)
class People:
    """Labels, in one frame.

    Attributes:
      keypoints: (x, y).
      visibility: 0 absent, 1 labelled and occluded, 2 visible.
      areas: OKS areas, in squared units of the keypoints; more than 0.
      photographs: a number that people in the same photograph share.
    """

    keypoints: Float[np.ndarray, "n k 2"]
    visibility: Integer[np.ndarray, "n k"]
    areas: Float[np.ndarray, " n"]
    photographs: Integer[np.ndarray, " n"]


def similarities(
    predicted: Float[np.ndarray, "*n k 2"],
    truth: Float[np.ndarray, "*n k 2"],
    areas: Float[np.ndarray, "*n"],
    sigmas: Float[np.ndarray, " k"],
) -> Float[np.ndarray, "*n k"]:
    """OKS of every single keypoint, in [0, 1]."""
    squared = np.square(predicted - truth).sum(-1)
    spread = 2 * areas[..., None] * np.square(2 * sigmas)
    return np.exp(-squared / spread)


def classify(
    predicted: Float[np.ndarray, "n k 2"],
    people: People,
    sigmas: Sequence[float],
    flip: Sequence[int],
) -> Integer[np.ndarray, "n k"]:
    """The kind of every predicted keypoint, an index into `KINDS`.

    Args:
      predicted: in the frame of the labels, a row a person.
      people: all labelled people, neighbours among them.
      sigmas: of OKS; more than 0.
      flip: the mirror image of each keypoint.
    """
    constants, mirror = np.asarray(sigmas, np.float64), np.asarray(flip)
    labelled = people.visibility > 0
    own = similarities(predicted, people.keypoints, people.areas, constants)
    inverted = similarities(
        predicted, people.keypoints[:, mirror], people.areas, constants
    )
    swappable = labelled[:, mirror] & (mirror != np.arange(len(mirror)))
    near_other = _near_a_neighbour(predicted, people, constants, mirror)
    return np.select(
        [
            ~labelled,
            own >= GOOD_SIMILARITY,
            own >= NEAR_SIMILARITY,
            swappable & (inverted >= NEAR_SIMILARITY),
            near_other,
        ],
        [UNLABELLED, GOOD, JITTER, INVERSION, SWAP],
        MISS,
    )


def count_kinds(kinds: Integer[np.ndarray, "n k"]) -> Integer[np.ndarray, "k kinds"]:
    """How many people have each kind, by keypoint; counts of parts add up."""
    return np.stack([(kinds == kind).sum(0) for kind in range(len(KINDS))], axis=-1)


def _near_a_neighbour(
    predicted: np.ndarray, people: People, sigmas: np.ndarray, mirror: np.ndarray
) -> np.ndarray:
    near = np.zeros(predicted.shape[:2], bool)
    order = np.argsort(people.photographs, kind="stable")
    starts = np.flatnonzero(np.diff(people.photographs[order], prepend=np.nan))
    for group in np.split(order, starts[1:]):
        for person in group if len(group) > 1 else ():
            others = group[group != person]
            near[person] = _near_any(predicted[person], people, others, sigmas, mirror)
    return near


def _near_any(
    predicted: np.ndarray,
    people: People,
    others: np.ndarray,
    sigmas: np.ndarray,
    mirror: np.ndarray,
) -> np.ndarray:
    near = np.zeros(len(predicted), bool)
    for joints in (np.arange(len(mirror)), mirror):
        truth = people.keypoints[others][:, joints]
        alike = similarities(
            np.broadcast_to(predicted, truth.shape), truth, people.areas[others], sigmas
        )
        there = people.visibility[others][:, joints] > 0
        near |= ((alike >= NEAR_SIMILARITY) & there).any(0)
    return near

"""Left and right swapped: poses that a swap explains far better than their labels.

What joints alone can tell. Take the pairs of a skeleton: shoulders, hips, and so on.
Their midpoints, and the joints in the middle, stay where they are when left and right
are swapped; they give each body its size and its upright. In that frame a swap turns
round the vector from the right joint to the left one. All these vectors of a person
hang together in a way that the data show: people who face us have every left joint on
one side, people who face away on the other, and some cross their legs.

The model is a Student t around a mean pose, or around its mirror image for those who
face the other way, fitted by expectation maximisation. Mirrored people are as likely as
people, so x and y of the vectors are independent.

- Some pairs swapped contradict the other pairs, whichever way a person faces. That is
  suspicious where the pose is `CONTRADICTION` times as likely with them swapped back.
- All pairs swapped look like a person seen from the other side. That is suspicious only
  where hardly anybody is seen from there: see `RARE`.

Swaps are missed where a body is seen from the side, or folded; and some of the people
who are named only twist, or look back over a shoulder. Look before you change a label.
"""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Complex, Float, Int

from hourglass_jax.data.annotations import Annotations, Person, Problem
from hourglass_jax.skeleton import Skeleton

CONTRADICTION = 100.0
"""How many times as likely a pose is with some pairs swapped, to be named."""

RARE = 0.02
"""Share of the people up to which facing the other way is suspicious by itself."""

FEWEST = 50
"""People below whom the data do not tell what is usual."""

_FREEDOM = 4.0  # of the Student t: one misplaced joint should not outweigh the others
_FARTHEST = 3.5  # spreads to which vectors are clipped, for the same reason
_LEAST_VARIANCE = 0.04  # in squared spreads: matrices stay invertible
_TOLD = 0.25  # spread of midpoints, in sizes of the body, that tells what is upright
_ROUNDS = 20
_PAIRS = 12  # the first ones: body before face and fingers, in all skeletons with both
_PEOPLE = 4096  # at a time, to bound memory


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vectors:
    """Of each person's pairs, from right to left, in spreads.

    Attributes:
      x: across the body; 0 where a pair is not whole.
      y: along the body; 0 where a pair is not whole.
      whole: whether both joints are labelled.
    """

    x: Float[np.ndarray, "n p"]
    y: Float[np.ndarray, "n p"]
    whole: Bool[np.ndarray, "n p"]

    def take(self, rows: slice | Int[np.ndarray, " m"]) -> "Vectors":
        """Those of some people."""
        return Vectors(x=self.x[rows], y=self.y[rows], whole=self.whole[rows])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Model:
    """How vectors are distributed.

    Attributes:
      mean: of x, for those who face the way that most do; of y it is 0.
      across: covariance of x around that mean.
      along: covariance of y.
      away: share of the people who face the other way.
    """

    mean: Float[np.ndarray, " p"]
    across: Float[np.ndarray, "p p"]
    along: Float[np.ndarray, "p p"]
    away: float


def swapped_sides(annotations: Annotations) -> Iterator[Problem]:
    """Whoever has left and right other than the data suggest, the likeliest first.

    Nobody where fewer than `FEWEST` people tell what is usual.
    """
    skeleton, people = annotations.skeleton, list(annotations.people())
    if not _pairs(skeleton)[0] or len(people) < FEWEST:
        return
    vectors = make_vectors(people, skeleton)
    if np.count_nonzero(vectors.whole.any(1)) < FEWEST:
        return
    model = fit(vectors)
    gains, swaps = _contradictions(vectors, model)
    named = gains > np.log(CONTRADICTION)
    for i in np.argsort(-gains, kind="stable")[: np.count_nonzero(named)].tolist():
        yield _contradiction(people[i], skeleton, swaps[i], gains[i])
    for i in np.flatnonzero(_turned(vectors, model) & ~named).tolist():
        yield _problem(
            people[i],
            kind="left and right swapped, or seen from the other side",
            found=f"faces the other way, as {100 * model.away:.1f} % do",
            expected=f"the way of the other {100 - 100 * model.away:.1f} %",
        )


def _contradiction(
    person: Person, skeleton: Skeleton, swap: Bool[np.ndarray, " p"], gain: float
) -> Problem:
    left, right, _ = _pairs(skeleton)
    names = skeleton.keypoints
    pairs = ", ".join(
        f"{names[left[i]]}/{names[right[i]]}" for i in np.flatnonzero(swap)
    )
    times = np.exp(min(gain, np.log(1e9)))
    return _problem(
        person,
        kind="left and right swapped",
        found=f"{pairs} contradict the others; {times:,.0f} times as likely swapped",
        expected="the person's own left and right",
    )


def _problem(person: Person, *, kind: str, found: str, expected: str) -> Problem:
    return Problem(
        kind=kind,
        where=f"{person.where} : keypoints",
        found=found,
        expected=expected,
        person=person.person,
    )


def _pairs(skeleton: Skeleton) -> tuple[list[int], list[int], list[int]]:
    """Left and right joints of the pairs, and the joints in the middle."""
    flip, names = skeleton.flip, skeleton.keypoints
    left = [i for i, partner in enumerate(flip) if names[i] < names[partner]][:_PAIRS]
    middle = [i for i, partner in enumerate(flip) if partner == i]
    return left, [flip[i] for i in left], middle


def make_vectors(people: list[Person], skeleton: Skeleton) -> Vectors:
    """Bring all people to one size and upright, and measure their pairs."""
    left, right, middle = _pairs(skeleton)
    points = np.stack([person.keypoints_img for person in people]).astype(np.float64)
    labelled = np.stack([person.visibility for person in people]) > 0
    at = points[..., 0] + 1j * points[..., 1]
    whole = labelled[:, left] & labelled[:, right]
    midpoints = np.concatenate([(at[:, left] + at[:, right]) / 2, at[:, middle]], 1)
    turn, told = _upright(midpoints, np.concatenate([whole, labelled[:, middle]], 1))
    whole &= told[:, None]
    vectors = np.where(whole, (at[:, left] - at[:, right]) * turn[:, None], 0)
    lengths = [abs(column[on]) for column, on in zip(vectors.T, whole.T, strict=True)]
    spread = [np.median(column) if len(column) else 0.0 for column in lengths]
    scaled = vectors / np.maximum(spread, 1e-6)
    return Vectors(
        x=np.clip(scaled.real, -_FARTHEST, _FARTHEST),
        y=np.clip(scaled.imag, -_FARTHEST, _FARTHEST),
        whole=whole,
    )


def _upright(
    points: Complex[np.ndarray, "n m"], there: Bool[np.ndarray, "n m"]
) -> tuple[Complex[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """What turns and scales everybody to the mean shape (Procrustes, Gower 1975).

    And whether enough of the shape is there to tell.
    """
    weights = there / np.maximum(there.sum(1, keepdims=True), 1)
    centred = (points - (points * weights).sum(1, keepdims=True)) * there
    moment = np.maximum((abs(centred) ** 2 * weights).sum(1), 1e-12)
    shape = _mean(centred / np.sqrt(moment)[:, None], there)
    for _ in range(_ROUNDS):
        middle = (shape * weights).sum(1, keepdims=True)
        target = (shape - middle) * there
        turn = (centred.conj() * target * weights).sum(1) / moment
        shape = _mean(turn[:, None] * centred + middle, there)
        shape = shape - shape.mean()
        shape = shape / np.maximum(np.sqrt((abs(shape) ** 2).mean()), 1e-6)
    spread = np.sqrt((abs(target) ** 2 * weights).sum(1))
    return turn, spread > _TOLD


def _mean(values: np.ndarray, there: Bool[np.ndarray, "n p"]) -> np.ndarray:
    return (values * there).sum(0) / np.maximum(there.sum(0), 1)


def fit(vectors: Vectors) -> Model:
    """The model under which the vectors are likeliest."""
    x, whole = vectors.x, vectors.whole.astype(np.float64)
    both = np.maximum(whole.T @ whole, 1)
    moment = x.T @ x / both
    along = _invertible(vectors.y.T @ vectors.y / both)
    toward = (x.sum(1) > 0).astype(np.float64)
    for _ in range(_ROUNDS):
        mean = _mean((2 * toward - 1)[:, None] * x, vectors.whole)
        share = np.clip(toward.mean(), 1e-6, 1 - 1e-6)
        across = _invertible(moment - np.outer(mean, mean))
        model = Model(mean=mean, across=across, along=along, away=float(1 - share))
        logs = _log_likelihoods(vectors, model, np.ones((1, x.shape[1])))
        odds = logs[0, :, 0] - logs[1, :, 0] + np.log(share / (1 - share))
        toward = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
    if model.away > 0.5:
        return dataclasses.replace(model, mean=-model.mean, away=1 - model.away)
    return model


def _invertible(matrix: Float[np.ndarray, "p p"]) -> Float[np.ndarray, "p p"]:
    values, axes = np.linalg.eigh(matrix)
    return (axes * np.maximum(values, _LEAST_VARIANCE)) @ axes.T


def _contradictions(
    vectors: Vectors, model: Model
) -> tuple[Float[np.ndarray, " n"], Bool[np.ndarray, "n p"]]:
    """How much likelier the best swap of some pairs is, as a logarithm; which pairs.

    Swapping all others instead is as good, since people may face either way: of the
    two the smaller swap is meant.
    """
    pairs = vectors.x.shape[1]
    swaps = _swaps(pairs)
    signs = np.concatenate([np.ones((1, pairs)), np.where(swaps, -1.0, 1.0)])
    gains, best = [], []
    for start in range(0, len(vectors.x), _PEOPLE):
        part = vectors.take(slice(start, start + _PEOPLE))
        logs = np.logaddexp(*_log_likelihoods(part, model, signs))
        best.append(logs[:, 1:].argmax(1))
        gains.append(logs[:, 1:].max(1) - logs[:, 0])
    return np.concatenate(gains), swaps[np.concatenate(best)]


def _swaps(pairs: int) -> Bool[np.ndarray, "m p"]:
    """Which pairs to swap together: one, two or three."""
    chosen = [
        np.isin(np.arange(pairs), some)
        for count in range(1, min(3, pairs) + 1)
        for some in itertools.combinations(range(pairs), count)
    ]
    return np.array(chosen)


def _turned(vectors: Vectors, model: Model) -> Bool[np.ndarray, " n"]:
    """Who clearly faces the other way, where that is rare."""
    toward, away = _log_likelihoods(vectors, model, np.ones((1, len(model.mean))))
    clearly = away[:, 0] - toward[:, 0] > np.log(CONTRADICTION)
    return clearly & (model.away <= RARE)


def _log_likelihoods(
    vectors: Vectors, model: Model, signs: Float[np.ndarray, "m p"]
) -> Float[np.ndarray, "2 n m"]:
    """Of the vectors times the signs: for people who face as most do, and otherwise."""
    logs = np.zeros((2, len(vectors.x), len(signs)))
    kinds, kind = np.unique(vectors.whole, axis=0, return_inverse=True)
    for number, on in enumerate(kinds):
        rows = np.flatnonzero(kind.ravel() == number)
        some = vectors.take(rows)
        x, y = (v[:, None, on] * signs[:, on] for v in (some.x, some.y))
        across, along = (
            np.linalg.inv(matrix[np.ix_(on, on)])
            for matrix in (model.across, model.along)
        )
        for facing, mean in enumerate((model.mean[on], -model.mean[on])):
            far = _distance(x - mean, across) + _distance(y, along)
            power = _FREEDOM / 2 + np.count_nonzero(on)
            logs[facing, rows] = -power * np.log1p(far / _FREEDOM)
    return logs


def _distance(
    values: Float[np.ndarray, "n m q"], precision: Float[np.ndarray, "q q"]
) -> Float[np.ndarray, "n m"]:
    return ((values @ precision) * values).sum(-1)

"""How much a score would vary had other people been photographed: the bootstrap.

People are drawn with replacement, as many as there are, and the score is computed anew,
``rounds`` times; the middle 95 % are the interval (Efron's percentile interval). A
person's contribution is a row of sums, so a round is a product of counts and sums.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float, Integer

ROUNDS = 1000
LEVEL = 0.95
_AT_ONCE = 250  # rounds; bounds the memory: 60 MB an array for 30,000 people

Statistic = Callable[[Float[np.ndarray, "*rounds m"]], Float[np.ndarray, "*rounds q"]]
"""Sums over people [... m] -> scores [... q], for any leading axes."""


@dataclasses.dataclass(frozen=True, eq=False)
class Estimate:
    """Scores with the bounds of their intervals; NaN where there is nothing to score.

    Attributes:
      value: the scores on all people, each once.
      low: lower bounds.
      high: upper bounds.
    """

    value: Float[np.ndarray, " q"]
    low: Float[np.ndarray, " q"]
    high: Float[np.ndarray, " q"]


def estimate(
    per_person: Float[np.ndarray, "n m"],
    statistic: Statistic,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Estimate:
    """Scores and their intervals, from every person's row of sums."""
    resampled = statistic(resample(per_person, rounds=rounds, seed=seed))
    return bound(statistic(per_person.sum(axis=0)), resampled)


def compare(
    per_person_a: Float[np.ndarray, "n m"],
    per_person_b: Float[np.ndarray, "n m"],
    statistic: Statistic,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Estimate:
    """By how much b scores above a on the same people, with intervals.

    Both are resampled alike: what makes a person hard for both cancels out, and the
    interval is narrower than those of the two scores suggest.
    """
    value = statistic(per_person_b.sum(axis=0)) - statistic(per_person_a.sum(axis=0))
    resampled = [
        statistic(resample(per_person, rounds=rounds, seed=seed))
        for per_person in (per_person_a, per_person_b)
    ]
    return bound(value, resampled[1] - resampled[0])


def resample(
    per_person: Float[np.ndarray, "n m"], *, rounds: int, seed: int
) -> Float[np.ndarray, "rounds m"]:
    """Sums over the people that each round draws."""
    drawn = draw_counts(len(per_person), rounds=rounds, seed=seed)
    return np.concatenate([counts.astype(np.float64) @ per_person for counts in drawn])


def draw_counts(
    people: int, *, rounds: int, seed: int, at_once: int = _AT_ONCE
) -> Iterator[Integer[np.ndarray, "some n"]]:
    """How often each round draws each person, ``at_once`` rounds at a time."""
    generator = np.random.default_rng(seed)
    for start in range(0, rounds, at_once):
        some = min(at_once, rounds - start)
        drawn = generator.integers(0, people, (some, people))
        cells = drawn + people * np.arange(some)[:, None]
        counts = np.bincount(cells.ravel(), minlength=some * people)
        yield counts.reshape(some, people)


def bound(
    value: Float[np.ndarray, " q"], resampled: Float[np.ndarray, "rounds q"]
) -> Estimate:
    """The middle 95 % of resampled scores, around the scores themselves."""
    known = ~np.isnan(resampled).all(axis=0)
    bounds = np.full((2, len(value)), np.nan)
    outside = (1 - LEVEL) / 2
    if known.any():
        bounds[:, known] = np.nanquantile(
            resampled[:, known], [outside, 1 - outside], axis=0
        )
    return Estimate(value, *bounds)

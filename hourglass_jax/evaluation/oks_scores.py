"""OKS-AP of people in photographs, with intervals over photographs."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from hourglass_jax.data.keypoint_sets import Predictions, Truth
from hourglass_jax.errors import InputError
from hourglass_jax.evaluation.keypoint_scores import entry
from hourglass_jax.metrics import oks
from hourglass_jax.metrics.bootstrap import bound, draw_counts
from hourglass_jax.skeleton import SKELETONS

_CELLS = 5_000_000  # answers times rounds at once: 40 MB an array


def choose_sigmas(truth: Truth, given: Sequence[float]) -> Float[np.ndarray, " k"]:
    """The sigmas given, or those of the skeleton that has exactly these keypoints.

    Raises:
      InputError: there are none, not one a keypoint, or one is not positive.
    """
    count = truth.keypoints.shape[1]
    known = [s.sigmas for s in SKELETONS.values() if s.keypoints == truth.names]
    sigmas = np.array(tuple(given) or next(iter(known), ()))
    if len(sigmas) != count or not (np.isfinite(sigmas) & (sigmas > 0)).all():
        raise InputError(
            f"oks: {len(sigmas)} sigmas for the {count} keypoints of {truth.path}; "
            "expected a positive one each; give them as --sigmas 0.026 0.025 ..."
        )
    return sigmas


class OksScorer:
    """Scores answers in one truth's photographs by OKS."""

    def __init__(self, truth: Truth, sigmas: Float[np.ndarray, " k"]) -> None:
        """Raise InputError for a truth without areas and photographs."""
        if truth.areas is None or truth.photographs is None:
            raise InputError(
                f"{truth.path}: has no areas of people; --metric oks needs ground "
                "truth in COCO's form"
            )
        self._truth, self._sigmas = truth, sigmas
        self._photographs = len(truth.photographs)
        self._people = [_people(truth, rows) for rows in self._rows(truth.photograph)]

    def about(self) -> dict[str, Any]:
        """Who is scored, and how."""
        return {
            "people": int(
                (~np.concatenate([p.ignored()[0] for p in self._people])).sum()
            ),
            "photographs": self._photographs,
            "sigmas": self._sigmas.tolist(),
            "intervals_over": "photographs",
        }

    def match(self, predictions: Predictions) -> oks.Matches:
        """Match all answers; raises InputError if they have no scores."""
        if predictions.scores is None or predictions.photograph is None:
            raise InputError(
                f"{predictions.path}: has no scores of people; --metric oks needs COCO "
                "results, or what `hourglass predict` writes"
            )
        scores, points = predictions.scores, predictions.keypoints
        areas = predictions.areas
        rows = self._rows(predictions.photograph)
        return oks.concatenate(
            oks.match(
                *(points[answers], scores[answers], people, self._sigmas),
                areas=None if areas is None else areas[answers],
            )
            for people, answers in zip(self._people, rows, strict=True)
        )

    def score(self, matches: oks.Matches, *, rounds: int, seed: int) -> dict[str, Any]:
        """The ten numbers in percent, ready for JSON."""
        table = bound(_numbers(matches), _resample(matches, rounds, seed))
        answered = len(np.unique(matches.photographs))
        return {
            "answers": len(matches.scores),
            "photographs_without_answer": self._photographs - answered,
            "scores": {name: entry(table, i) for i, name in enumerate(oks.NUMBERS)},
        }

    def compare(
        self, a: oks.Matches, b: oks.Matches, *, rounds: int, seed: int
    ) -> dict[str, Any]:
        """By how much b's numbers are above a's, ready for JSON."""
        resampled = _resample(b, rounds, seed) - _resample(a, rounds, seed)
        table = bound(_numbers(b) - _numbers(a), resampled)
        return {"scores": {name: entry(table, i) for i, name in enumerate(oks.NUMBERS)}}

    def _rows(
        self, photograph: Integer[np.ndarray, " n"] | None
    ) -> Iterator[Integer[np.ndarray, " some"]]:
        """The rows of each photograph, in their order."""
        assert photograph is not None  # read together with `photographs`
        order = np.argsort(photograph, kind="stable")
        counts = np.bincount(photograph, minlength=self._photographs)
        return iter(np.split(order, np.cumsum(counts)[:-1]))


def _people(truth: Truth, rows: Integer[np.ndarray, " some"]) -> oks.People:
    assert truth.areas is not None
    assert truth.boxes is not None
    assert truth.crowd is not None
    return oks.People(
        keypoints=truth.keypoints[rows],
        visibility=truth.visibility[rows],
        boxes=truth.boxes[rows],
        areas=truth.areas[rows],
        crowd=truth.crowd[rows],
    )


def _numbers(matches: oks.Matches) -> Float[np.ndarray, "10"]:
    return 100 * oks.summarise(matches)[0]


def _resample(
    matches: oks.Matches, rounds: int, seed: int
) -> Float[np.ndarray, "rounds 10"]:
    """The ten numbers of photographs drawn with replacement.

    Photographs, not people: those who stand together are matched together.
    """
    at_once = max(1, _CELLS // max(1, len(matches.scores)))
    drawn = draw_counts(len(matches.people), rounds=rounds, seed=seed, at_once=at_once)
    return np.concatenate([100 * oks.summarise(matches, counts) for counts in drawn])

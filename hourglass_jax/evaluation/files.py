"""Files of predictions against a file of labels: read, paired, scored."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from hourglass_jax.data.keypoint_files import read_predictions, read_truth
from hourglass_jax.data.keypoint_sets import Predictions, Truth
from hourglass_jax.evaluation import protocols
from hourglass_jax.evaluation.keypoint_scores import KeypointScorer
from hourglass_jax.evaluation.oks_scores import OksScorer, choose_sigmas
from hourglass_jax.evaluation.pairing import labelled_people, pair
from hourglass_jax.metrics.bootstrap import LEVEL, ROUNDS
from hourglass_jax.metrics.pck import Strictness

Metric = Literal["pckh", "pck", "oks"]


def score_files(
    predictions: str | Path,
    ground_truth: str | Path,
    metric: Metric,
    *,
    normalise: protocols.Normaliser = "torso",
    strict: bool = False,
    sigmas: Sequence[float] = (),
    rounds: int = ROUNDS,
    seed: int = 0,
) -> dict[str, Any]:
    """Score a file of predictions; every score with a 95 % interval.

    Args:
      predictions: any file of `hourglass_jax.data.keypoint_files`.
      ground_truth: likewise.
      metric: ``pckh``, ``pck`` or ``oks``.
      normalise: what ``pck`` divides errors by.
      strict: ``pckh`` and ``pck``: an error of exactly the threshold is wrong.
      sigmas: ``oks``: one a keypoint; by default those of the skeleton that has exactly
        these keypoints.
      rounds: of the bootstrap.
      seed: of the bootstrap.

    Returns:
      Ready for JSON: what was scored and how, then the scores in percent, by name; see
      docs/metrics.md.

    Raises:
      InputError: a file cannot be used, or the two do not belong together.
    """
    bench = _Bench(ground_truth, metric, normalise, strict, sigmas)
    read = bench.read(predictions)
    found = bench.scorer.score(bench.prepare(read), rounds=rounds, seed=seed)
    return bench.about(read, rounds, seed) | found


def compare_files(
    predictions_a: str | Path,
    predictions_b: str | Path,
    ground_truth: str | Path,
    metric: Metric,
    *,
    normalise: protocols.Normaliser = "torso",
    strict: bool = False,
    sigmas: Sequence[float] = (),
    rounds: int = ROUNDS,
    seed: int = 0,
) -> dict[str, Any]:
    """Score two files of predictions, and by how much the second is better.

    Both are scored on the same people, resampled alike. For the arguments and errors
    see `score_files`.

    Returns:
      ``a`` and ``b``: as from `score_files`; ``difference``: b's scores minus a's.
    """
    bench = _Bench(ground_truth, metric, normalise, strict, sigmas)
    read = [bench.read(path) for path in (predictions_a, predictions_b)]
    prepared = [bench.prepare(each) for each in read]
    a, b = (
        bench.about(each, rounds, seed)
        | bench.scorer.score(ready, rounds=rounds, seed=seed)
        for each, ready in zip(read, prepared, strict=True)
    )
    difference = bench.scorer.compare(*prepared, rounds=rounds, seed=seed)
    return {"a": a, "b": b, "difference": difference}


class _Bench:
    """One ground truth, ready to score predictions on."""

    def __init__(
        self,
        ground_truth: str | Path,
        metric: Metric,
        normalise: protocols.Normaliser,
        strict: bool,
        sigmas: Sequence[float],
    ) -> None:
        self._truth, self._metric = read_truth(ground_truth), metric
        self.scorer = _make_scorer(self._truth, metric, normalise, strict, sigmas)

    def read(self, path: str | Path) -> Predictions:
        return read_predictions(path, self._truth)

    def prepare(self, predictions: Predictions) -> Any:
        """What the scorer scores."""
        if isinstance(self.scorer, OksScorer):
            return self.scorer.match(predictions)
        return self.scorer.measure(pair(predictions, self._truth))

    def about(self, predictions: Predictions, rounds: int, seed: int) -> dict[str, Any]:
        return {
            "metric": self._metric,
            "predictions": str(predictions.path),
            "ground_truth": str(self._truth.path),
            "shift": predictions.shift,
            "level": LEVEL,
            "rounds": rounds,
            "seed": seed,
            **self.scorer.about(),
        }


def _make_scorer(
    truth: Truth,
    metric: Metric,
    normalise: protocols.Normaliser,
    strict: bool,
    sigmas: Sequence[float],
) -> KeypointScorer | OksScorer:
    if metric == "oks":
        return OksScorer(truth, choose_sigmas(truth, sigmas))
    people = labelled_people(truth)
    strictness = Strictness.STRICT if strict else Strictness.INCLUSIVE
    if metric == "pckh":
        protocol = protocols.pckh_protocol(strictness)
        return KeypointScorer(people, protocols.head_lengths(people), protocol)
    protocol = protocols.pck_protocol(people, normalise, strictness)
    return KeypointScorer(people, protocols.pck_lengths(people, normalise), protocol)

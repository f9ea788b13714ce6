"""Statistics of trainings that were repeated with other seeds."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

from scipy import stats

Runs = Sequence[dict[str, Any]]


def interval(runs: Runs, metric: str, mean: str = "scores") -> tuple[float, float]:
    """Mean and half of the 95 % interval.

    Several seeds: Student's t over their scores. One: the bootstrap over people.
    ``mean`` is what of a run to take: scores of all joints, or limbs.
    """
    scores = [run[mean][metric] for run in runs]
    values = [score["value"] for score in scores]
    if len(values) == 1:
        return values[0], (scores[0]["high"] - scores[0]["low"]) / 2
    return statistics.mean(values), _half(values)


def above(runs: Runs, base: Runs, metric: str, mean: str = "scores") -> str:
    """By how much runs are above others of the same seeds, as text.

    With Student's 95 % interval where several seeds are shared; nothing where none is.
    """
    others = {run["seed"]: run[mean][metric]["value"] for run in base}
    steps = [
        run[mean][metric]["value"] - others[run["seed"]]
        for run in runs
        if run["seed"] in others
    ]
    if len(steps) < 2:
        return f"{steps[0]:+.1f}" if steps else ""
    return f"{statistics.mean(steps):+.1f} ± {_half(steps):.1f}"


def _half(values: Sequence[float]) -> float:
    quantile = float(stats.t.ppf(0.975, len(values) - 1))
    return quantile * statistics.stdev(values) / math.sqrt(len(values))

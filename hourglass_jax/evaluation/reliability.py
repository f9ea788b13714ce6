"""What scores are worth, drawn."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from hourglass_jax.errors import InputError
from hourglass_jax.evaluation.answers import Answers, choose_rulers
from hourglass_jax.files import write_whole
from hourglass_jax.metrics.bootstrap import Estimate
from hourglass_jax.metrics.distances import measure
from hourglass_jax.metrics.reliability import (
    BINS,
    EDGES,
    ReliabilityCounts,
    calibration_error,
    count_reliability,
    estimate_calibration,
)

_COLOUR = "#0072b2"
_INK, _FAINT = "#1a1a24", "#b8b8c4"


def count_answers(answers: Answers) -> tuple[ReliabilityCounts, str]:
    """Answers sorted by their scores, and what counts as correct, in words."""
    correct, counted, criterion = _judge(answers)
    return count_reliability(answers.scores, correct, counted), criterion


def estimate_answers(answers: Answers) -> Estimate:
    """Their expected calibration error with its interval over people."""
    correct, counted, _ = _judge(answers)
    return estimate_calibration(answers.scores, correct, counted)


def _judge(answers: Answers) -> tuple[np.ndarray, np.ndarray, str]:
    """Which keypoints are correct, which count [n k], and by what."""
    protocol, lengths = choose_rulers(answers)[0]
    distances = measure(answers.found, answers.truth, answers.visibility, lengths)
    threshold = protocol.thresholds[0]
    correct = protocol.strictness.correct(distances.values, threshold)
    return correct, distances.counted, f"{protocol.name}@{threshold:g}"


def draw_reliability(
    counts: ReliabilityCounts, criterion: str, path: str | Path
) -> None:
    """Draw the share correct over the score, and below how many keypoints have it.

    On the diagonal a score would be the probability of being correct.

    Args:
      counts: of a whole evaluation.
      criterion: what correct means, such as ``PCKh@0.5``.
      path: the PNG to write.

    Raises:
      InputError: nobody was counted, or ``path`` does not end in .png.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InputError(f"reliability: {path}: expected a name that ends in .png")
    if not counts.keypoints.any():
        raise InputError("reliability: nothing to draw; no keypoint was counted")
    # Not pyplot: it keeps figures in a global list, and looks for a screen.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 6.2), dpi=150, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    _draw_shares(above, counts, criterion)
    _draw_numbers(below, counts)
    for panel in (above, below):
        panel.grid(color=_FAINT, linewidth=0.5, alpha=0.6)
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=9, length=0, labelcolor=_INK)
        panel.spines[["top", "right"]].set_visible(False)
        panel.spines[["left", "bottom"]].set_color(_FAINT)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    write_whole(path, picture.getvalue())


def _draw_shares(panel: Any, counts: ReliabilityCounts, criterion: str) -> None:
    panel.plot([0, 1], [0, 100], color=_INK, linewidth=1, linestyle=(0, (4, 3)))
    panel.text(0.99, 3, "dashed: score = share correct", ha="right", fontsize=9)
    scores = counts.mean_scores()
    panel.plot(
        *(scores, 100 * counts.shares_correct()),
        **{"color": _COLOUR, "linewidth": 1.3, "marker": "o", "markersize": 5},
        clip_on=False,
    )
    panel.set_xlim(0, max(1.0, float(np.nanmax(scores))))
    panel.set_ylim(0, 100)
    panel.set_ylabel(f"% correct by {criterion}", fontsize=10, color=_INK)
    panel.set_title(
        f"Scores against {criterion}\n"
        f"{counts.keypoints.sum():,} keypoints, "
        f"expected calibration error {calibration_error(counts):.3f}",
        **{"loc": "left", "fontsize": 11, "color": _INK},
    )


def _draw_numbers(panel: Any, counts: ReliabilityCounts) -> None:
    share = 100 * counts.keypoints / counts.keypoints.sum()
    middles = (EDGES[1:] + EDGES[:-1]) / 2
    panel.bar(middles, share, width=0.9 / BINS, color=_COLOUR, alpha=0.75)
    panel.set_ylabel("% of keypoints", fontsize=10, color=_INK)
    panel.set_xlabel("score: height of the peak", fontsize=10, color=_INK)
    panel.set_xticks(np.linspace(0, 1, 6))

"""Evaluation: models and files of predictions, scored, as tables and pictures."""

from hourglass_jax.evaluation.answers import Answers, collect, metric_names
from hourglass_jax.evaluation.curves import draw_curves
from hourglass_jax.evaluation.files import compare_files, score_files
from hourglass_jax.evaluation.tables import (
    format_markdown,
    format_summary,
    format_table,
)

__all__ = [
    "Answers",
    "collect",
    "compare_files",
    "draw_curves",
    "format_markdown",
    "format_summary",
    "format_table",
    "metric_names",
    "score_files",
]

"""Scores as text for a terminal."""

from collections.abc import Mapping
from typing import Any


def format_table(summary: Mapping[str, Any]) -> str:
    """A line a threshold, a column a joint group, and who was counted.

    Args:
      summary: what `Evaluation.summary` returns.
    """
    scores = {name: row for name, row in summary.items() if name.startswith("PCK")}
    columns = list(next(iter(scores.values())))
    lines = ["".join([" " * 9, *(f"{name:>10}" for name in columns)])]
    lines += [
        "".join([f"{name:<9}", *(f"{_number(row[c]):>10}" for c in columns)])
        for name, row in scores.items()
    ]
    left_out = summary["unmeasured"]
    note = f"; {left_out} without a labelled torso left out" if left_out else ""
    return "\n".join([*lines, f"{summary['people']} people{note}"])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"

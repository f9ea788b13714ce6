"""PCKh and PCK over the threshold, drawn."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hourglass_jax.errors import InputError
from hourglass_jax.evaluation.tables import short_names
from hourglass_jax.files import write_whole

_COLOURS = ("#0072b2", "#d55e00")
_INK, _FAINT = "#1a1a24", "#b8b8c4"
_PANELS_IN_A_ROW = 4


def draw_curves(results: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Draw a panel a column of the table, a line a result, its 95 % interval shaded.

    Args:
      results: one or two, of `score_files`, by PCKh or PCK on the same ground truth.
      path: the PNG to write.

    Raises:
      InputError: the metric has no curve, or ``path`` does not end in .png.
    """
    path = Path(path)
    if any("curves" not in result for result in results):
        raise InputError("curves: OKS has none; use --metric pckh or pck")
    if path.suffix.lower() != ".png":
        raise InputError(f"curves: {path}: expected a name that ends in .png")
    # Not pyplot: it keeps figures in a global list, and looks for a screen.
    from matplotlib.figure import Figure

    columns = list(results[0]["curves"]["columns"])
    rows = -(-len(columns) // _PANELS_IN_A_ROW)
    figure = Figure(figsize=(11, 2.6 * rows + 1.0), dpi=150)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.08)
    panels = figure.subplots(
        rows, _PANELS_IN_A_ROW, sharex=True, sharey=True, squeeze=False
    ).ravel()
    for column, panel in zip(columns, panels, strict=False):
        _draw_panel(panel, column, results)
    for panel in panels[len(columns) :]:
        panel.set_visible(False)
    _label(figure, results)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    write_whole(path, picture.getvalue())


def _draw_panel(panel: Any, column: str, results: Sequence[Mapping[str, Any]]) -> None:
    thresholds = results[0]["curves"]["thresholds"]
    for line, (result, colour) in enumerate(zip(results, _COLOURS, strict=False)):
        entries = result["curves"]["columns"][column]
        if any(entry["value"] is None for entry in entries):
            continue
        value, low, high = (
            [entry[key] for entry in entries] for key in ("value", "low", "high")
        )
        panel.fill_between(thresholds, low, high, color=colour, alpha=0.25, linewidth=0)
        panel.plot(thresholds, value, color=colour, linewidth=1.3)
        # Above the panel, where no curve is.
        panel.text(
            *(1 - 0.17 * (len(results) - 1 - line), 1.03, f"{value[-1]:.1f}"),
            **{"transform": panel.transAxes, "ha": "right", "color": colour},
        )
    panel.set_title(column, loc="left", fontsize=11, color=_INK, fontweight="bold")
    panel.set_xlim(0, thresholds[-1])
    panel.set_ylim(0, 100)
    panel.set_yticks(range(0, 101, 20))
    panel.grid(color=_FAINT, linewidth=0.5, alpha=0.6)
    panel.tick_params(labelsize=9, length=0, labelcolor=_INK)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(_FAINT)


def _label(figure: Any, results: Sequence[Mapping[str, Any]]) -> None:
    from matplotlib.lines import Line2D

    first = results[0]
    metric = next(iter(first["scores"])).split("@")[0]
    title = f"{metric} on {Path(first['ground_truth']).name}, {first['people']} people"
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, color=_INK)
    below = f"error, in parts of {first['normalised_by']}"
    if first["mean"] != "Mean":
        below += f"      Mean: {first['mean']}"
    figure.supxlabel(below, fontsize=10)
    figure.supylabel("% of keypoints", fontsize=10)
    lines = [
        Line2D([], [], color=colour, label=name)
        for name, colour in zip(short_names(*results), _COLOURS, strict=False)
    ]
    figure.legend(handles=lines, loc="upper right", ncols=2, frameon=False, fontsize=10)

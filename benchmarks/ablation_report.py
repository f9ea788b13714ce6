"""The table and the learning curves of the comparison, from finished runs."""

import io
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from pages import put_table
from scipy import stats

from hourglass_jax.files import write_json, write_whole

Runs = Sequence[dict[str, Any]]

COLOURS = {
    "1 deep hourglass": "#999999",
    "1 deep, supervised inside": "#555555",
    "2 stacks, the last supervised": "#56b4e9",
    "2 stacks": "#0072b2",
    "4 stacks": "#1a1a5c",
    "2 stacks, FPN": "#009e73",
    "2 stacks, U-Net": "#e69f00",
    "2 stacks, rectified Gaussian": "#cc79a7",
}


def write_report(runs: Runs, folder: Path) -> None:
    """Write ``ablations/results.json`` and ``curves.png``, and the table of the page.

    Args:
      runs: what `ablations.py` kept of every run, in the order of the table.
      folder: with ``ablations.md``, between whose two marks the table goes.
    """
    write_json(folder / "ablations" / "results.json", list(runs))
    write_whole(folder / "ablations" / "curves.png", _draw(runs))
    put_table(folder / "ablations.md", make_table(runs), "variants")


def make_table(runs: Runs) -> str:
    """A row a variant; the means of seeds with intervals; the hours of all."""
    datasets = sorted({run["dataset"] for run in runs}, reverse=True)
    head = ["", "parameters", "multiply-adds"]
    for dataset in datasets:
        head += [f"{dataset} PCK@0.2", "@0.1"]
    rows = [head, ["---", *["---:"] * (len(head) - 1)]]
    for variant in COLOURS:
        own = [run for run in runs if run["variant"] == variant]
        if not own:
            continue
        row = [variant, f"{own[0]['parameters']:,}"]
        row.append(f"{own[0]['multiply_adds'] / 1e6:.0f} M")
        for dataset in datasets:
            row += _cells([run for run in own if run["dataset"] == dataset])
        rows.append(row)
    hours = sum(run["minutes"] for run in runs) / 60
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"{table}\n{len(runs)} trainings, {hours:.1f} hours.\n"


def _cells(runs: Runs) -> list[str]:
    if not runs:
        return ["not measured", ""]
    scores = [interval(runs, metric) for metric in ("PCK@0.2", "PCK@0.1")]
    return [f"{mean:.1f} ± {half:.1f}" for mean, half in scores]


def interval(runs: Runs, metric: str, mean: str = "scores") -> tuple[float, float]:
    """Mean and half of the 95 % interval.

    Several seeds: Student's t over their scores. One: the bootstrap over people.
    ``mean`` is what of a run to take: scores of all joints, or limbs.
    """
    scores = [run[mean][metric] for run in runs]
    values = [score["value"] for score in scores]
    if len(values) == 1:
        return values[0], (scores[0]["high"] - scores[0]["low"]) / 2
    quantile = float(stats.t.ppf(0.975, len(values) - 1))
    error = statistics.stdev(values) / math.sqrt(len(values))
    return statistics.mean(values), quantile * error


def _draw(runs: Runs) -> bytes:
    datasets = sorted({run["dataset"] for run in runs}, reverse=True)
    figure = Figure(figsize=(5.2 * len(datasets) + 2.4, 4.2), dpi=150)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(1, len(datasets), squeeze=False)[0]
    for panel, dataset in zip(panels, datasets, strict=True):
        _draw_panel(panel, [run for run in runs if run["dataset"] == dataset])
        panel.set(title=dataset, xlabel="step", ylabel="validation PCK@0.2 [%]")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside right upper", frameon=False
    )
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _draw_panel(panel: Any, runs: Runs) -> None:
    panel.grid(color="#e4e4ea", linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)
    for variant, colour in COLOURS.items():
        curves = [run["curve"] for run in runs if run["variant"] == variant]
        if not curves:
            continue
        steps = [step for step, _ in curves[0]]
        each = list(zip(*([score for _, score in c] for c in curves), strict=True))
        panel.plot(
            steps, [statistics.mean(s) for s in each], color=colour, label=variant
        )
        if len(curves) > 1:
            low, high = [min(s) for s in each], [max(s) for s in each]
            panel.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)

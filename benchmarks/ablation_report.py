"""The table and the learning curves of the comparison, from finished runs."""

import io
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from pages import put_table
from seeds import Runs, above, interval

from hourglass_jax.files import write_json, write_whole

METRICS = "PCK@0.2", "PCK@0.1"
REFERENCE = "2 stacks"
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
    put_table(folder / "ablations.md", make_differences(runs), "differences")


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
    return f"{_lines(rows)}\n{len(runs)} trainings, {hours:.1f} hours.\n"


def make_differences(runs: Runs) -> str:
    """By how much each variant is above the reference, paired by seed, as Markdown."""
    datasets = sorted({run["dataset"] for run in runs}, reverse=True)
    columns = [(d, metric) for d in datasets for metric in METRICS]
    head = ["above 2 stacks", *(f"{d} {metric}" for d, metric in columns)]
    rows = [head, ["---", *["---:"] * len(columns)]]
    for variant in COLOURS:
        if variant == REFERENCE:
            continue
        row = [variant]
        for dataset, metric in columns:
            own, base = (
                [r for r in runs if (r["dataset"], r["variant"]) == (dataset, name)]
                for name in (variant, REFERENCE)
            )
            row.append(above(own, base, metric))
        rows.append(row)
    return _lines(rows)


def _lines(rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cells(runs: Runs) -> list[str]:
    if not runs:
        return ["not measured", ""]
    scores = [interval(runs, metric) for metric in METRICS]
    return [f"{mean:.1f} ± {half:.1f}" for mean, half in scores]


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

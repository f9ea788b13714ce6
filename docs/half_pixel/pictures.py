"""The study's pictures."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

COLOURS = {
    "argmax": "#7a7a86",
    "quarter": "#d55e00",
    "soft": "#009e73",
    "dark": "#0072b2",
}
_INK, _FAINT = "#1a1a24", "#b8b8c4"


def draw_cell(sweep: dict, path: Path) -> None:
    """Error in x while a keypoint moves over two cells, a line a decoder."""
    figure = Figure(figsize=(7, 3.2), dpi=150, layout="constrained")
    panel = figure.subplots()
    for decoder, colour in COLOURS.items():
        error = np.array(sweep["errors"][decoder])
        error[np.abs(np.diff(error, prepend=error[0])) > 0.2] = np.nan  # a jump
        panel.plot(sweep["places"] - 31, error, color=colour, linewidth=1.6)
    for decoder, label, x, y in (
        ("argmax", "argmax", 0.08, -0.42),
        ("quarter", "quarter", 0.13, 0.15),
        ("dark", "dark, soft", 0.52, -0.07),
    ):
        panel.text(x, y, label, color=COLOURS[decoder], fontsize=10)
    panel.set_xlim(0, 2)
    panel.set_xlabel("true x, from the centre of a cell, in cells", fontsize=10)
    panel.set_ylabel("answer - truth, cells", fontsize=10)
    _tidy(panel)
    figure.savefig(path)


def draw_decoders(rows: list[dict], path: Path) -> None:
    """Mean error over sigma: without noise and with, alone and averaged."""
    figure = Figure(figsize=(9, 3.8), dpi=150, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, noise in zip(panels, (0.0, 0.02), strict=True):
        for decoder, colour in COLOURS.items():
            for flip, dash in ((False, "-"), (True, (0, (3, 2)))):
                chosen = [
                    row
                    for row in rows
                    if row["place"] == "inside"
                    and (row["decoder"], row["noise"], row["flip"])
                    == (decoder, noise, flip)
                ]
                panel.plot(
                    [row["sigma"] for row in chosen],
                    [row["mean"] for row in chosen],
                    **{"color": colour, "linestyle": dash, "linewidth": 1.5},
                    **{"marker": "o", "markersize": 4},
                    label=decoder if not flip else None,
                )
        panel.set_title(
            f"noise of {noise:.0%} of the peak" if noise else "no noise",
            **{"loc": "left", "fontsize": 11, "color": _INK},
        )
        panel.set_yscale("log")
        panel.set_ylim(3e-8, 2)
        panel.set_xticks(sorted({row["sigma"] for row in rows}))
        panel.set_xlabel("sigma, cells", fontsize=10)
        _tidy(panel)
    panels[0].set_ylabel("mean error, cells", fontsize=10)
    panels[1].plot([], [], color=_INK, linestyle=(0, (3, 2)), label="with flip")
    panels[1].legend(loc="lower right", frameon=False, fontsize=9, ncols=2)
    figure.savefig(path)


def draw_shifts(published: dict, path: Path) -> None:
    """PCKh@0.1 over the constant that every answer is moved by."""
    figure = Figure(figsize=(9, 4.5), dpi=150, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    shifts = next(iter(published.values()))["shifts"]
    grids = [np.array(each["grid"]) for each in published.values()]
    low, high = min(map(np.min, grids)), max(map(np.max, grids))
    for panel, (name, each), grid in zip(panels, published.items(), grids, strict=True):
        edges = (shifts[0] - 0.025, shifts[-1] + 0.025)
        image = panel.imshow(
            grid,
            **{"origin": "upper", "extent": (*edges, *edges[::-1]), "cmap": "viridis"},
            **{"vmin": low, "vmax": high},
        )
        x, y = each["best_shift_of_all"]
        for place, score in (
            ((0, 0), each["published"][1]),
            ((x, y), each["upper_bound"][1]),
        ):
            panel.plot(*place, "o", color="white", markersize=5, markeredgecolor=_INK)
            text = panel.annotate(
                f"{score:.1f}",
                *(place, (7, 0)),
                **{"textcoords": "offset points", "va": "center", "color": "white"},
                **{"fontsize": 10, "fontweight": "bold"},
            )
            text.set_color(_INK if score > (low + high) / 2 else "white")
        title = f"{name}, {each['network']}"
        panel.set_title(title, loc="left", fontsize=11, color=_INK)
        panel.set_xlabel("moved right, cells", fontsize=10)
        panel.tick_params(labelsize=9, length=0)
        for spine in panel.spines.values():
            spine.set_visible(False)
    panels[0].set_ylabel("moved down, cells", fontsize=10)
    bar = figure.colorbar(image, ax=panels, label="PCKh@0.1", shrink=0.9)
    bar.outline.set_visible(False)
    figure.savefig(path)


def _tidy(panel: Any) -> None:
    panel.grid(color=_FAINT, linewidth=0.5, alpha=0.6)
    panel.set_axisbelow(True)
    panel.tick_params(which="both", labelsize=9, length=0, labelcolor=_INK)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(_FAINT)

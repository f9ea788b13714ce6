"""Write the figures of docs/scaling_pods.md, and its pictures.

    python benchmarks/scaling_report.py

They come from results/tpu_aot.json, and from results/gpu_train_*.json if there are any.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gpu_train
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from roofline import (
    CHIPS,
    Chip,
    compute_seconds,
    efficiency,
    exchange_seconds,
    fleet,
    work_of,
)

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, PICTURES = DOCS / "scaling_pods.md", DOCS / "pictures"
MODES = {"per_shard": "#0072b2", "synchronised": "#d55e00"}
_INK = "#1a1a24"
Program = dict[str, Any]


def main() -> None:
    """Fill in the page and draw."""
    programs = read_programs()
    PAGE.write_text(fill(PAGE.read_text(), programs))
    draw_efficiency(programs, PICTURES / "scaling_efficiency.png")
    draw_step(programs, PICTURES / "scaling_step.png")


def read_programs() -> list[Program]:
    """What was compiled."""
    kept = json.loads((RESULTS / "tpu_aot.json").read_text())
    return kept["programs"]


def fill(page: str, programs: list[Program]) -> str:
    """The page with every part between `<!-- NAME -->` and `<!-- end -->` made anew."""
    parts: dict[str, Callable[[], str]] = {
        "about": lambda: about(programs),
        "programs": lambda: program_table(programs),
        "scaling": lambda: scaling_table(programs),
        "chips": chip_table,
        "gpu": gpu_tables,
    }

    def anew(found: re.Match[str]) -> str:
        return f"<!-- {found[1]} -->\n\n{parts[found[1]]()}\n\n<!-- end -->"

    return re.sub(r"<!-- (\w+) -->\n.*?<!-- end -->", anew, page, flags=re.DOTALL)


def about(programs: list[Program]) -> str:
    """When, where and with what."""
    dates = sorted({each["date"] for each in programs})
    first = programs[0]
    versions = ", ".join(f"{k} {v}" for k, v in first["versions"].items())
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    hosts = "; ".join(sorted({each["host"] for each in programs}))
    return f"Compiled {when} (on {hosts}), with {versions}."


def program_table(programs: list[Program]) -> str:
    """Every program: what XLA says of it, and the roofline."""
    head = (
        "slice|program|stacks|a chip|statistics|remat|GB a chip|TFLOP|traffic GB|"
        "collectives|MB sent|at best ms|compiler ms|compiled s"
    )
    return _table(head, [_program_row(each) for each in programs])


def _program_row(program: Program) -> list[str]:
    statistics = program["statistics"] if program["program"] != "predict" else "-"
    row = [program[key] for key in ("topology", "program", "stacks", "batch")]
    row += [statistics, program["remat"]]
    if "does_not_fit" in program:
        return [str(each) for each in (*row, "does not fit", *["-"] * 7)]
    chip, work = chip_of(program), work_of(program)
    best = compute_seconds(chip, work) + exchange_seconds(chip, work, program["chips"])
    return [
        *map(str, row),
        f"{program['memory_bytes'] / 1e9:.1f}",
        f"{work.flops / 1e12:.2f}",
        f"{work.memory_bytes / 1e9:.1f}",
        str(work.exchanges),
        f"{work.exchanged_bytes / 1e6:.1f}",
        f"{1e3 * best:.1f}",
        f"{1e3 * program['estimated_cycles'] / chip.clock:.0f}",
        f"{program['compile_seconds']:.0f}",
    ]


def scaling_table(programs: list[Program]) -> str:
    """Weak scaling of all training programs, a column a number of chips."""
    numbers = (16, 64, 256, 1024)
    head = "chip|stacks|a chip|statistics|remat|" + "|".join(map(str, numbers))
    rows = []
    for each in training(programs):
        chip, work = chip_of(each), work_of(each)
        name = each["topology"].partition(":")[0]
        cells = [name, each["stacks"], each["batch"], each["statistics"], each["remat"]]
        cells += [f"{100 * efficiency(chip, work, n):.1f} %" for n in numbers]
        rows.append(cells)
    return _table(head, rows)


def chip_table() -> str:
    """The figures that the estimates start from."""
    head = "chip|bf16 TFLOP/s|memory GB|memory GB/s|link GB/s|pod|DCN a pod GB/s|source"
    rows = [
        [
            name,
            f"{chip.flops / 1e12:.0f}",
            f"{chip.memory / 1e9:.0f}",
            f"{chip.memory_bandwidth / 1e9:.0f}",
            f"{chip.link / 1e9:.0f}",
            "x".join(map(str, chip.shapes[max(chip.shapes)])),
            f"{chip.pod_network / 1e9:.0f}" if max(chip.shapes) < 1024 else "-",
            f"[Google Cloud]({chip.source})",
        ]
        for name, chip in CHIPS.items()
    ]
    return _table(head, rows)


def gpu_tables() -> str:
    """What was measured on GPUs, a table each."""
    kept = sorted((RESULTS).glob("gpu_train_*.json"))
    tables = [gpu_train.table(json.loads(path.read_text())) for path in kept]
    return (
        "\n\n".join(tables) or "| GPU | images/s |\n|---|---|\n| any | not measured |"
    )


def _table(head: str, rows: list[list[Any]]) -> str:
    cells = head.split("|")
    lines = [cells, ["---"] * len(cells), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def chip_of(program: Program) -> Chip:
    """The kind of chip that a program is for."""
    return CHIPS[program["topology"].partition(":")[0]]


def training(programs: list[Program]) -> list[Program]:
    """Programs of whole steps that fit; of slices of one kind, the largest."""
    fits = [p for p in programs if p["program"] == "train" and "chips" in p]
    return [p for p in fits if "does_not_fit" not in p and p["chips"] >= 256]


def draw_efficiency(programs: list[Program], path: Path) -> None:
    """Weak scaling over the number of chips, v5e, 16 pictures a chip."""
    figure = Figure(figsize=(7, 3.6), dpi=150, layout="constrained")
    panel = figure.subplots()
    for program in _compared(programs):
        chip, work = chip_of(program), work_of(program)
        numbers = fleet(chip, 1024)
        share = [100 * efficiency(chip, work, n) for n in numbers]
        colour = MODES[program["statistics"]]
        dash = "-" if program["stacks"] == 8 else (0, (3, 2))
        panel.plot(
            numbers,
            share,
            color=colour,
            linestyle=dash,
            marker="o",
            ms=4,
            clip_on=False,
        )
        label = f"{program['statistics'].replace('_', ' ')}, {program['stacks']} stacks"
        panel.annotate(
            label,
            (numbers[-1], share[-1]),
            (6, 0 if program["stacks"] == 8 else -9),  # they end close together
            textcoords="offset points",
            color=colour,
            fontsize=9,
            annotation_clip=False,
        )
    panel.axhline(90, color="#b8b8c4", linewidth=0.8)
    panel.set_xscale("log", base=2)
    ticks = fleet(CHIPS["v5e"], 1024)
    panel.set_xticks(ticks, [str(n) for n in ticks])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlim(1, 1024)
    panel.set_ylim(0, 101)
    panel.set_xlabel("v5e chips, 16 pictures each; from 512 on several pods")
    panel.set_ylabel("efficiency, %")
    _tidy(panel)
    figure.savefig(path)


def draw_step(programs: list[Program], path: Path) -> None:
    """What a step on 256 v5e chips consists of."""
    figure = Figure(figsize=(7, 2.6), dpi=150, layout="constrained")
    panel = figure.subplots()
    chosen = _compared(programs)[::-1]
    for place, program in enumerate(chosen):
        chip, work = chip_of(program), work_of(program)
        alone = 1e3 * compute_seconds(chip, work)
        sent = 1e3 * exchange_seconds(chip, work, 256)
        panel.barh(place, alone, color="#7a7a86", height=0.6)
        panel.barh(place, sent, left=alone, color="#d55e00", height=0.6)
        panel.text(
            alone + sent, place, f"  {alone:.1f} + {sent:.1f}", va="center", fontsize=9
        )
    panel.set_yticks(
        range(len(chosen)),
        [f"{p['stacks']} stacks, {p['statistics'].replace('_', ' ')}" for p in chosen],
    )
    panel.set_xlabel("ms at best: arithmetic and memory (grey), exchange (orange)")
    panel.margins(x=0.15)
    _tidy(panel)
    figure.savefig(path)


def _compared(programs: list[Program]) -> list[Program]:
    """Both ways of statistics on a v5e pod, alike in everything else."""
    return [
        p
        for p in training(programs)
        if (p["topology"], p["batch"], p["remat"]) == ("v5e:16x16", 16, "none")
    ]


def _tidy(panel: Any) -> None:
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    panel.tick_params(colors=_INK, labelsize=9)


if __name__ == "__main__":
    main()

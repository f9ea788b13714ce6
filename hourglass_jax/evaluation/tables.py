"""Scores as tables in the field's order, for a terminal and in Markdown."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hourglass_jax.metrics.orientation import ORIENTATIONS

_PARTS = ORIENTATIONS, ("visible", "occluded")
"""Of people, and of keypoints: each is a row of its own."""

Result = Mapping[str, Any]
Entry = Mapping[str, float | None]


@dataclasses.dataclass(frozen=True)
class Grid:
    """A table: a header and rows, the first cell of each a label."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def format_table(result: Result) -> str:
    """Text for a terminal, of what `score_files` or `compare_files` returns."""
    parts = _compared(result) if "difference" in result else _scored(result)
    return "\n\n".join(_text(part) for part in parts)


def format_markdown(result: Result) -> str:
    """The same as Markdown."""
    parts = _compared(result) if "difference" in result else _scored(result)
    return "\n\n".join(_markdown(part) for part in parts) + "\n"


def format_summary(summary: Result) -> str:
    """Percentages without intervals: what `Answers.summary` returns, as text."""
    scores = {name: row for name, row in summary.items() if name.startswith("PCK")}
    grids: dict[tuple[str, ...], list[list[str]]] = {}
    for name, row in scores.items():
        cells = ["-" if value is None else f"{value:.2f}" for value in row.values()]
        grids.setdefault(tuple(row), []).append([name, *cells])
    left_out = summary["unmeasured"]
    note = f"; {left_out} without the length to measure by" if left_out else ""
    parts = [_text(Grid(["", *columns], rows)) for columns, rows in grids.items()]
    return "\n\n".join([*parts, f"{summary['people']} people{note}"])


def short_names(*results: Result) -> list[str]:
    """The names of the results' files; their whole paths where names are alike."""
    paths = [result["predictions"] for result in results]
    names = [Path(path).name for path in paths]
    return names if len({*names}) == len(names) else paths


def _scored(result: Result) -> Iterator[str | Grid]:
    names = Path(result["predictions"]).name, Path(result["ground_truth"]).name
    yield f"{_metric(result)} of {names[0]} on {names[1]}"
    yield _about(result)
    header, cells = _columns(result, result["scores"])
    rows = [["all", *map(_number, cells)], ["±", *map(_half, cells)]]
    for part in _parts(result):
        rows.append([part, *map(_number, _columns(result, result[part])[1])])
    yield Grid(header, rows)
    if _means(result):
        yield _means_grid(result, result["scores"], signed=False)
    if "EPE" in result:
        yield _distances(result, result)


def _compared(result: Result) -> Iterator[str | Grid]:
    a, b, difference = (result[key] for key in ("a", "b", "difference"))
    names = short_names(a, b)
    truth = Path(a["ground_truth"]).name
    yield f"{_metric(a)} of A, {names[0]}, and B, {names[1]}, on {truth}"
    yield _about(a)
    header, cells = _columns(a, difference["scores"])
    yield Grid(
        header,
        [
            ["A", *map(_number, _columns(a, a["scores"])[1])],
            ["B", *map(_number, _columns(b, b["scores"])[1])],
            ["B - A", *map(_signed, cells)],
            ["±", *map(_half, cells)],
        ],
    )
    if _means(a):
        yield _means_grid(a, difference["scores"], signed=True)
    if "EPE" in difference:
        yield f"B - A: {_distances(a, difference, signed=True)}"
    yield _verdict(a, difference["scores"])


def _parts(result: Result) -> Iterator[str]:
    """Parts with anybody in them, unless one of a kind is all there is."""
    for kind in _PARTS:
        filled = [part for part in kind if result.get(part, {}).get("labelled")]
        if len(filled) > 1:
            yield from filled


def _metric(result: Result) -> str:
    return str(next(iter(result["scores"])).split("@")[0]).replace("AP", "OKS-AP")


def _about(result: Result) -> str:
    over = result["intervals_over"]
    text = f"{result['people']} people"
    if "strictness" in result:
        up_to = "up to (<=)" if result["strictness"] == "<=" else "below (<)"
        threshold = _rows(result)[0].split("@")[1]
        text += (
            f"; correct is an error {up_to} {threshold} of {result['normalised_by']}"
        )
    if result.get("unmeasured"):
        text += f"; {result['unmeasured']} without this length are left out"
    if "photographs" in result:
        text += f" in {result['photographs']} photographs"
    if result.get("photographs_without_answer"):
        text += f", {result['photographs_without_answer']} of them without an answer"
    if result["shift"]:
        text += f"; {result['shift']:+d} pixel added to x and y of the predictions"
    return (
        f"{text}. ± is half of the {100 * result['level']:g} % interval over {over} "
        f"({result['rounds']} bootstrap rounds, seed {result['seed']})."
    )


def _rows(result: Result) -> list[str]:
    return [name for name in result["scores"] if name != "AUC"]


def _means(result: Result) -> list[str]:
    """Names of the means over joints, where a metric has more than one."""
    if result["metric"] == "oks":
        return []
    groups = {*result["curves"]["columns"]} - {"Mean"}
    names = [name for name in result["scores"]["AUC"] if name not in groups]
    return names if len(names) > 1 else []


def _columns(result: Result, scores: Result) -> tuple[list[str], list[Entry]]:
    """Header and scores of the table's line."""
    if result["metric"] == "oks":
        return ["", *scores], list(scores.values())
    first, second = _rows(result)
    mean = result["mean"]
    groups = [name for name in result["curves"]["columns"] if name != "Mean"]
    header = [first, *groups, "Mean", f"Mean@{second.split('@')[1]}", "AUC"]
    cells = [scores[first][name] for name in (*groups, mean)]
    return header, [*cells, scores[second][mean], scores["AUC"][mean]]


def _means_grid(result: Result, scores: Result, *, signed: bool) -> Grid:
    rows = []
    for name in _means(result):
        shown = f"{name} (above: Mean)" if name == result["mean"] else name
        cells = [_spread(scores[row][name], signed=signed) for row in scores]
        rows.append([shown, *cells])
    return Grid(["B - A" if signed else "mean", *scores], rows)


def _distances(result: Result, scores: Result, *, signed: bool = False) -> str:
    return (
        f"EPE {_spread(scores['EPE'], signed=signed)} pixels; "
        f"NME {_spread(scores['NME'], 3, signed=signed)} of {result['normalised_by']}"
    )


def _verdict(result: Result, scores: Result) -> str:
    if result["metric"] == "oks":
        row, found = "AP", scores["AP"]
    else:
        row = _rows(result)[0]
        found = scores[row][result["mean"]]
        row = f"{row}, {result['mean']}" if _means(result) else f"{row}, Mean"
    if found["value"] is None:
        return f"{row}: nothing to compare."
    if found["low"] <= 0 <= found["high"]:
        return f"{row}: no clear difference, {_spread(found, signed=True)} holds 0."
    better = "better" if found["value"] > 0 else "worse"
    size = f"{abs(found['value']):.2f} ± {_half(found)}"
    return f"{row}: B is {better} by {size}."


def _number(entry: Entry) -> str:
    return "-" if entry["value"] is None else f"{entry['value']:.2f}"


def _signed(entry: Entry) -> str:
    return "-" if entry["value"] is None else f"{entry['value']:+.2f}"


def _half(entry: Entry, digits: int = 2) -> str:
    if entry["low"] is None or entry["high"] is None:
        return "-"
    return f"{(entry['high'] - entry['low']) / 2:.{digits}f}"


def _spread(entry: Entry, digits: int = 2, *, signed: bool = False) -> str:
    if entry["value"] is None:
        return "-"
    sign = "+" if signed else ""
    return f"{entry['value']:{sign}.{digits}f} ± {_half(entry, digits)}"


def _text(part: str | Grid) -> str:
    if isinstance(part, str):
        return part
    lines = [part.header, *part.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _markdown(part: str | Grid) -> str:
    if isinstance(part, str):
        return part
    rule = ["---", *["---:"] * (len(part.header) - 1)]
    return "\n".join(f"| {' | '.join(r)} |" for r in (part.header, rule, *part.rows))

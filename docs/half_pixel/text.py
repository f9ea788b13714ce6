"""The study's page: tables from its figures, put into page.md."""

from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Any

Rows = list[dict[str, Any]]
ORDER = ("argmax", "quarter", "soft", "dark")
CLEAN = {"sigma": 2.0, "flip": False, "noise": 0.0, "place": "inside"}


def write_text(study: dict[str, Any]) -> str:
    """README.md, from what is in study.json."""
    rows, published = study["encode_decode"], study["published"]
    versions = ", ".join(f"{name} {v}" for name, v in study["versions"].items())
    page = Template((Path(__file__).parent / "page.md").read_text())
    return page.substitute(
        about=f"{study['date']}, {study['device']}, {versions}",
        pixels=f"{study['photograph_pixels_a_cell']:.1f}",
        people=f"{study['keypoints']:,}",
        headline=_headline(study),
        gains=_gains(published),
        clean=_decoders(rows, noise=0.0, place="inside"),
        noisy=_decoders(rows, noise=0.02, place="inside"),
        corner=_decoders(rows, noise=0.0, place="corner"),
        noisy_corner=_decoders(rows, noise=0.02, place="corner"),
        spread=_spread(rows),
        ports=_ports(study["ports"]),
        published=_published(published),
        bias=_bias(published),
    )


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head, *body = [list(row) for row in (header, *rows)]
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _of(rows: Rows, **wanted: Any) -> dict[str, Any]:
    """The one row that has these values."""
    (row,) = (row for row in rows if wanted.items() <= row.items())
    return row


def _cells(value: float) -> str:
    return "< 0.001" if value < 0.0005 else f"{value:.3f}"


def _pair(values: list[float]) -> str:
    rounded = (round(value, 2) + 0.0 for value in values)  # no negative zero
    return ", ".join(f"{value:+.2f}" for value in rounded)


def _interval(gain: dict[str, float]) -> str:
    return f"{gain['value']:+.2f} ({gain['low']:+.2f} to {gain['high']:+.2f})"


def _errors(row: dict[str, Any]) -> tuple[str, str, str]:
    """In cells, in pixels of a 256 x 256 crop, and the mean of x and of y."""
    return _cells(row["mean"]), f"{4 * row['mean']:.2f}", _pair(row["bias"])


_ERRORS = ("mean error, cells", "crop pixels", "shift in x, y, cells")


def _headline(study: dict[str, Any]) -> str:
    ours = [
        (f"ours, `{decoder}`", _of(study["encode_decode"], decoder=decoder, **CLEAN))
        for decoder in ("quarter", "dark")
    ]
    others = [(f"{p['convention']} ({p['where']})", p) for p in study["ports"]]
    return _table(
        ("from keypoint to heatmap to keypoint", *_ERRORS),
        ((name, *_errors(row)) for name, row in ours + others[:6]),
    )


def _gains(published: dict[str, Any]) -> str:
    header = ("published predictions", "PCKh@0.1", "without the shift", "gain, 95 %")
    return _table(
        header,
        (
            (
                *(f"`{name}`, {each['network']}", f"{each['published'][1]:.2f}"),
                f"{each['scored_on_the_other_half'][1]:.2f}",
                _interval(each["gain"][1]),
            )
            for name, each in published.items()
        ),
    )


def _decoders(rows: Rows, noise: float, place: str) -> str:
    columns = [
        {"sigma": sigma, "flip": flip, "noise": noise, "place": place}
        for flip in (False, True)
        for sigma in sorted({row["sigma"] for row in rows})
    ]
    header = [f"sigma {c['sigma']:g}{', flip' if c['flip'] else ''}" for c in columns]
    found = {
        decoder: [_of(rows, decoder=decoder, **column) for column in columns]
        for decoder in ORDER
    }
    return _table(
        ("decoder", *header),
        (
            (f"`{d}`", *(_cells(row["mean"]) for row in each))
            for d, each in found.items()
        ),
    )


def _spread(rows: Rows) -> str:
    found = {decoder: _of(rows, decoder=decoder, **CLEAN) for decoder in ORDER}
    return _table(
        ("decoder", "mean", "median", "greatest"),
        (
            (f"`{d}`", *(_cells(row[name]) for name in ("mean", "median", "max")))
            for d, row in found.items()
        ),
    )


def _ports(ports: Rows) -> str:
    return _table(
        ("convention", "where", *_ERRORS),
        ((row["convention"], row["where"], *_errors(row)) for row in ports),
    )


def _published(published: dict[str, Any]) -> str:
    header = ("file", "score", "as published", "moved", "gain, 95 %", "upper bound")
    return _table(
        header,
        (
            (
                *(f"`{name}`", f"PCKh@{threshold}", f"{each['published'][i]:.2f}"),
                f"{each['scored_on_the_other_half'][i]:.2f}",
                _interval(each["gain"][i]),
                f"{each['upper_bound'][i]:.2f}",
            )
            for name, each in published.items()
            for i, threshold in enumerate(("0.5", "0.1"))
        ),
    )


def _bias(published: dict[str, Any]) -> str:
    lines = []
    for name, each in published.items():
        one, other = map(_pair, each["best_shift_of_each_half"])
        found = {k: _pair(v) for k, v in each["shift_in_answers"].items()}
        lines += [
            f"- `{name}`: the halves' constants are ({one}) and ({other}) cells.",
            "  Answers less than 0.3 head sizes off lie",
            f"  ({found['median_cells']}) cells away at the median. Fitted as",
            "  a part in photograph pixels and a part in cells:",
            f"  ({found['fit_photograph_pixels']}) pixels",
            f"  and ({found['fit_cells']}) cells.",
        ]
    return "\n".join(lines)

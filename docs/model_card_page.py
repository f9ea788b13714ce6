"""A model's card in words and tables: its page, model.json and the README's scores."""

from pathlib import Path
from typing import Any

import jinja2

from hourglass_jax.evaluation import format_markdown
from hourglass_jax.files import write_whole

DOCS = Path(__file__).parent
README_BEGIN, README_END = "<!-- scores of the released model -->", "<!-- end -->"


def summary(card: dict[str, Any]) -> dict[str, Any]:
    """What model.json says: every joint and orientation, without curves."""
    scores = {
        how: [
            {key: value for key, value in each.items() if key != "curves"}
            for each in results
        ]
        for how, results in card["scores"].items()
    }
    return {key: value for key, value in card.items() if key != "model"} | {
        "scores": scores,
        "synthetic": {k: v for k, v in card["synthetic"].items() if k != "curves"},
    }


def describe(name: str, card: dict[str, Any]) -> str:
    """The page."""
    loader = jinja2.FileSystemLoader(DOCS / "models")
    environment = jinja2.Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    joints = {how: _joint_rows(each[0]) for how, each in card["scores"].items()}
    return environment.get_template(f"{name}.md.j2").render(
        name=name,
        card=card,
        table=format_markdown,
        joints=joints,
        orientations=_orientation_rows(card["scores"]["lspet"][0]),
        headlines=headlines(card),
    )


def headlines(card: dict[str, Any]) -> str:
    """PCK over the limbs with its interval, a row a data set and way of asking."""
    lines = ["| PCK, shoulders to ankles | @0.2 | @0.1 |", "|---|---:|---:|"]
    for how, results in card["scores"].items():
        rows = [results[0]["scores"][row]["Limbs"] for row in ("PCK@0.2", "PCK@0.1")]
        lines.append(f"| {' | '.join([how, *map(_cell, rows)])} |")
    return "\n".join(lines)


def _cell(score: dict[str, float]) -> str:
    return f"{score['value']:.1f} ± {(score['high'] - score['low']) / 2:.1f}"


def fill_readme(card: dict[str, Any]) -> None:
    """Put the same rows between the two marks of the project's first page."""
    page = DOCS.parent / "README.md"
    before, rest = page.read_text().split(README_BEGIN)
    after = rest.split(README_END, 1)[1]
    text = f"{before}{README_BEGIN}\n{headlines(card)}\n{README_END}{after}"
    write_whole(page, text.encode())


def _orientation_rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """The limbs of people who are upright, sideways and inverted, with intervals."""
    return [
        (name, *(_cell(result[name][row]["Limbs"]) for row in ("PCK@0.2", "PCK@0.1")))
        for name in ("upright", "sideways", "inverted")
    ]


def _joint_rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Every joint that is labelled: its name, how many, and both scores."""
    rows = []
    for name, joint in result["joints"].items():
        if joint["labelled"]:
            cells = [joint[row] for row in ("PCK@0.2", "PCK@0.1")]
            rows.append((name, f"{joint['labelled']:,}", *map(_cell, cells)))
    return rows

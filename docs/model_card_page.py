"""A model's card in words and tables: its page, model.json and the README's scores."""

import json
import tomllib
from pathlib import Path
from typing import Any

import jinja2

from hourglass_jax.evaluation import format_markdown
from hourglass_jax.files import write_whole

DOCS = Path(__file__).parent
README_BEGIN, README_END = "<!-- scores of the released model -->", "<!-- end -->"
SCORES = "PCK@0.2", "PCK@0.1"


def read_words(name: str) -> dict[str, Any]:
    """What people wrote of a model: purpose, data, aims, failures."""
    return tomllib.loads((DOCS / "models" / f"{name}.toml").read_text())


def summary(name: str, card: dict[str, Any]) -> dict[str, Any]:
    """What model.json says: words, every joint and orientation, without curves."""
    scores = {
        how: [
            {key: value for key, value in each.items() if key != "curves"}
            for each in results
        ]
        for how, results in card["scores"].items()
    }
    measured = {k: v for k, v in card.items() if k not in ("model", "bytes")}
    return read_words(name) | {
        **measured,
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
        words=read_words(name),
        aims=_aim_rows(name, card),
        others=_other_rows(name, card),
        by_pose=_read_others()["movenet_thunder_lspet_at_0.2"],
        tried=_tried_rows(name),
    )


def headlines(card: dict[str, Any]) -> str:
    """PCK over the limbs with its interval, a row a data set and way of asking."""
    lines = ["| PCK, shoulders to ankles | @0.2 | @0.1 |", "|---|---:|---:|"]
    for how, results in card["scores"].items():
        rows = [results[0]["scores"][row]["Limbs"] for row in SCORES]
        lines.append(f"| {' | '.join([how, *map(_cell, rows)])} |")
    return "\n".join(lines)


def _aim_rows(name: str, card: dict[str, Any]) -> list[tuple[str, ...]]:
    """What was asked for, what is reached, and whether that is enough."""
    rows = []
    for aim in read_words(name)["aims"]:
        score = card["scores"][aim["data"]][0]["scores"][aim["score"]]["Limbs"]
        reached = "reached" if score["value"] >= aim["least"] else "missed"
        cells = aim["data"], aim["score"], f"{aim['least']:.0f}", _cell(score), reached
        rows.append(cells)
    return rows


def _other_rows(name: str, card: dict[str, Any]) -> list[tuple[str, ...]]:
    """Other people's models beside this one, the least first."""
    kept = _read_others()["models"]
    rows = {
        other: [f"{x:.1f}" for data in ("lspet", "studio") for x in found.get(data, ())]
        for other, found in kept.items()
    }
    own = [
        card["scores"][data][0]["scores"][score]["Limbs"]["value"]
        for data in ("lspet", "studio")
        for score in SCORES
    ]
    rows[f"**{name}**"] = [f"**{value:.1f}**" for value in own]
    order = sorted(rows, key=lambda other: float(rows[other][0].strip("*")))
    return [(other, *(rows[other] + ["", ""])[:4]) for other in order]


def _read_others() -> dict[str, Any]:
    """What other people's models reach."""
    return json.loads((DOCS / "results" / "other_models.json").read_text())


def _tried_rows(name: str) -> list[tuple[str, ...]]:
    """What was tried and left out, and its scores over the limbs."""
    rows = []
    for tried in read_words(name)["tried"]:
        folder = DOCS / "results" / name / tried["folder"]
        scores = [
            json.loads((folder / f"{data}.json").read_text())["intervals"][0]["scores"]
            for data in ("lspet", "studio")
        ]
        what = f"{tried['what']} ([files](../results/{name}/{tried['folder']}))"
        cells = [_cell(s[row]["Limbs"]) for s in scores for row in SCORES]
        rows.append((what, *cells))
    return rows


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
        (name, *(_cell(result[name][row]["Limbs"]) for row in SCORES))
        for name in ("upright", "sideways", "inverted")
    ]


def _joint_rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Every joint that is labelled: its name, how many, and both scores."""
    rows = []
    for name, joint in result["joints"].items():
        if joint["labelled"]:
            cells = [joint[row] for row in SCORES]
            rows.append((name, f"{joint['labelled']:,}", *map(_cell, cells)))
    return rows

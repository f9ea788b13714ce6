"""What ways of asking a model are worth: decoders, mirrors, scales, turns, crops.

    python benchmarks/asking.py MODEL --lspet FOLDER --studio FOLDER

Scores every way on the 1,000 validation people of LSP-extended and on those of the
studio, in COCO's form; writes docs/results/recipe/asking.json and the second table of
docs/results/recipe.md.
"""

import argparse
import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ablations import ROOT
from pages import put_table

import hourglass_jax as hg
from hourglass_jax.config import DataConfig
from hourglass_jax.data.pipeline import evaluation_batches
from hourglass_jax.data.records import Records
from hourglass_jax.data.schema import BOX_PADDING
from hourglass_jax.decoding import decode
from hourglass_jax.diagnosis import speed
from hourglass_jax.evaluation.answers import Answers, collect
from hourglass_jax.evaluation.models import (
    answer_people,
    compare_answers,
    open_people,
    photographs,
    score_answers,
)
from hourglass_jax.files import write_json
from hourglass_jax.geometry import crop_from_hm
from hourglass_jax.inference import Predictor
from hourglass_jax.models.hourglass import STRIDE

BATCH = 32
SCALES = (0.9, 1.0, 1.1)
ROWS = "PCK@0.2", "PCK@0.1"

Ask = Callable[[str, Records], Answers]


def main() -> None:
    """Score, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--lspet", type=Path, required=True)
    parser.add_argument("--studio", type=Path, required=True)
    given = parser.parse_args()
    data = {
        "lspet": DataConfig(dataset="lspet", raw_dir=given.lspet),
        "studio": DataConfig(dataset="coco_json", raw_dir=given.studio),
    }
    model = hg.load(given.model)
    people = {
        name: open_people(model, each, "validation") for name, each in data.items()
    }
    rows: dict[str, Any] = {}
    once: dict[str, Answers] = {}
    for name, (passes, ask) in WAYS.items():
        rows[name] = {"passes": passes}
        for dataset, each in people.items():
            answers = ask(given.model, each)
            once.setdefault(dataset, answers)
            scored = score_answers(answers, given.model, name, photographs(each))[0]
            above = compare_answers(once[dataset], answers)["scores"]
            rows[name][dataset] = {
                "scores": {row: scored["scores"][row]["Limbs"] for row in ROWS},
                "above": {row: above[row]["Limbs"] for row in ROWS},
            }
            print(name, dataset, rows[name][dataset]["scores"], flush=True)
    results = ROOT / "docs" / "results"
    counts = {name: len(each) for name, each in people.items()}
    about = {"model": Path(given.model).name, "people": counts, **speed.about()}
    write_json(results / "recipe" / "asking.json", about | {"ways": rows})
    put_table(results / "recipe.md", make_table(rows), "ways of asking")


def make_table(rows: dict[str, dict[str, Any]]) -> str:
    """A row a way: forward passes; scores of the first, of others how far above it."""
    columns = [(data, row) for data in ("lspet", "studio") for row in ROWS]
    heads = " | ".join(f"{data} {row.removeprefix('PCK')}" for data, row in columns)
    lines = [
        f"| asked | passes | {heads} |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for number, (name, row) in enumerate(rows.items()):
        kind, sign = ("above", "+") if number else ("scores", "")
        cells = [name, str(row["passes"])]
        cells += [_cell(row[data][kind][metric], sign) for data, metric in columns]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(score: dict[str, float], sign: str) -> str:
    half = (score["high"] - score["low"]) / 2
    return f"{score['value']:{sign}.1f} ± {half:.1f}"


def _plainly(
    name: str,
    people: Records,
    *,
    decoder: Any = None,
    flip: bool = False,
    scales: tuple[float, ...] = (1.0,),
    padding: float = BOX_PADDING,
    size: int | None = None,
) -> Answers:
    model = hg.load(name, decoder)
    sides = model.card.input_size if size is None else (size, size)
    card = dataclasses.replace(model.card, box_padding=padding, input_size=sides)
    model = Predictor(card, model.variables)
    return answer_people(model, people, flip=flip, scales=scales, batch_size=BATCH)


def _turned(name: str, people: Records, *, flip: bool = False) -> Answers:
    model = hg.load(name)
    size = model.card.input_size[0]
    batches = evaluation_batches(people, model.skeleton, size, BATCH)
    ask = functools.partial(average_turns, model, flip=flip)
    return collect(ask, batches, model.skeleton)


def average_turns(
    model: Predictor, images: np.ndarray, *, flip: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints of the mean of the heatmaps of four quarter turns, and their scores."""
    turned = [
        np.rot90(
            model.predict_heatmaps(np.rot90(images, turns, (1, 2)), flip),
            -turns,
            (1, 2),
        )
        for turns in range(4)
    ]
    mean = np.mean(turned, axis=0)
    keypoints_hm, scores = decode(mean, model.card.decoder, model.card.sigma_hm)
    return np.asarray(crop_from_hm(keypoints_hm, STRIDE)), np.asarray(scores)


WAYS: dict[str, tuple[int, Ask]] = {
    "once": (1, _plainly),
    "once, `argmax`": (1, functools.partial(_plainly, decoder="argmax")),
    "once, `quarter`": (1, functools.partial(_plainly, decoder="quarter")),
    "once, `soft`": (1, functools.partial(_plainly, decoder="soft")),
    "mirrored, too (`--flip`)": (2, functools.partial(_plainly, flip=True)),
    "mirrored, and at 0.9, 1 and 1.1 of the size": (
        6,
        functools.partial(_plainly, flip=True, scales=SCALES),
    ),
    "once, crops 1.1 times the box": (1, functools.partial(_plainly, padding=1.1)),
    "once, crops 1.4 times the box": (1, functools.partial(_plainly, padding=1.4)),
    "once, crops of 160 pixels": (1, functools.partial(_plainly, size=160)),
    "once, crops of 192 pixels": (1, functools.partial(_plainly, size=192)),
    "in four quarter turns": (4, _turned),
    "in four quarter turns, mirrored, too": (
        8,
        functools.partial(_turned, flip=True),
    ),
}
"""Forward passes a person, and who answers."""


if __name__ == "__main__":
    main()

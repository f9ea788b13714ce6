"""One page that says how a model does: tables, curves, mistakes, the worst cases."""

import base64
import dataclasses
import datetime
import importlib.metadata
import json
import platform
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jinja2
import numpy as np

from hourglass_jax import __version__
from hourglass_jax.data.records import Records
from hourglass_jax.evaluation.answers import Answers
from hourglass_jax.evaluation.curves import draw_curves
from hourglass_jax.evaluation.gallery import draw_worst
from hourglass_jax.evaluation.reliability import count_answers, draw_reliability
from hourglass_jax.files import write_whole
from hourglass_jax.inference import Predictor
from hourglass_jax.metrics import error_kinds

WORST = 24
"""People in the gallery."""

AREA_OF_BOX = 0.53
"""Of a person's segment, in parts of the tight box's area: COCO's people on average;
for data sets that give no areas, with the box taken as its longer side squared."""

_MEANINGS = {
    "good": ("#0072b2", "at its label (similarity 0.85 or more)"),
    "jitter": ("#56b4e9", "near its label (0.5 or more)"),
    "inversion": ("#d55e00", "left for right"),
    "swap": ("#e69f00", "on a neighbour"),
    "miss": ("#b8b8c4", "elsewhere"),
}


def write_report(
    folder: Path,
    model: Predictor,
    people: Records,
    answers: Answers,
    results: Sequence[Mapping[str, Any]],
    files: Sequence[bytes],
    *,
    flip: bool,
) -> Path:
    """Write ``report.html``, which needs no other file, into ``folder``.

    Args:
      folder: made where it is missing.
      model: whose answers these are.
      people: the records, in the order of ``answers``.
      answers: labels and predictions.
      results: of `models.score_answers`.
      files: each person's photograph.
      flip: as they were answered.
    """
    similarity, people_name = _similarity(answers), results[0]["ground_truth"]
    page = _template().render(
        title=f"{Path(results[0]['predictions']).name} on {people_name}",
        subtitle=_subtitle(answers, model, flip),
        headline=_headline(results[0]),
        tables=[
            _oks_table(each) if each["metric"] == "oks" else _table(each)
            for each in results
        ],
        kinds=_kinds(answers, files),
        reliability=_reliability(answers),
        gallery=draw_worst(model, people, answers, similarity, WORST, flip=flip),
        facts=_facts(model, flip, results[0]),
        config=json.dumps(model.card.training, indent=2),
    )
    path = folder / "report.html"
    write_whole(path, page)
    return path


def _template() -> jinja2.Template:
    loader = jinja2.PackageLoader("hourglass_jax.evaluation", package_path="")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("report.html.j2")


def _subtitle(answers: Answers, model: Predictor, flip: bool) -> str:
    labelled = int((answers.visibility > 0).sum())
    how = "averaged with the mirrored crops" if flip else "one pass"
    return (
        f"{len(answers.found):,} people, {labelled:,} labelled keypoints; "
        f"{model.card.decoder} decoder, {how}"
    )


def _headline(result: Mapping[str, Any]) -> list[dict[str, str]]:
    rows = [name for name in result["scores"] if name != "AUC"]
    return [
        {
            "name": f"{row}, {result['mean']}",
            "value": _number(result["scores"][row][result["mean"]]["value"]),
            "interval": "95 %: " + _interval(result["scores"][row][result["mean"]]),
        }
        for row in rows
    ]


def _table(result: Mapping[str, Any]) -> dict[str, Any]:
    groups = [name for name in result["curves"]["columns"] if name != "Mean"]
    means = [name for name in result["scores"]["AUC"] if name not in groups]
    left_out = result["unmeasured"]
    note = (
        f"Correct is an error of at most so many parts of {result['normalised_by']}. "
        f"{result['people']:,} people"
        + (f", {left_out:,} without it left out" if left_out else "")
        + f". Below each score: 95 % of {result['rounds']:,} bootstrap rounds."
    )
    return {
        "title": next(iter(result["scores"])).split("@")[0],
        "note": note,
        "columns": [*groups, *means],
        "rows": [
            {"name": row, "cells": [_cell(scores[name]) for name in (*groups, *means)]}
            for row, scores in result["scores"].items()
        ],
        "curves": _picture(lambda path: draw_curves([result], path)),
    }


def _oks_table(result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": "OKS",
        "note": f"COCO's ten numbers in percent, with the boxes of the labels. "
        f"{result['people']:,} people in {result['photographs']:,} photographs. Below "
        f"each score: 95 % of {result['rounds']:,} bootstrap rounds over photographs.",
        "columns": list(result["scores"]),
        "rows": [
            {"name": "OKS", "cells": [_cell(e) for e in result["scores"].values()]}
        ],
        "curves": "",
    }


def _cell(entry: Mapping[str, float | None]) -> dict[str, str]:
    return {"value": _number(entry["value"]), "interval": _interval(entry)}


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _interval(entry: Mapping[str, float | None]) -> str:
    if entry["low"] is None:
        return ""
    return f"{_number(entry['low'])} to {_number(entry['high'])}"


def _scales(answers: Answers) -> np.ndarray:
    return np.where(
        answers.areas > 0, answers.areas, AREA_OF_BOX * np.square(answers.sides)
    ).astype(np.float64)


_TYPICAL_SIGMA = 0.067  # the mean of COCO's 17


def _sigmas(answers: Answers) -> np.ndarray:
    """Those of the skeleton; where none is known a typical one, to tell kinds apart."""
    sigmas = np.asarray(answers.skeleton.sigmas)
    return np.where(sigmas > 0, sigmas, _TYPICAL_SIGMA)


def _similarity(answers: Answers) -> np.ndarray:
    return error_kinds.similarities(
        answers.found, answers.truth, _scales(answers), _sigmas(answers)
    )


def _kinds(answers: Answers, files: Sequence[bytes]) -> dict[str, Any]:
    labels = error_kinds.People(
        keypoints=answers.truth,
        visibility=answers.visibility,
        areas=_scales(answers),
        photographs=np.unique(files, return_inverse=True)[1],
    )
    kinds = error_kinds.classify(
        answers.found, labels, _sigmas(answers).tolist(), answers.skeleton.flip
    )
    counts = error_kinds.count_kinds(kinds)[:, 1:]
    rows = [("all", counts.sum(0))]
    rows += list(zip(answers.skeleton.keypoints, counts, strict=True))
    how = "" if (answers.areas > 0).all() else ", areas reckoned from the boxes"
    return {
        "note": "Kinds of mistakes by Ronchi and Perona (2017), in % of the labelled "
        f"keypoints{how}.",
        "names": [
            {"name": name, "colour": colour, "meaning": meaning}
            for name, (colour, meaning) in _MEANINGS.items()
        ],
        "rows": [_kinds_row(name, row) for name, row in rows],
    }


def _kinds_row(name: str, counts: np.ndarray) -> dict[str, Any]:
    total = int(counts.sum())
    return {
        "name": name,
        "labelled": f"{total:,}",
        "parts": [
            {"colour": colour, "percent": f"{100 * n / max(total, 1):.1f}"}
            for (colour, _), n in zip(_MEANINGS.values(), counts, strict=True)
        ],
    }


def _reliability(answers: Answers) -> str:
    return _picture(lambda path: draw_reliability(*count_answers(answers), path))


def _picture(draw: Any) -> str:
    """What ``draw`` writes to a PNG, as a data URL."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        draw(path)
        data = base64.b64encode(path.read_bytes()).decode()
    return f"data:image/png;base64,{data}"


def _facts(model: Predictor, flip: bool, result: Mapping[str, Any]) -> dict[str, str]:
    card = model.card
    network = ", ".join(f"{k} {v}" for k, v in dataclasses.asdict(card.model).items())
    packages = ("jax", "flax", "numpy", "opencv-python-headless")
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in packages)
    return {
        "Network": network,
        "Input": f"{card.input_size[1]} x {card.input_size[0]} pixels, box padded by "
        f"{card.box_padding:g}",
        "Keypoints": ", ".join(card.skeleton.keypoints),
        "Test time": f"decoder {card.decoder}, flip {'on' if flip else 'off'}",
        "Bootstrap": f"{result['rounds']} rounds, seed {result['seed']}",
        "Versions": f"hourglass_jax {__version__}, {versions}, "
        f"Python {platform.python_version()}",
        "Device": jax.devices()[0].device_kind,
        "Date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }

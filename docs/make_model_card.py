"""Measure a released model and write its card.

    python docs/make_model_card.py hg-people-small --lspet FOLDER --studio FOLDER \
        [--workdir RUN --decoder dark --half]

Writes docs/models/NAME.md with its pictures, the figures as docs/models/NAME.json, what
the card says into the model's own model.json, and the README's scores. With `--workdir`
the run is exported into the package first, and its curve kept in docs/results/NAME.
`--report` alone measures nothing, and writes all but docs/models/NAME.json from it.

What no program knows is written by hand before: `command` (a list), `hardware`,
`beside`, `licence`, `versions`, `date` and `commit` in docs/results/NAME/run.json;
purpose, data, aims and failures in docs/models/NAME.toml; the page in
docs/models/NAME.md.j2.

The folder of `--studio` holds `annotations/train.json`, whom the model learnt from, and
`annotations/val.json`, whom it is scored on.
"""

import argparse
import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import jax
import numpy as np
from model_card_page import describe, fill_readme, summary

import hourglass_jax as hg
from hourglass_jax.config import DataConfig, Decoder
from hourglass_jax.data.crop import crop_picture
from hourglass_jax.data.figures import draw_figure
from hourglass_jax.data.synthetic_people import FIRST_VALIDATION
from hourglass_jax.diagnosis import speed
from hourglass_jax.diagnosis.cost import (
    count_parameters,
    count_products,
    variable_shapes,
)
from hourglass_jax.drawing import Picture
from hourglass_jax.evaluation.answers import Answers
from hourglass_jax.evaluation.models import (
    answer_people,
    open_people,
    photographs,
    score_answers,
)
from hourglass_jax.evaluation.reliability import (
    count_answers,
    draw_reliability,
    estimate_answers,
)
from hourglass_jax.files import write_json, write_whole
from hourglass_jax.geometry import crop_affine, square_box, transform
from hourglass_jax.inference import (
    Form,
    Predictor,
    draw_poses,
    export_file,
    export_orbax,
)
from hourglass_jax.inference.released import FOLDER
from hourglass_jax.interop.forms import LITERT, LITERT_INT8, ONNX, STABLEHLO
from hourglass_jax.interop.importing import import_checkpoint
from hourglass_jax.interop.torch_export import export_torch

DOCS = Path(__file__).parent
MODELS = DOCS / "models"
FORMS = {
    "stablehlo": STABLEHLO,
    "onnx": ONNX,
    "litert": LITERT,
    "litert int8": LITERT_INT8,
}
SYNTHETIC = 200
"""People that are drawn to be looked at: those of the data sets may not be shown."""
SHOWN, SIDE, PADDING = 6, 320, 1.25
LOADING = """
import time, jax
jax.devices()
began = time.perf_counter()
import hourglass_jax
hourglass_jax.load({name!r})
print(time.perf_counter() - began)
"""


def main() -> None:
    """Export where a run is given; measure; write."""
    given = _parse()
    folder = FOLDER / given.name
    kept = MODELS / f"{given.name}.json"
    if given.report:
        _write(given.name, folder, json.loads(kept.read_text()))
        return
    if given.workdir is not None:
        release(given.workdir, given.decoder, folder, half=given.half)
    model = hg.load(folder)
    card = measure(model, given)
    card["model"] = model.card.to_dict()
    _write(given.name, folder, card)
    card["bytes"] = sum(each.stat().st_size for each in _files(folder))
    write_json(kept, card)
    _write(given.name, folder, card)


def _write(name: str, folder: Path, card: dict[str, Any]) -> None:
    """The card in model.json, and, as soon as the folder's size is known, the pages."""
    path = folder / "model.json"
    write_json(path, json.loads(path.read_text()) | {"card": summary(name, card)})
    if "bytes" in card:
        write_whole(MODELS / f"{name}.md", describe(name, card))
        fill_readme(card)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--workdir", type=Path, help="export this run first")
    parser.add_argument("--decoder", help="with --workdir: in place of the run's own")
    parser.add_argument("--half", action="store_true", help="kernels as float16")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--lspet", type=Path)
    parser.add_argument("--studio", type=Path)
    given = parser.parse_args()
    if given.report:
        return given
    if given.lspet is None or given.studio is None:
        parser.error("expected --lspet FOLDER and --studio FOLDER, or --report")
    if not (given.studio / "annotations" / "val.json").is_file():
        parser.error("--studio: no annotations/val.json; expected it beside train.json")
    return given


def release(
    workdir: Path, decoder: Decoder | None, folder: Path, *, half: bool
) -> None:
    """Put a run's best parameters into the package, to be run in float32."""
    kept = DOCS / "results" / folder.name
    facts = json.loads((kept / "run.json").read_text())
    model = hg.load(workdir, decoder)
    training = {**model.card.training, **facts}
    plain = dataclasses.replace(model.card.model, dtype="float32", remat="none")
    card = dataclasses.replace(model.card, model=plain, training=training)
    shutil.rmtree(folder, ignore_errors=True)
    export_orbax(Predictor(card, model.variables), folder, half=half)
    shutil.copy(workdir / "metrics.jsonl", kept)
    # As provenance has it: without the folders of the computer that trained.
    write_json(kept / "config.json", training["config"])


def measure(model: Predictor, given: argparse.Namespace) -> dict[str, Any]:
    """Everything the card says in figures; draws its pictures on the way."""
    data = {
        "lspet": DataConfig(dataset="lspet", raw_dir=given.lspet),
        "studio": DataConfig(dataset="coco_json", raw_dir=given.studio),
    }
    scores: dict[str, Any] = {}
    counted: dict[str, int] = {}
    calibration: dict[str, dict[str, float]] = {}
    for name, each in data.items():
        people = open_people(model, each, "validation")
        files = photographs(people)
        counted[name] = len(people)
        for flip in (False, True):
            answers = answer_people(
                model, people, flip=flip, scales=(1.0,), batch_size=32
            )
            how = f"{name} with flip" if flip else name
            scores[how] = score_answers(
                answers, given.name, f"{name} validation", files
            )
            if not flip:
                calibration[name] = _calibrate(answers, given.name, name)
    return {
        "about": speed.about(),
        "cost": _cost(model),
        "people": counted,
        "scores": scores,
        "calibration_error": calibration,
        "synthetic": draw_people(model, given.name),
        "load_seconds": _time_loading(given.name),
        "speed": speed.measure({model.card.model.stacks: model}, (1, 8, 32), 15),
        "exports": {name: _export(model, form) for name, form in FORMS.items()},
        "torch_bytes": _export_torch(model),
        "training": _training(model, DOCS / "results" / given.name),
    }


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _cost(model: Predictor) -> dict[str, int]:
    net, size = model.card.network(), model.card.input_size
    return {
        "parameters": count_parameters(variable_shapes(net, size)).total(),
        "multiply_adds": count_products(net, size).total(),
    }


def _calibrate(answers: Answers, model: str, data: str) -> dict[str, float]:
    counts, criterion = count_answers(answers)
    draw_reliability(counts, criterion, MODELS / f"{model}_{data}_reliability.png")
    found = dataclasses.asdict(estimate_answers(answers))
    return {bound: each.item() for bound, each in found.items()}


def draw_people(model: Predictor, name: str) -> dict[str, Any]:
    """Synthetic people, which it never saw: scored, the first drawn, and the worst.

    The photographs of the data sets may not be shown.
    """
    data = DataConfig(dataset="synthetic_people", people=1, validation_people=SYNTHETIC)
    people = open_people(model, data, "validation")
    answers = answer_people(model, people, flip=True, scales=(1.0,), batch_size=32)
    labelled = answers.visibility > 0
    errors = np.linalg.norm(answers.found - answers.truth, axis=2) * labelled
    worst = np.argsort(-errors.sum(1) / labelled.sum(1) / answers.sides, kind="stable")
    for sheet, chosen in {"people": range(SHOWN), "failures": worst[:SHOWN]}.items():
        row = np.hstack([_draw_person(model, answers, int(i)) for i in chosen])
        bgr = cv2.cvtColor(row, cv2.COLOR_RGB2BGR)
        _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 88])
        write_whole(MODELS / f"{name}_{sheet}.jpg", jpeg.tobytes())
    files = photographs(people)
    return score_answers(answers, name, "synthetic people", files)[0]


def _draw_person(model: Predictor, answers: Answers, i: int) -> Picture:
    """Person ``i`` of the validation split, near, with the answer."""
    figure = draw_figure(0, FIRST_VALIDATION + i)
    centre, side = square_box(figure.box_img, PADDING)
    near = crop_affine(centre, side, (SIDE, SIDE))
    pose = hg.Pose(
        keypoints=transform(near, answers.found[i]),
        scores=answers.scores[i].astype(np.float32),
        box=transform(near, figure.box_img.reshape(2, 2)).reshape(4),
        skeleton=model.skeleton,
    )
    inside = crop_picture(np.full_like(figure.image, 255), near, (SIDE, SIDE))
    image = crop_picture(figure.image, near, (SIDE, SIDE)) + (255 - inside)
    return draw_poses(image, [pose])


def _time_loading(name: str) -> float:
    """Seconds to load beyond importing JAX, in a process of its own; best of three."""
    script = LOADING.format(name=name)
    runs = [
        subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True
        )
        for _ in range(3)
    ]
    return round(min(float(run.stdout) for run in runs), 2)


def _export(model: Predictor, form: Form) -> dict[str, Any]:
    """What the form's own check measures, and the file's size."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{form.suffix}"
        found = export_file(model, path, form)
        return found | {"bytes": path.stat().st_size}


def _export_torch(model: Predictor) -> int:
    """The file's bytes; its weights are read again and are the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        export_torch(model, path, "princeton")
        again = import_checkpoint(path, "princeton").model
        jax.tree.map(np.testing.assert_array_equal, again.variables, model.variables)
        return path.stat().st_size


def _training(model: Predictor, kept: Path) -> dict[str, Any]:
    """What is known of the training: by hand, and from the kept curve."""
    lines = [json.loads(x) for x in (kept / "metrics.jsonl").read_text().splitlines()]
    size = model.card.training["config"]["train"]["batch_size"]
    logged = [line for line in lines if "images_per_second" in line]
    steps = [line["step"] for line in logged]
    seconds = sum(
        (step - before) * size / line["images_per_second"]
        for line, before, step in zip(logged, [0, *steps], steps, strict=False)
    )
    return json.loads((kept / "run.json").read_text()) | {
        "steps": steps[-1],
        "step_hours": round(seconds / 3600, 2),
        "evaluations": sum("PCK@0.2" in line for line in lines),
    }


if __name__ == "__main__":
    main()

"""One training of a comparison, and what is kept of it."""

import datetime
import json
import platform
import subprocess
from pathlib import Path
from typing import Any

import flax
import jax

from hourglass_jax.config import Config
from hourglass_jax.data.datasets import open_dataset
from hourglass_jax.diagnosis.cost import (
    count_parameters,
    count_products,
    variable_shapes,
)
from hourglass_jax.diagnosis.machine import host
from hourglass_jax.evaluation.models import photographs, score_answers
from hourglass_jax.files import write_json
from hourglass_jax.training.loop import train
from hourglass_jax.training.state import make_network


def run_trial(config: Config, folder: Path, about: dict[str, Any]) -> None:
    """Train, unless it is finished, and write ``result.json``.

    A training that was interrupted goes on.

    Args:
      config: of this training.
      folder: its workdir.
      about: what the result begins with, such as the variant's name.
    """
    if (folder / "result.json").is_file():
        return
    print(f"== {' '.join(str(value) for value in about.values())}", flush=True)
    answers = train(config, folder)
    people = open_dataset(config.data, config.augment.reach).split("validation")
    score = score_answers(answers, folder.name, "validation", photographs(people))[0]
    result = {
        **about,
        "steps": config.train.steps,
        "batch_size": config.train.batch_size,
        "minutes": _minutes(folder),
        "scores": {metric: row["Mean"] for metric, row in score["scores"].items()},
        "limbs": {metric: row["Limbs"] for metric, row in score["scores"].items()},
        "curve": _curve(folder),
        **_size(config),
        "device": f"{jax.devices()[0].device_kind} ({platform.machine()})",
        **host(),
        "versions": {"jax": jax.__version__, "flax": flax.__version__},
        "commit": _commit(),
        "date": datetime.date.today().isoformat(),
    }
    write_json(folder / "result.json", result)


def read_results(folder: Path, kept: Path) -> list[dict[str, Any]]:
    """What is finished below a folder, and what the file kept of others.

    In no particular order.
    """
    runs = json.loads(kept.read_text()) if kept.is_file() else []
    runs += [json.loads(path.read_text()) for path in folder.glob("**/result.json")]
    names = "dataset", "variant", "seed"
    return list({tuple(run.get(name) for name in names): run for run in runs}.values())


def _curve(folder: Path) -> list[tuple[int, float]]:
    return [(v["step"], v["PCK@0.2"]) for v in _logged(folder) if "PCK@0.2" in v]


def _minutes(folder: Path) -> float:
    """Of steps, compiling them, people, logs and evaluations, interrupted or not."""
    parts = ("step", "compile", "data", "log", "evaluate")
    return sum(v.get(f"{p}_seconds", 0.0) for v in _logged(folder) for p in parts) / 60


def _commit() -> str | None:
    """Of this code, where it is a clone."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def _logged(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def _size(config: Config) -> dict[str, int]:
    keypoints = len(open_dataset(config.data, config.augment.reach).skeleton.keypoints)
    net = make_network(config, keypoints)
    size = config.data.input_size, config.data.input_size
    return {
        "parameters": count_parameters(variable_shapes(net, size)).total(),
        "multiply_adds": count_products(net, size).total(),
    }

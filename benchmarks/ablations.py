"""The paper's ablations and the hourglass's relatives, trained under equal budgets.

    python benchmarks/ablations.py [--raw-dir FOLDER_OF_LSPET] [--seeds 0 1 2]

Every variant is trained on synthetic people once a seed, and on LSP-extended with the
first seed where its folder is given. What is finished is not done again; a training
that was interrupted goes on. At the end, and with `--report` alone, the table and the
picture in docs/results are made anew.
"""

import argparse
import dataclasses
import datetime
import json
import platform
from pathlib import Path
from typing import Any

import flax
import jax
from ablation_report import write_report

from hourglass_jax.config import Config, DataConfig
from hourglass_jax.config_files import load_config
from hourglass_jax.data.datasets import open_dataset
from hourglass_jax.diagnosis.cost import (
    count_parameters,
    count_products,
    variable_shapes,
)
from hourglass_jax.evaluation.models import photographs, score_answers
from hourglass_jax.files import write_json
from hourglass_jax.training.loop import train
from hourglass_jax.training.state import make_network

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs" / "ablations"

VARIANTS: dict[str, dict[str, Any]] = {
    "1 deep hourglass": {"stacks": 1, "blocks": 4, "supervise": "last"},
    "1 deep, supervised inside": {"stacks": 1, "blocks": 4, "supervise": "inside"},
    "2 stacks, the last supervised": {"supervise": "last"},
    "2 stacks": {},
    "4 stacks": {"stacks": 4, "blocks": 1},
    "2 stacks, FPN": {"trunk": "fpn"},
    "2 stacks, U-Net": {"trunk": "unet"},
    "2 stacks, rectified Gaussian": {"trunk": "rectified_gaussian"},
}
"""What each changes in the model of `configs/ablations`; 2 stacks is the reference."""


def main() -> None:
    """Train what is missing, then write the report."""
    given = _parse()
    data = {"synthetic_people": given.seeds}
    if given.raw_dir is not None:
        data["lspet"] = given.seeds[:1]
    if not given.report:
        for dataset, seeds in data.items():
            for seed in seeds:
                for name in VARIANTS:
                    _run(dataset, name, seed, given.workdir, given.raw_dir)
    runs = [json.loads(p.read_text()) for p in given.workdir.glob("**/result.json")]
    write_report(sorted(runs, key=_order), ROOT / "docs" / "results")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workdir", type=Path, default=Path("runs/ablations"))
    parser.add_argument("--raw-dir", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--report", action="store_true", help="train nothing")
    return parser.parse_args()


def _order(run: dict[str, Any]) -> tuple[Any, ...]:
    return run["dataset"], list(VARIANTS).index(run["variant"]), run["seed"]


def _run(
    dataset: str, name: str, seed: int, workdir: Path, raw_dir: Path | None
) -> None:
    folder = workdir / dataset / name.replace(",", "").replace(" ", "_") / f"seed{seed}"
    if (folder / "result.json").is_file():
        return
    config = _configure(load_config(CONFIGS / f"{dataset}.py"), name, seed, raw_dir)
    print(f"== {dataset}: {name}, seed {seed}", flush=True)
    answers = train(config, folder)
    people = open_dataset(config.data, config.augment.reach).split("validation")
    files = photographs(people)
    score = score_answers(answers, name, f"{dataset} validation", files)[0]["scores"]
    result = {
        "dataset": dataset,
        "variant": name,
        "seed": seed,
        "steps": config.train.steps,
        "batch_size": config.train.batch_size,
        "minutes": _minutes(folder),
        "scores": {metric: row["Mean"] for metric, row in score.items()},
        "curve": _curve(folder),
        **_size(config),
        **_about(),
    }
    write_json(folder / "result.json", result)


def _configure(base: Config, name: str, seed: int, raw_dir: Path | None) -> Config:
    data: DataConfig = base.data
    if data.dataset != "synthetic_people":
        data = dataclasses.replace(data, raw_dir=raw_dir)
    model = dataclasses.replace(base.model, **VARIANTS[name])
    return dataclasses.replace(base, seed=seed, data=data, model=model)


def _curve(folder: Path) -> list[tuple[int, float]]:
    return [(v["step"], v["PCK@0.2"]) for v in _logged(folder) if "PCK@0.2" in v]


def _minutes(folder: Path) -> float:
    """Of steps, waiting for people, logging and evaluation, interrupted or not."""
    parts = ("step_seconds", "data_seconds", "log_seconds", "evaluate_seconds")
    return sum(v.get(part, 0.0) for v in _logged(folder) for part in parts) / 60


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


def _about() -> dict[str, Any]:
    device = jax.devices()[0]
    return {
        "device": f"{device.device_kind} ({platform.machine()})",
        "versions": {"jax": jax.__version__, "flax": flax.__version__},
        "date": datetime.date.today().isoformat(),
    }


if __name__ == "__main__":
    main()

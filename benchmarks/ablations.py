"""The paper's ablations and the hourglass's relatives, trained under equal budgets.

    python benchmarks/ablations.py [--raw-dir FOLDER_OF_LSPET] [--seeds 0 1 2]

Every variant is trained once a seed on synthetic people, and on LSP-extended where its
folder is given. What is finished is not done again; a training that was interrupted
goes on. At the end, and with `--report` alone, the tables and the picture in
docs/results are made anew.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from ablation_report import write_report
from trials import read_results, run_trial

from hourglass_jax.config import Config, DataConfig
from hourglass_jax.config_files import load_config

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
    datasets = ["synthetic_people", *["lspet"] * (given.raw_dir is not None)]
    for seed in [] if given.report else given.seeds:
        for dataset in datasets:
            for name in VARIANTS:
                _run(dataset, name, seed, given.workdir, given.raw_dir)
    results = ROOT / "docs" / "results"
    runs = read_results(given.workdir, results / "ablations" / "results.json")
    write_report(sorted(runs, key=_order), results)


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
    config = _configure(load_config(CONFIGS / f"{dataset}.py"), name, seed, raw_dir)
    run_trial(config, folder, {"dataset": dataset, "variant": name, "seed": seed})


def _configure(base: Config, name: str, seed: int, raw_dir: Path | None) -> Config:
    data: DataConfig = base.data
    if data.dataset != "synthetic_people":
        data = dataclasses.replace(data, raw_dir=raw_dir)
    model = dataclasses.replace(base.model, **VARIANTS[name])
    return dataclasses.replace(base, seed=seed, data=data, model=model)


if __name__ == "__main__":
    main()

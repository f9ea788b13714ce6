"""What a recipe's parts are worth: one changed at a time.

    python benchmarks/recipe.py --lspet FOLDER [--studio FOLDER] [--seeds 0 1 2] \
        [--rows "sigma 1" "sigma 2"]

`--studio` is for one row: other people, in COCO's form.

Every row trains the small network of `configs/ablations/lspet.py` on LSP-extended, once
a seed, on the same number of its people. What is finished is not done again; a training
that was interrupted goes on. At the end, and with `--report` alone, the table in
docs/results/recipe.md is made anew.
"""

import argparse
import dataclasses
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from ablations import CONFIGS, ROOT
from pages import put_table
from seeds import Runs, above, interval
from trials import read_results, run_trial

import hourglass_jax as hg
from hourglass_jax.config import Config, DataConfig, SourceConfig
from hourglass_jax.config_files import load_config
from hourglass_jax.evaluation.answers import choose_rulers
from hourglass_jax.evaluation.models import answer_people, open_people, photographs
from hourglass_jax.files import write_json
from hourglass_jax.skeleton import LSP

Change = Mapping[str, Mapping[str, Any]]

BASE = "the recipe"
SYNTHETIC_FIRST, BOTH_SETS = "synthetic people first", "studio people besides"
LONGER = "half as many more steps"
UNCONTRADICTED = "contradicted labels left out"
DOUBTED = "contradicted labels a third as often"
MODEL, FAR, SURE = "hg-people-small", 0.5, 0.5
"""Who contradicts a label: from how many torsos away, and with what score, on."""
CHANGES: dict[str, Change] = {
    BASE: {},
    "AdamW at 5e-3": {"optim": {"learning_rate": 5e-3}},
    "RMSprop at 2.5e-4, constant": {
        "optim": {
            "name": "rmsprop",
            "learning_rate": 2.5e-4,
            "schedule": "constant",
            "warmup_steps": 0,
            "weight_decay": 0.0,
            "clip_norm": 0.0,
        }
    },
    "RMSprop at 2.5e-3, cosine": {
        "optim": {"name": "rmsprop", "learning_rate": 2.5e-3, "weight_decay": 0.0}
    },
    "no average of parameters": {"optim": {"ema": 0.0}},
    "sigma 1": {"target": {"sigma_hm": 1.0}},
    "sigma 2": {"target": {"sigma_hm": 2.0}},
    "the authors' augmentation": {
        "augment": {"scale": 0.25, "scale_limit": 0.5, "colour": 0.4}
    },
    "mirrored only": {
        "augment": {"scale": 0.0, "rotation_probability": 0.0, "colour": 0.0}
    },
    "half bodies and occluders": {
        "augment": {"half_body_probability": 0.3, "occluder_probability": 0.3}
    },
    SYNTHETIC_FIRST: {},
    LONGER: {"train": {"steps": 4500}},
    BOTH_SETS: {"data": {"keypoints": "union"}},
    UNCONTRADICTED: {},
    DOUBTED: {},
    "a loss that forgives": {"target": {"loss": "forgiving"}},
    "peaks on whole cells": {"target": {"centres": "rounded"}},
}
"""What each changes in `configs/ablations/lspet.py`."""


def main() -> None:
    """Train what is missing, then write the report."""
    given = _parse()
    for seed in [] if given.report else given.seeds:
        for name in given.rows:
            if name == BOTH_SETS and given.studio is None:
                print(f"left out: {name}; give --studio", flush=True)
            else:
                about = {"variant": name, "seed": seed}
                folder = given.workdir / name.replace(" ", "_") / f"seed{seed}"
                run_trial(_configure(name, seed, given), folder, about)
    names = list(CHANGES)
    results = ROOT / "docs" / "results"
    kept = results / "recipe" / "results.json"
    runs = [run for run in read_results(given.workdir, kept) if run["variant"] in names]
    runs.sort(key=lambda run: (names.index(run["variant"]), run["seed"]))
    write_json(kept, runs)
    put_table(results / "recipe.md", make_table(runs), "recipes")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workdir", type=Path, default=Path("runs/recipe"))
    parser.add_argument("--lspet", type=Path)
    parser.add_argument("--studio", type=Path, help="people in COCO's form")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", choices=CHANGES, default=list(CHANGES))
    parser.add_argument("--report", action="store_true", help="train nothing")
    given = parser.parse_args()
    if given.lspet is None and not given.report:
        parser.error("--lspet is needed to train")
    return given


def _configure(name: str, seed: int, given: argparse.Namespace) -> Config:
    base = load_config(CONFIGS / "lspet.py")
    parts: dict[str, dict[str, Any]] = {k: dict(v) for k, v in CHANGES[name].items()}
    parts.setdefault("data", {})["raw_dir"] = given.lspet
    if name == UNCONTRADICTED:
        parts["data"]["raw_dir"] = _leave_out(given.lspet, given.workdir)
    if name == DOUBTED:
        # One person in three is drawn from the set that has the contradicted labels.
        without = _leave_out(given.lspet, given.workdir)
        lspet = SourceConfig(dataset="lspet", raw_dir=without, weight=2.0)
        parts["data"]["also"] = (lspet,)
    if name == BOTH_SETS:
        studio = SourceConfig(dataset="coco_json", weight=0.2, raw_dir=given.studio)
        parts["data"]["also"] = (studio,)
    if name == SYNTHETIC_FIRST:
        parts["train"] = {"init_from": str(_learn_synthetic(seed, given.workdir))}
    changed = {k: dataclasses.replace(getattr(base, k), **v) for k, v in parts.items()}
    return dataclasses.replace(base, seed=seed, **changed)


def _learn_synthetic(seed: int, workdir: Path) -> Path:
    """The same network after `configs/ablations/synthetic_people.py`."""
    config = load_config(CONFIGS / "synthetic_people.py")
    folder = workdir / "synthetic_people" / f"seed{seed}"
    about = {"variant": "synthetic people alone", "seed": seed}
    run_trial(dataclasses.replace(config, seed=seed), folder, about)
    return folder


def _leave_out(lspet: Path, workdir: Path) -> Path:
    """A copy in which labels of training people that a model contradicts are absent."""
    folder = workdir / "uncontradicted_lspet"
    if (folder / "joints.mat").is_file():
        return folder
    data = DataConfig(dataset="lspet", raw_dir=lspet)
    model = hg.load(MODEL)
    people = open_people(model, data, "train")
    found = answer_people(model, people, flip=True, scales=(1.0,), batch_size=32)
    # Its keypoints are these first, then those of the studio's that these have not.
    count = len(LSP.keypoints)
    assert found.skeleton.keypoints[:count] == LSP.keypoints
    torsos = choose_rulers(found)[0][1][:, None]
    errors = np.linalg.norm(found.found - found.truth, axis=-1)
    wrong = (errors > FAR * torsos) & (torsos > 0) & (found.scores > SURE)
    joints = scipy.io.loadmat(lspet / "joints.mat")["joints"]
    labelled = joints[:, 2].sum()
    for file, absent in zip(photographs(people), wrong, strict=True):
        person = int(Path(file.decode()).stem.removeprefix("im")) - 1
        joints[absent[:count], 2, person] = 0
    left_out = 1 - joints[:, 2].sum() / labelled
    print(f"left out: {left_out:.1%} of all labels", flush=True)
    folder.mkdir(parents=True)
    (folder / "images").symlink_to((lspet / "images").resolve())
    scipy.io.savemat(folder / "part.mat", {"joints": joints})
    (folder / "part.mat").rename(folder / "joints.mat")
    return folder


def make_table(runs: Runs) -> str:
    """A row a change: its cost, scores of the limbs, how far above the recipe's."""
    base = [run for run in runs if run["variant"] == BASE]
    lines = [
        "| changed | seeds | minutes | PCK@0.2 | PCK@0.1 | @0.2 above the recipe |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in CHANGES:
        own = [run for run in runs if run["variant"] == name]
        if own:
            scores = [
                interval(own, metric, "limbs") for metric in ("PCK@0.2", "PCK@0.1")
            ]
            minutes = statistics.median(run["minutes"] for run in own)
            cells = [name, str(len(own)), f"{minutes:.1f}"]
            cells += [f"{m:.1f} ± {h:.1f}" for m, h in scores]
            cells += ["" if name == BASE else above(own, base, "PCK@0.2", "limbs")]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

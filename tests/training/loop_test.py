"""The loop: what a run leaves, going on bit for bit, and the failures it names."""

import dataclasses
import json
import logging
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from hourglass_jax.config import OptimConfig
from hourglass_jax.errors import InputError
from hourglass_jax.training import loop, restore_variables
from hourglass_jax.training.checkpoints import Checkpoints


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    """A run that nobody disturbed."""
    workdir = tmp_path_factory.mktemp("run") / "whole"
    loop.train(tiny, workdir)
    return workdir


def leaves(workdir):
    variables, step, _, _ = restore_variables(workdir / "checkpoints")
    return step, [np.asarray(leaf) for leaf in jax.tree.leaves(variables)]


def assert_same_end(workdir, other):
    (step, found), (end, expected) = leaves(workdir), leaves(other)
    assert step == end
    assert all(map(np.array_equal, found, expected))


def scalars(workdir):
    return [
        json.loads(line)
        for line in (workdir / "metrics.jsonl").read_text().splitlines()
    ]


def test_a_run_leaves_what_is_promised(finished, tiny):
    assert {p.name for p in finished.iterdir()} == {
        *("config.json", "skeleton.json", "metrics.jsonl", "tensorboard"),
        *("checkpoints", "best", "pictures"),
    }
    assert Checkpoints(finished / "checkpoints", 2).steps() == [6, 4]
    assert [p.name for p in sorted((finished / "pictures").iterdir())] == [
        f"step_{step:07d}.png" for step in (2, 4, 6)
    ]
    lines = scalars(finished)
    assert [line["step"] for line in lines if "loss_stack2" in line] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]
    assert [line["step"] for line in lines if "PCK@0.2" in line] == [2, 4, 6]


def test_the_best_is_the_evaluation_that_scored_highest(finished):
    scores = {s["step"]: s["PCK@0.2"] for s in scalars(finished) if "PCK@0.2" in s}
    best = Checkpoints(finished / "best", 1).steps()
    assert best == [max(scores, key=lambda step: (scores[step], -step))]


def test_the_best_is_chosen_by_the_metric_that_the_config_names():
    names = ["PCK@0.2", "PCK@0.1"]
    assert loop.choose_metric("first", names) == "PCK@0.2"
    assert loop.choose_metric("PCK@0.1", names) == "PCK@0.1"
    with pytest.raises(InputError, match=r"'AP'; expected first, or one of PCK@0.2, "):
        loop.choose_metric("AP", names)


@pytest.mark.parametrize(
    ("patience", "best_step", "stops_at"), [(0, 2, None), (1, 2, 4), (2, 2, 6)]
)
def test_patience_counts_evaluations_without_a_better_score(
    tiny, patience, best_step, stops_at
):
    settings = dataclasses.replace(tiny.train, patience=patience)
    config = dataclasses.replace(tiny, train=settings)
    run = SimpleNamespace(config=config, best_step=best_step)
    stops = [step for step in range(3, 7) if loop.Run.stale(run, step)]
    assert (stops[0] if stops else None) == stops_at


class CutOffError(Exception):
    """Stands for whatever ends a run from outside."""


def test_a_run_that_was_cut_off_ends_where_an_undisturbed_one_does(
    finished, tiny, tmp_path, monkeypatch
):
    put_batch, taken = loop.put_batch, []

    def cut_off(batch, mesh):
        taken.append(batch)
        if len(taken) == 6:  # in step 6, after the checkpoint of step 4
            raise CutOffError
        return put_batch(batch, mesh)

    monkeypatch.setattr(loop, "put_batch", cut_off)
    with pytest.raises(CutOffError):
        loop.train(tiny, tmp_path / "run")
    loop.train(tiny, tmp_path / "run")
    assert len(taken) == 6 + 2
    assert_same_end(tmp_path / "run", finished)

    def without_times(line):
        return {
            k: v for k, v in line.items() if k not in ("images_per_second", "data_wait")
        }

    found, expected = map(scalars, (tmp_path / "run", finished))
    # Step 5 was logged twice; the first line was taken out.
    assert [without_times(x) for x in found] == [without_times(x) for x in expected]


def test_a_finished_run_has_nothing_to_do(finished, tiny, capsys):
    before = (finished / "metrics.jsonl").read_text()
    evaluation = loop.train(tiny, finished)
    assert "already at step 6; nothing to train" in capsys.readouterr().err
    assert (finished / "metrics.jsonl").read_text() == before
    last = [line for line in scalars(finished) if "PCK@0.2" in line][-1]
    assert evaluation.summary()["PCK@0.2"]["Mean"] == last["PCK@0.2"]


def test_a_damaged_newest_checkpoint_costs_only_its_own_steps(
    finished, tiny, tmp_path, caplog
):
    workdir = tmp_path / "run"
    subprocess.run(["cp", "-r", finished, workdir], check=True)
    damaged = next((workdir / "checkpoints" / "6").rglob("manifest.ocdbt"))
    damaged.write_bytes(damaged.read_bytes()[:10])
    with caplog.at_level(logging.WARNING):
        loop.train(tiny, workdir)
    assert "trying the one before" in caplog.text
    assert_same_end(workdir, finished)


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step(tiny, tmp_path):
    config = dataclasses.replace(
        tiny, optim=OptimConfig(name="adamw", learning_rate=1e30)
    )
    with pytest.raises(loop.NotFiniteError, match=r"step \d: the loss is (nan|inf)"):
        loop.train(config, tmp_path / "run")
    for step in Checkpoints(tmp_path / "run" / "checkpoints", 2).steps():
        trees, *_ = restore_variables(tmp_path / "run" / "checkpoints" / str(step))
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(trees))


def test_heatmaps_without_peaks_are_said(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(loop, "EMPTY_PEAK", 1e6)
    short = dataclasses.replace(
        tiny, train=dataclasses.replace(tiny.train, steps=1, evaluate_every=1)
    )
    loop.train(short, tmp_path / "run")
    assert "the heatmaps are empty" in capsys.readouterr().err
    assert scalars(tmp_path / "run")[-1]["empty"] is True


def test_a_workdir_without_a_checkpoint_is_one_clear_line(finished, tmp_path):
    for name in ("config.json", "skeleton.json"):
        (tmp_path / name).write_text((finished / name).read_text())
    with pytest.raises(InputError, match="no checkpoint yet; train first"):
        restore_variables(tmp_path)


@pytest.mark.slow
def test_killed_at_random_moments_a_run_ends_on_the_same_bits(finished, tiny, tmp_path):
    """SIGKILL, which nothing can catch, also while a checkpoint is being written."""
    config = tmp_path / "config.py"
    config.write_text(
        textwrap.dedent(f"""
        from pathlib import Path
        from hourglass_jax.config_files import from_json

        def get_config():
            return from_json(Path({str(finished / "config.json")!r}).read_text(), "it")
        """)
    )
    command = [
        *(sys.executable, "train.py", "--config", str(config)),
        *("--workdir", str(tmp_path / "run")),
    ]
    root = Path(__file__).resolve().parents[2]
    moments = random.Random(0)
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache")}
    for _ in range(3):
        with subprocess.Popen(
            command, cwd=root, env=environment, stderr=subprocess.PIPE
        ) as process:
            # Wait until it trains, then a moment longer.
            for line in process.stderr:
                if b"step 2: " in line or b"going on" in line or b"already" in line:
                    break
            time.sleep(moments.uniform(0, 3))
            process.send_signal(signal.SIGKILL)
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
    assert_same_end(tmp_path / "run", finished)

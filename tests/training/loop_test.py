"""The loop: what a run leaves, going on bit for bit, and the failures it names."""

import dataclasses
import gzip
import json
import logging
import shutil
import subprocess
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from hourglass_jax.config import OptimConfig
from hourglass_jax.data.datasets import open_dataset
from hourglass_jax.errors import InputError
from hourglass_jax.training import (
    loop,
    restore_variables,
    run,
    statistics,
    validation,
)
from hourglass_jax.training.checkpoints import Checkpoints
from hourglass_jax.training.run import Run, choose_metric
from hourglass_jax.training.sharding import make_mesh
from hourglass_jax.training.tracing import Steps

from .runs import assert_same_end, assert_same_scalars, scalars


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
    assert choose_metric("first", names) == "PCK@0.2"
    assert choose_metric("PCK@0.1", names) == "PCK@0.1"
    with pytest.raises(InputError, match=r"'AP'; expected first, or one of PCK@0.2, "):
        choose_metric("AP", names)


@pytest.mark.parametrize(
    ("patience", "best_step", "stops_at"), [(0, 2, None), (1, 2, 4), (2, 2, 6)]
)
def test_patience_counts_evaluations_without_a_better_score(
    tiny, patience, best_step, stops_at
):
    settings = dataclasses.replace(tiny.train, patience=patience)
    config = dataclasses.replace(tiny, train=settings)
    stops = [
        step
        for step in (4, 6)
        if Run.stale.fget(
            SimpleNamespace(config=config, best_step=best_step, scored=step)
        )
    ]
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

    # Step 5 was logged twice; the first line was taken out.
    assert_same_scalars(tmp_path / "run", finished)


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
    says = r"step \d: (the loss|the gradient) is (nan|inf)"
    with pytest.raises(loop.NotFiniteError, match=says):
        loop.train(config, tmp_path / "run")


def test_a_network_that_answers_nothing_finite_is_not_saved(tiny, tmp_path):
    # The loss of the first step is that of the parameters before it.
    settings = dataclasses.replace(tiny.train, evaluate_every=1)
    optim = OptimConfig(name="adamw", learning_rate=1e30)
    config = dataclasses.replace(tiny, optim=optim, train=settings)
    says = "step 1: what the network answers is .*; checkpoints stay as they are"
    with pytest.raises(loop.NotFiniteError, match=says):
        loop.train(config, tmp_path / "run")
    assert Checkpoints(tmp_path / "run" / "checkpoints", 2).steps() == []


def test_a_damaged_best_checkpoint_is_said_and_the_newest_used(
    finished, tmp_path, caplog
):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    (listing,) = (workdir / "best").glob("*.sha256.json")
    listing.unlink()
    with caplog.at_level(logging.WARNING):
        _, step, *_ = restore_variables(workdir)
    assert step == 6
    assert "saving it was cut off" in caplog.text
    shutil.rmtree(workdir / "checkpoints")
    with pytest.raises(InputError, match="no checkpoint is whole"):
        restore_variables(workdir)


def test_without_people_to_validate_on_it_says_what_to_do(tiny, tmp_path):
    dataset = open_dataset(tiny.data, tiny.augment.reach)
    splits = {"train": dataset.split("train")}
    dataset = dataclasses.replace(dataset, splits=splits)
    with pytest.raises(InputError, match="nobody to validate on, only train; .*share"):
        run.prepare(tiny, tmp_path, dataset, make_mesh(tiny))


def test_heatmaps_without_peaks_are_said(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(loop, "EMPTY_PEAK", 1e6)
    settings = dataclasses.replace(tiny.train, evaluate_every=6)
    loop.train(dataclasses.replace(tiny, train=settings), tmp_path / "run")
    assert "the heatmaps are empty" in capsys.readouterr().err
    assert scalars(tmp_path / "run")[-1]["empty"] is True


def test_where_the_time_went_is_logged(finished):
    first, second = [line for line in scalars(finished) if "loss" in line][:2]
    assert first["compile_seconds"] > 0
    assert "compile_seconds" not in second
    assert second["step_seconds"] > 0
    assert second["data_seconds"] > 0
    (third,) = [x for x in scalars(finished) if x["step"] == 3]
    assert third["save_seconds"] > 0
    scored = [line for line in scalars(finished) if "PCK@0.2" in line]
    assert all(line["evaluate_seconds"] > 0 for line in scored)


def test_a_run_that_patience_ended_is_left_as_it_is(plain, tmp_path, capsys):
    settings = dataclasses.replace(plain.train, steps=40, evaluate_every=1, patience=1)
    config = dataclasses.replace(plain, train=settings)
    loop.train(config, tmp_path / "run")
    assert "stopped (train.patience)" in capsys.readouterr().err
    before = scalars(tmp_path / "run")
    assert before[-1]["step"] < 40
    loop.train(config, tmp_path / "run")
    assert "nothing to train (train.patience)" in capsys.readouterr().err
    assert scalars(tmp_path / "run") == before


def test_a_finished_run_goes_on_for_more_steps(plain, tmp_path):
    for steps in (2, 4):
        settings = dataclasses.replace(plain.train, steps=steps)
        config = dataclasses.replace(plain, train=settings)
        loop.train(config, tmp_path / "extended")
    loop.train(config, tmp_path / "at once")
    assert_same_end(tmp_path / "extended", tmp_path / "at once")
    assert_same_scalars(tmp_path / "extended", tmp_path / "at once")


def test_precise_statistics_are_measured_for_every_evaluation_by_one_program(
    plain, tmp_path, monkeypatch
):
    """And alike in a run that went on."""
    measure, moved = validation.precise_statistics, []

    def keep(variables, *rest):
        precise = measure(variables, *rest)
        means = [jax.tree.leaves(v["batch_stats"])[0] for v in (variables, precise)]
        moved.append(np.abs(np.subtract(*means)).max())
        return precise

    monkeypatch.setattr(validation, "precise_statistics", keep)
    compiled = statistics._compiled
    compiled.cache_clear()
    settings = dataclasses.replace(plain.train, precise_statistics=2)
    config = dataclasses.replace(plain, train=settings)
    shorter = dataclasses.replace(settings, steps=4)
    loop.train(dataclasses.replace(config, train=shorter), tmp_path / "run")
    loop.train(config, tmp_path / "run")
    loop.train(config, tmp_path / "at once")
    assert compiled.cache_info().misses == 1
    assert_same_scalars(tmp_path / "run", tmp_path / "at once")
    assert min(moved) > 0.01


def test_the_traced_steps_are_in_a_file_that_perfetto_reads(tiny, tmp_path, capsys):
    loop.train(tiny, tmp_path / "run", profile=Steps(3, 4))
    assert "step 4: the trace is in" in capsys.readouterr().err
    (path,) = (tmp_path / "run" / "profile").rglob("*.trace.json.gz")
    assert list(path.parent.glob("*.xplane.pb"))
    events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    traced = {e["args"]["step_num"] for e in events if e.get("name") == "train"}
    assert traced == {"3", "4"}


def test_a_workdir_may_be_called_by_a_number(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "2026")
    found, expected = (
        restore_variables(path) for path in (tmp_path / "2026", finished)
    )
    assert found[1] == expected[1]


def test_of_the_checkpoint_before_a_damaged_one_the_average_is_read(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    checkpoints = tmp_path / "run" / "checkpoints"
    shutil.rmtree(checkpoints / "6" / "ema")
    found, step, *_ = restore_variables(checkpoints)
    assert step == 4
    expected = restore_variables(finished / "checkpoints" / "4")[0]
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_a_workdir_without_a_checkpoint_is_one_clear_line(finished, tmp_path):
    for name in ("config.json", "skeleton.json"):
        (tmp_path / name).write_text((finished / name).read_text())
    with pytest.raises(InputError, match="no checkpoint yet; train first"):
        restore_variables(tmp_path)

"""A network and a data set so small that training takes seconds."""

import dataclasses

import pytest

from hourglass_jax.config import (
    Config,
    DataConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)
from hourglass_jax.training import loop, run

from .runs import STARTED


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Where the session's records are kept."""
    return tmp_path_factory.mktemp("prepared")


@pytest.fixture(scope="session")
def tiny(prepared):
    """A config that trains six steps."""
    return Config(
        model=ModelConfig(stacks=2, features=8, depth=1, stem_width=4),
        data=DataConfig(
            input_size=32, people=12, validation_people=5, data_dir=prepared
        ),
        optim=OptimConfig(name="adamw", learning_rate=1e-3, schedule="cosine", ema=0.9),
        train=TrainConfig(steps=6, batch_size=4, evaluate_every=2, log_every=1),
    )


@pytest.fixture(scope="session")
def plain(tiny):
    """The same at a constant rate, where shorter runs are parts of longer ones."""
    return dataclasses.replace(tiny, optim=OptimConfig(name="adamw"))


@pytest.fixture(scope="session", autouse=True)
def compiled_once():
    """The programs of equal configs are compiled once for all tests.

    Every call of `train` would compile its own; tests that start processes still do.
    """
    make_step, make_predict = run.jit_train_step, run.jit_predict
    programs = {}

    def step(net, optimiser, config, mesh):
        constant = config.optim.schedule == "constant"
        lesson = (config.optim, 0 if constant else config.train.steps, config.target)
        key = (net, *lesson, config.train.accumulate, mesh)
        return programs.setdefault(key, make_step(net, optimiser, config, mesh))

    def predict(net, config, skeleton, mesh):
        key = (net, config.target, skeleton.name, mesh)
        return programs.setdefault(key, make_predict(net, config, skeleton, mesh))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run, "jit_train_step", step)
        patched.setattr(run, "jit_predict", predict)
        yield


@pytest.fixture(scope="session")
def finished(tiny, compiled_once, tmp_path_factory):
    """A run that nobody disturbed."""
    workdir = tmp_path_factory.mktemp("run") / "whole"
    loop.train(tiny, workdir)
    return workdir


@pytest.fixture(autouse=True)
def nothing_runs_on():
    """A test that failed leaves no process behind, which would fail a later one."""
    yield
    while STARTED:
        with STARTED.pop() as process:
            process.kill()

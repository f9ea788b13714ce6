"""The loop: next batch, step; now and then evaluate, show pictures, save."""

import dataclasses
import math
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh

from hourglass_jax.config import Config
from hourglass_jax.data.datasets import open_dataset
from hourglass_jax.data.pipeline import Batch, evaluation_batches, training_batches
from hourglass_jax.data.records import Dataset
from hourglass_jax.drawing import save_picture
from hourglass_jax.errors import InputError
from hourglass_jax.evaluation import Answers, collect, metric_names
from hourglass_jax.inference import find_keypoints
from hourglass_jax.models.hourglass import StackedHourglass
from hourglass_jax.progress import Bar, console
from hourglass_jax.training.checkpoints import (
    Checkpoints,
    state_trees,
    with_sharding,
)
from hourglass_jax.training.optim import make_optimiser, make_schedule
from hourglass_jax.training.pictures import PEOPLE_SHOWN, draw_sheet
from hourglass_jax.training.sharding import make_mesh, put_batch, replicated
from hourglass_jax.training.state import TrainState, create_state, make_network
from hourglass_jax.training.step import Metrics, Step, jit_train_step
from hourglass_jax.training.workdir import claim
from hourglass_jax.training.writer import Writer

# Peaks of a network that learnt something are well above this; empty maps are below.
EMPTY_PEAK = 0.02


class NotFiniteError(RuntimeError):
    """The loss became infinite or not a number."""


@dataclasses.dataclass
class Run:
    """What the loop works with; the state and the best so far are what changes."""

    config: Config
    workdir: Path
    dataset: Dataset
    mesh: Mesh
    step: Step
    net: StackedHourglass
    state: TrainState
    recent: Checkpoints
    best: Checkpoints
    best_metric: str
    best_score: float = -math.inf
    best_step: int = 0

    def stale(self, step: int) -> bool:
        """Whether so many evaluations were no better that it is time to stop."""
        settings = self.config.train
        waited = step - self.best_step
        return 0 < settings.patience <= waited // settings.evaluate_every


def train(config: Config, workdir: Path) -> Answers:
    """Train, or go on where the workdir's newest checkpoint ends.

    On one machine the result does not depend on how often the run was cut off.

    Returns:
      The answers of the last step for the validation people.

    Raises:
      InputError: data or workdir cannot be used.
      NotFiniteError: the loss is not finite; the last checkpoint stays as it is.
    """
    dataset = open_dataset(config.data, config.augment.reach)
    claim(workdir, config, dataset.skeleton)
    run = _prepare(config, workdir, dataset)
    begun = _resume(run)
    if begun >= config.train.steps:
        console.print(f"{workdir}: already at step {begun}; nothing to train")
        return _evaluate(run)
    with (
        Writer(workdir, begun) as writer,
        Bar("train", config.train.steps, unit="steps", start=begun) as bar,
    ):
        return _loop(run, begun, writer, bar)


def _prepare(config: Config, workdir: Path, dataset: Dataset) -> Run:
    mesh = make_mesh()
    net = make_network(config, len(dataset.skeleton.keypoints))
    optimiser = make_optimiser(config.optim, config.train.steps)
    state = create_state(config, net, optimiser)
    return Run(
        config=config,
        workdir=workdir,
        dataset=dataset,
        mesh=mesh,
        step=jit_train_step(net, optimiser, config, mesh),
        net=net,
        state=jax.device_put(state, replicated(mesh)),
        recent=Checkpoints(workdir / "checkpoints", config.train.keep),
        best=Checkpoints(workdir / "best", 1),
        best_metric=choose_metric(
            config.train.best,
            metric_names(dataset.skeleton, dataset.split("validation")),
        ),
    )


def choose_metric(wanted: str, names: list[str]) -> str:
    """What the best checkpoint is chosen by; raises InputError for an unknown name."""
    if wanted not in ("first", *names):
        raise InputError(
            f"config: train.best is {wanted!r}; expected first, or one of "
            f"{', '.join(names)}, which these labels allow"
        )
    return names[0] if wanted == "first" else wanted


def _resume(run: Run) -> int:
    """Put the newest checkpoint's arrays in place; returns the step it is from."""
    shapes = jax.eval_shape(lambda: state_trees(run.state))
    found = run.recent.load_newest(with_sharding(shapes, replicated(run.mesh)))
    if found is None:
        return 0
    step, trees, progress = found
    run.best_score = float(progress["best_score"])
    run.best_step = int(progress.get("best_step", step))
    count = jax.device_put(np.int32(step), replicated(run.mesh))
    run.state = dataclasses.replace(run.state, step=count, **trees)
    console.print(f"{run.workdir}: going on from step {step}")
    return step


def _loop(run: Run, begun: int, writer: Writer, bar: Bar) -> Answers:
    settings = run.config.train
    rate = make_schedule(run.config.optim, settings.steps)
    batches = training_batches(
        run.dataset,
        run.config,
        start=begun,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
    )
    answers: Answers | None = None
    unread: tuple[int, Metrics] | None = None
    clock = _Clock(settings.batch_size)
    for count in range(begun + 1, settings.steps + 1):
        batch = put_batch(clock.wait_for(batches), run.mesh)
        run.state, metrics = run.step(run.state, batch)
        # Reading the step before, not this one, never leaves the device idle.
        if unread is not None:
            _check_finite(*unread)
        unread = count, metrics
        due = count % settings.evaluate_every == 0 or count == settings.steps
        if due or count % settings.log_every == 0 or count == begun + 1:
            loss = _check_finite(count, metrics)
            values = {name: float(value) for name, value in metrics.items()}
            values["learning_rate"] = float(rate(count - 1))
            writer.scalars(count, values | clock.read())
            bar.advance(0, f"loss {loss:.5f}")
        if due:
            answers = _evaluate(run)
            _report(run, count, answers, writer)
            _save(run, count, answers)
            clock.read()
        bar.advance()
        if run.stale(count):
            console.print(
                f"step {count}: no better score since step {run.best_step}; "
                "stopped (train.patience)"
            )
            break
    assert answers is not None  # the last step is always due
    return answers


class _Clock:
    """Images a second, and the part of the time spent waiting for data."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._began = time.perf_counter()
        self._waited, self._steps = 0.0, 0

    def wait_for(self, batches: Iterator[Batch]) -> Batch:
        """The next batch."""
        asked = time.perf_counter()
        batch = next(batches)
        self._waited += time.perf_counter() - asked
        self._steps += 1
        return batch

    def read(self) -> dict[str, float]:
        """Rates since the last reading; starts anew."""
        now = time.perf_counter()
        passed = now - self._began
        images = self._steps * self._batch_size
        rates = {
            "images_per_second": images / passed,
            "data_wait": self._waited / passed,
        }
        self._began, self._waited, self._steps = now, 0.0, 0
        return rates


def _check_finite(step: int, metrics: Metrics) -> float:
    loss = float(metrics["loss"])
    if not math.isfinite(loss):
        raise NotFiniteError(
            f"step {step}: the loss is {loss}; the last checkpoint is kept. Start "
            "again in a new workdir with a lower --optim.learning-rate, or with "
            "--optim.clip-norm 1"
        )
    return loss


def _evaluate(run: Run) -> Answers:
    """Score the validation split, which is never augmented."""
    batches = _validation(run, run.config.train.batch_size)
    return collect(partial(_predict, run), batches, run.dataset.skeleton)


def _predict(run: Run, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    keypoints, scores = find_keypoints(
        run.state.evaluated,
        images,
        net=run.net,
        mean=run.config.model.mean,
        partners=run.dataset.skeleton.flip,
        flip=False,
        decoder=run.config.target.decoder,
        sigma_hm=run.config.target.sigma_hm,
    )
    return np.asarray(keypoints), np.asarray(scores)


def _validation(run: Run, batch_size: int) -> Iterator[Batch]:
    return evaluation_batches(
        run.dataset.split("validation"),
        run.dataset.skeleton,
        run.config.data.input_size,
        batch_size,
    )


def _report(run: Run, step: int, answers: Answers, writer: Writer) -> None:
    """Score and pictures, to the files and to the terminal."""
    means = _means(answers)
    empty = answers.peak < EMPTY_PEAK
    writer.scalars(step, {**means, "peak": answers.peak, "empty": empty})
    score = "  ".join(f"{name} {value:.2f}" for name, value in means.items())
    console.print(f"step {step}: validation {score}  peak {answers.peak:.3f}")
    if empty:
        console.print(
            f"warning: step {step}: the heatmaps are empty (mean peak "
            f"{answers.peak:.4f}): the network says nothing. Early on this passes; "
            "if it stays, lower --optim.learning-rate or raise --target.sigma-hm"
        )
    batch = next(_validation(run, PEOPLE_SHOWN))
    keypoints, scores = _predict(run, batch["image"])
    sheet = draw_sheet(batch, keypoints, scores, run.dataset.skeleton)
    save_picture(run.workdir / "pictures" / f"step_{step:07d}.png", sheet)
    writer.picture(step, "validation", sheet)


def _means(answers: Answers) -> dict[str, float]:
    """The mean over joints of every metric that the labels allow."""
    rows = answers.summary().items()
    return {name: row["Mean"] for name, row in rows if name.startswith("PCK")}


def _save(run: Run, step: int, answers: Answers) -> None:
    """The newest state, and the variables alone if they score best."""
    score = _means(answers)[run.best_metric]
    better = score > run.best_score
    if better:
        run.best_score, run.best_step = score, step
    progress: dict[str, int | float | str] = {
        "step": step,
        "seed": run.config.seed,
        "score": score,
        "best_score": run.best_score,
        "best_step": run.best_step,
    }
    if better:
        run.best.save(step, {"variables": run.state.evaluated}, progress)
    run.recent.save(step, state_trees(run.state), progress)

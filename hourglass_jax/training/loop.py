"""The loop: next batch, step; now and then evaluate, show pictures, save."""

import dataclasses
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jax

from hourglass_jax.config import Config
from hourglass_jax.data.datasets import open_dataset
from hourglass_jax.data.pipeline import Batch, training_batches
from hourglass_jax.drawing import save_picture
from hourglass_jax.evaluation import Answers
from hourglass_jax.progress import Bar, console
from hourglass_jax.training.optim import make_schedule
from hourglass_jax.training.preemption import PreemptedError, Preemption
from hourglass_jax.training.processes import is_first, on_first, require_same
from hourglass_jax.training.run import Run, prepare, resume
from hourglass_jax.training.sharding import make_mesh, put_batch
from hourglass_jax.training.step import Metrics
from hourglass_jax.training.timing import Clock
from hourglass_jax.training.tracing import Steps, Trace
from hourglass_jax.training.validation import (
    draw_answers,
    evaluate,
    evaluated_variables,
    means,
)
from hourglass_jax.training.workdir import claim, describe, require_shared
from hourglass_jax.training.writer import Writer

# Peaks of a network that learnt something are well above this; empty maps are below.
EMPTY_PEAK = 0.02


class NotFiniteError(RuntimeError):
    """The loss, or what the network answers, became infinite or not a number."""


class _AskedToEndError(Exception):
    """Ends the loop between two steps, or within an evaluation."""


def train(config: Config, workdir: Path, profile: Steps | None = None) -> Answers:
    """Train, or go on where the workdir's newest checkpoint ends.

    On one machine the result does not depend on how often the run was cut off. Where
    there are several processes (`processes.joined`), all of them call this.

    Args:
      config: the experiment.
      workdir: the run's folder; all processes must see the same one.
      profile: steps to trace, into ``workdir/profile``.

    Returns:
      The answers of the last step for the validation people.

    Raises:
      InputError: data or workdir cannot be used.
      NotFiniteError: the loss is not finite; checkpoints stay as they are.
      PreemptedError: SIGTERM or SIGINT came; the steps done are saved.
      SaveError: a checkpoint could not be written; the one before stays.
    """
    mesh = make_mesh(config)
    dataset = open_dataset(config.data, config.augment.reach)
    require_same(describe(config, dataset))
    on_first(partial(claim, workdir, config, dataset.skeleton))
    require_shared(workdir)
    if is_first():
        devices = mesh.devices.flatten()
        console.print(f"{workdir}: {len(devices)} x {devices[0].device_kind}")
    run = prepare(config, workdir, dataset, mesh)
    resume(run)
    steps = config.train.steps
    if not run.unscored and (run.done >= steps or run.stale):
        why = "" if run.done >= steps else " (train.patience)"
        console.print(f"{workdir}: already at step {run.done}; nothing to train{why}")
        return evaluate(run, evaluated_variables(run))
    if profile is not None:
        profile.check(run.done, steps)
    with (
        Writer(workdir, run.done, active=is_first()) as writer,
        Bar("train", steps, unit="steps", start=run.done) as bar,
        Trace(workdir / "profile", profile if is_first() else None) as trace,
        Preemption() as preemption,
    ):
        return _Loop(run, writer, bar, trace, preemption).go()


@dataclasses.dataclass
class _Loop:
    """One call of `train`: steps, and all that is done between them."""

    run: Run
    writer: Writer
    bar: Bar
    trace: Trace
    preemption: Preemption
    unread: tuple[int, Metrics] | None = None

    def __post_init__(self) -> None:
        config = self.run.config
        self.clock = Clock(config.train.batch_size)
        self.rate = make_schedule(config.optim, config.train.steps)

    def go(self) -> Answers:
        try:
            return self._go()
        except _AskedToEndError:
            self._read_last()
            if self.run.saved < self.run.done:
                self.run.save()
        by = self.preemption.by
        assert by is not None
        raise PreemptedError(
            f"{self.run.workdir}: ended by {by.name} after step {self.run.done}, "
            "which is saved; the same command goes on from there",
            by,
        )

    def _go(self) -> Answers:
        run, settings = self.run, self.run.config.train
        answers = self._score() if run.unscored else None
        batches = training_batches(
            run.dataset,
            run.config,
            start=run.done,
            process_index=jax.process_index(),
            process_count=jax.process_count(),
        )
        begun = run.done
        while run.done < settings.steps and not run.stale:
            metrics = self._step(batches, first=run.done == begun)
            logged = run.done % settings.log_every == 0 or run.done == begun + 1
            if run.due or logged:
                self._log(metrics)
            self._end_if_asked()
            if run.due:
                answers = self._score()
            self.bar.advance()
        if run.stale:
            console.print(
                f"step {run.done}: no better score since step {run.best_step}; "
                "stopped (train.patience)"
            )
        assert answers is not None  # the last step is always due
        return answers

    def _step(self, batches: Iterator[Batch], *, first: bool) -> Metrics:
        run = self.run
        number = run.done + 1
        self.trace.before(number)
        with jax.profiler.StepTraceAnnotation("train", step_num=number):
            with self.clock.part("data"):
                local = next(batches)
            with self.clock.part("compile" if first else "step"):
                batch = put_batch(local, run.mesh)
                run.state, metrics = run.step(run.state, batch)
            with self.clock.part("step"):
                # Reading the step before, not this one, never leaves the device idle.
                self._read_last()
        run.done, self.unread = number, (number, metrics)
        self.trace.after(number, metrics)
        if first:
            self.preemption.listen()
        return metrics

    def _read_last(self) -> None:
        if self.unread is not None:
            _check_finite(*self.unread)

    def _end_if_asked(self) -> None:
        if self.preemption.asked():
            raise _AskedToEndError

    def _log(self, metrics: Metrics) -> None:
        step = self.run.done
        with self.clock.part("step"):
            loss = _check_finite(step, metrics)
        with self.clock.part("log"):
            values = {name: float(value) for name, value in metrics.items()}
            values["learning_rate"] = float(self.rate(step - 1))
            self.writer.scalars(step, values | self.clock.read())
            self.bar.advance(0, f"loss {loss:.5f}")

    def _score(self) -> Answers:
        """Evaluate, show, and save."""
        run = self.run
        with self.clock.part("evaluate"):
            variables = evaluated_variables(run)
            answers = evaluate(run, variables, between=self._end_if_asked)
            sheet = draw_answers(run, variables)
        if not math.isfinite(answers.peak):
            raise _not_finite(run.done, "what the network answers", answers.peak)
        run.scored = run.done
        scores = means(answers)
        seconds = {"evaluate_seconds": self.clock.take("evaluate")}
        self._report(scores, answers.peak, seconds)
        if is_first():
            path = run.workdir / "pictures" / f"step_{run.done:07d}.png"
            save_picture(path, sheet)
            self.writer.picture(run.done, "validation", sheet)
        with self.clock.part("save"):
            # Of joints that nobody has labelled there is no score.
            run.keep_if_best(scores.get(run.best_metric, 0.0), variables)
            run.save()
        return answers

    def _report(
        self, scores: dict[str, float], peak: float, seconds: dict[str, float]
    ) -> None:
        """The score, to the files and to the terminal."""
        step, empty = self.run.done, peak < EMPTY_PEAK
        self.writer.scalars(step, {**scores, "peak": peak, "empty": empty, **seconds})
        score = "  ".join(f"{name} {value:.2f}" for name, value in scores.items())
        console.print(f"step {step}: validation {score}  peak {peak:.3f}")
        if empty:
            console.print(
                f"warning: step {step}: the heatmaps are empty (mean peak {peak:.4f}): "
                "the network says nothing. Early on this passes; if it stays, lower "
                "--optim.learning-rate or raise --target.sigma-hm"
            )


def _check_finite(step: int, metrics: Metrics) -> float:
    # The loss is of the parameters before the step, the gradient is in those after it.
    for name, what in (("loss", "the loss"), ("gradient_norm", "the gradient")):
        if not math.isfinite(metrics[name]):
            raise _not_finite(step, what, float(metrics[name]))
    return float(metrics["loss"])


def _not_finite(step: int, what: str, value: float) -> NotFiniteError:
    return NotFiniteError(
        f"step {step}: {what} is {value}; checkpoints stay as they are. Start again in "
        "a new workdir with a lower --optim.learning-rate, or with --optim.clip-norm 1"
    )

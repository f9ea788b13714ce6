"""A run: what the loop works with, where it begins, and how it is kept."""

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float

from hourglass_jax.compile_options import compiler_options
from hourglass_jax.config import Config
from hourglass_jax.data.records import Dataset
from hourglass_jax.errors import InputError
from hourglass_jax.evaluation import metric_names
from hourglass_jax.inference import find_keypoints
from hourglass_jax.models.hourglass import StackedHourglass
from hourglass_jax.models.onednn import use_onednn
from hourglass_jax.progress import console
from hourglass_jax.skeleton import Skeleton
from hourglass_jax.training.checkpoints import (
    Checkpoints,
    Progress,
    state_trees,
    with_sharding,
)
from hourglass_jax.training.initial import begin_with
from hourglass_jax.training.optim import make_optimiser
from hourglass_jax.training.sharding import replicated
from hourglass_jax.training.state import (
    TrainState,
    Variables,
    create_state,
    make_network,
)
from hourglass_jax.training.step import Step, jit_train_step

Predict = Callable[
    [Variables, Array], tuple[Float[Array, "b k 2"], Float[Array, "b k"]]
]
"""Variables, uint8 crops [b h w 3] -> keypoints in crop pixels, scores."""


@dataclasses.dataclass
class Run:
    """What the loop works with, and how far it has come.

    Attributes:
      state: the state after ``done`` steps.
      done: steps taken.
      scored: the last step that was evaluated.
      saved: the step of the newest checkpoint.
      best_score: the best score so far, of ``best_metric``, in step ``best_step``.
    """

    config: Config
    workdir: Path
    dataset: Dataset
    mesh: Mesh
    step: Step
    predict: Predict
    net: StackedHourglass
    state: TrainState
    recent: Checkpoints
    best: Checkpoints
    best_metric: str
    done: int = 0
    scored: int = 0
    saved: int = 0
    best_score: float = -math.inf
    best_step: int = 0

    @property
    def due(self) -> bool:
        """Whether the step just done is one to evaluate."""
        settings = self.config.train
        return self.done % settings.evaluate_every == 0 or self.done == settings.steps

    @property
    def unscored(self) -> bool:
        """Whether an evaluation is still to be done before the next step."""
        return self.due and self.scored < self.done

    @property
    def stale(self) -> bool:
        """Whether so many evaluations were no better that it is time to stop."""
        settings = self.config.train
        waited = self.scored - self.best_step
        return 0 < settings.patience <= waited // settings.evaluate_every

    def save(self) -> None:
        """Write a checkpoint of the state."""
        self.recent.save(self.done, state_trees(self.state), self._progress())
        self.saved = self.done

    def keep_if_best(self, score: float, variables: Variables) -> None:
        """Write the variables that were evaluated, if none scored as high."""
        if score > self.best_score:
            self.best_score, self.best_step = score, self.done
            self.best.save(self.done, {"variables": variables}, self._progress())

    def _progress(self) -> Progress:
        return {
            "step": self.done,
            "seed": self.config.seed,
            "scored": self.scored,
            "best_score": self.best_score,
            "best_step": self.best_step,
            "data_parts": self.mesh.shape["data"],
        }


def prepare(config: Config, workdir: Path, dataset: Dataset, mesh: Mesh) -> Run:
    """A run before its first step.

    Raises:
      InputError: there is nobody to validate on, or no metric of the name given.
    """
    if "validation" not in dataset.splits:
        raise InputError(
            f"{dataset.name}: nobody to validate on, only {', '.join(dataset.splits)}; "
            "where photographs are drawn for that, raise --data.validation-share; or "
            "learn from it beside another data set (data.also), the first of which "
            "validates"
        )
    net = make_network(config, len(dataset.skeleton.keypoints))
    optimiser = make_optimiser(config.optim, config.train.steps)
    return Run(
        config=config,
        workdir=workdir,
        dataset=dataset,
        mesh=mesh,
        step=jit_train_step(net, optimiser, config, mesh),
        predict=jit_predict(net, config, dataset.skeleton, mesh),
        net=net,
        state=_everywhere(create_state(config, net, optimiser), mesh),
        recent=Checkpoints(workdir / "checkpoints", config.train.keep),
        best=Checkpoints(workdir / "best", 1),
        best_metric=choose_metric(
            config.train.best,
            metric_names(dataset.skeleton, dataset.split("validation")),
        ),
    )


def jit_predict(
    net: StackedHourglass, config: Config, skeleton: Skeleton, mesh: Mesh
) -> Predict:
    """`find_keypoints` for crops that are split over a mesh; all devices get all."""
    predict = partial(
        find_keypoints,
        net=use_onednn(net, [each.platform for each in mesh.devices.flat]),
        mean=config.model.mean,
        partners=skeleton.flip,
        flip=False,
        decoder=config.target.decoder,
        sigma_hm=config.target.sigma_hm,
    )
    return jax.jit(
        predict,
        out_shardings=replicated(mesh),
        compiler_options=compiler_options(mesh.devices.flat[0].platform),
    )


def choose_metric(wanted: str, names: list[str]) -> str:
    """What the best checkpoint is chosen by; raises InputError for an unknown name."""
    if wanted not in ("first", *names):
        raise InputError(
            f"config: train.best is {wanted!r}; expected first, or one of "
            f"{', '.join(names)}, which these labels allow"
        )
    return names[0] if wanted == "first" else wanted


def resume(run: Run) -> None:
    """Put the newest whole checkpoint's arrays in place, or those to begin with.

    Raises:
      InputError: `train.init_from` names no model of the same network.
    """
    shapes = jax.eval_shape(lambda: state_trees(run.state))
    abstract = with_sharding(shapes, replicated(run.mesh))
    found = run.recent.load_newest(abstract, or_begin=True)
    if found is None:
        _begin(run)
        return
    step, trees, progress = found
    run.done = run.saved = step
    run.scored = int(progress.get("scored", step))
    run.best_score = float(progress["best_score"])
    run.best_step = int(progress.get("best_step", step))
    count = _everywhere(np.int32(step), run.mesh)
    run.state = dataclasses.replace(run.state, step=count, **trees)
    console.print(f"{run.workdir}: going on from step {step}")
    _say_other_parts(run, int(progress.get("data_parts", run.mesh.shape["data"])))


def _begin(run: Run) -> None:
    """Put the parameters of `train.init_from` in place, if there is one."""
    config, drawn = run.config, run.state.variables
    if not config.train.init_from:
        return
    learnt = begin_with(
        config.train.init_from, drawn, config.model, run.dataset.skeleton
    )
    # The step gives its state's memory away, so no two parts may share it.
    variables = _everywhere(learnt, run.mesh)
    ema = _everywhere(learnt, run.mesh) if config.optim.ema else None
    run.state = dataclasses.replace(run.state, variables=variables, ema=ema)


def _say_other_parts(run: Run, before: int) -> None:
    now = run.mesh.shape["data"]
    if now == before:
        return
    per_shard = run.config.train.statistics == "per_shard"
    consequence = (
        "BatchNorm normalises other parts than before (train.statistics)"
        if per_shard
        else "sums are taken in another order, so the last digits differ"
    )
    console.print(
        f"{run.workdir}: batches were split into {before} parts, and now into {now}: "
        f"{consequence}"
    )


def _everywhere(tree: Any, mesh: Mesh) -> Any:
    """Put arrays that every process has alike on all devices, without exchange."""

    def put(leaf: Any) -> jax.Array:
        array = np.asarray(leaf)
        return jax.make_array_from_callback(
            array.shape, replicated(mesh), lambda index: array[index]
        )

    return jax.tree.map(put, tree)

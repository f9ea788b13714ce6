"""One training step: a pure function of state and batch, then the same under jit."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from hourglass_jax.compile_options import compiler_options
from hourglass_jax.config import Config
from hourglass_jax.heatmaps import make_targets
from hourglass_jax.losses import heatmap_loss
from hourglass_jax.models.hourglass import STRIDE, StackedHourglass, normalise
from hourglass_jax.models.onednn import use_onednn
from hourglass_jax.training.gradients import Batch, Learn, Lesson, in_parts, per_shard
from hourglass_jax.training.sharding import replicated, split_batch
from hourglass_jax.training.state import TrainState, Variables

Metrics = dict[str, jax.Array]
Step = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]


def loss_of(
    params: Any,
    statistics: Variables,
    batch: Batch,
    net: StackedHourglass,
    config: Config,
) -> tuple[jax.Array, tuple[jax.Array, Variables, jax.Array]]:
    """The loss; beside it each stack's share, the new statistics, and the weight.

    Args:
      params: the network's parameters.
      statistics: its other collections, ``{"batch_stats": ...}`` or none.
      batch: ``image`` uint8 [b h w 3], ``keypoints_crop`` [b k 2], ``visibility``.
      net: the network.
      config: the mean that is subtracted, and the target policies.
    """
    stacks, updated = net.apply(
        {"params": params, **statistics},
        normalise(batch["image"], config.model.mean),
        train=True,
        mutable=["batch_stats"],
    )
    targets, weights = make_targets(
        batch["keypoints_crop"],
        batch["visibility"],
        stacks.shape[2:4],
        STRIDE,
        config.target,
    )
    forgive = config.target.sigma_hm if config.target.loss == "forgiving" else None
    losses = heatmap_loss(stacks, targets, weights, forgive)
    return jnp.sum(losses), (losses, dict(updated), jnp.sum(weights))


def learn_at_once(
    variables: Variables, batch: Batch, *, net: StackedHourglass, config: Config
) -> Lesson:
    """Loss and gradients of a batch taken at once."""
    statistics = dict(variables)
    params = statistics.pop("params")
    gradient = jax.value_and_grad(loss_of, has_aux=True)
    (loss, (losses, statistics, weight)), gradients = gradient(
        params, statistics, batch, net, config
    )
    return Lesson(gradients, loss, losses, statistics, weight)


def make_learn(net: StackedHourglass, config: Config, mesh: Mesh) -> Learn:
    """`learn_at_once` as the config wants it: in parts, and with whose statistics."""
    settings = config.train
    chosen: Learn = partial(learn_at_once, net=net, config=config)
    if settings.accumulate > 1:
        on_cpu = mesh.devices.flat[0].platform == "cpu"
        chosen = in_parts(chosen, settings.accumulate, unroll=on_cpu)
    if settings.statistics == "per_shard":
        chosen = per_shard(chosen, mesh)
    return chosen


def train_step(
    state: TrainState,
    batch: Batch,
    *,
    learn: Learn,
    optimiser: optax.GradientTransformation,
    ema: float,
) -> tuple[TrainState, Metrics]:
    """Gradient, update, average: the next state, and what to log."""
    lesson = learn(state.variables, batch)
    params = state.variables["params"]
    updates, opt_state = optimiser.update(lesson.gradients, state.opt_state, params)
    params = optax.apply_updates(params, updates)
    variables = state.variables | {"params": params} | lesson.statistics
    metrics = {f"loss_stack{i + 1}": each for i, each in enumerate(lesson.losses)}
    metrics |= {"loss": lesson.loss, "gradient_norm": optax.tree.norm(lesson.gradients)}
    new = TrainState(
        step=state.step + 1,
        variables=variables,
        opt_state=opt_state,
        ema=_average(state.ema, variables, state.step, ema),
    )
    return new, metrics


def _average(
    ema: Variables | None, variables: Variables, step: jax.Array, decay: float
) -> Variables | None:
    """Exponential moving average whose decay warms up, as the start is random."""
    if ema is None:
        return None
    decay_now = jnp.minimum(decay, (1.0 + step) / (10.0 + step))
    return jax.tree.map(
        lambda old, new: decay_now * old + (1 - decay_now) * new, ema, variables
    )


def jit_train_step(
    net: StackedHourglass,
    optimiser: optax.GradientTransformation,
    config: Config,
    mesh: Mesh,
) -> Step:
    """`train_step` compiled for a mesh: batch split, state replicated and donated."""
    net = use_onednn(net, [each.platform for each in mesh.devices.flat])
    step = partial(
        train_step,
        learn=make_learn(net, config, mesh),
        optimiser=optimiser,
        ema=config.optim.ema,
    )
    return jax.jit(
        step,
        in_shardings=(replicated(mesh), split_batch(mesh)),
        out_shardings=replicated(mesh),
        donate_argnums=0,
        compiler_options=compiler_options(mesh.devices.flat[0].platform),
    )

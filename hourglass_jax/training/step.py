"""One training step: a pure function of state and batch, then the same under jit."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from hourglass_jax.config import Config
from hourglass_jax.heatmaps import make_targets
from hourglass_jax.losses import heatmap_loss
from hourglass_jax.models.hourglass import STRIDE, StackedHourglass, normalise
from hourglass_jax.training.sharding import replicated, split_batch
from hourglass_jax.training.state import TrainState, Variables

Batch = dict[str, jax.Array]
Metrics = dict[str, jax.Array]
Step = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]


def loss_of(
    params: Any, batch_stats: Any, batch: Batch, net: StackedHourglass, config: Config
) -> tuple[jax.Array, tuple[Any, jax.Array]]:
    """The loss, with the new BatchNorm statistics and each stack's share beside it.

    Args:
      params: the network's parameters.
      batch_stats: its running statistics.
      batch: ``image`` uint8 [b h w 3], ``keypoints_crop`` [b k 2], ``visibility``.
      net: the network.
      config: the mean that is subtracted, and the target policies.
    """
    stacks, updates = net.apply(
        {"params": params, "batch_stats": batch_stats},
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
    losses = heatmap_loss(stacks, targets, weights)
    return jnp.sum(losses), (updates["batch_stats"], losses)


def train_step(
    state: TrainState,
    batch: Batch,
    *,
    net: StackedHourglass,
    optimiser: optax.GradientTransformation,
    config: Config,
) -> tuple[TrainState, Metrics]:
    """Gradient, update, average: the next state, and what to log."""
    gradient = jax.value_and_grad(loss_of, has_aux=True)
    variables = state.variables
    (loss, (batch_stats, losses)), grads = gradient(
        variables["params"], variables["batch_stats"], batch, net, config
    )
    updates, opt_state = optimiser.update(grads, state.opt_state, variables["params"])
    params = optax.apply_updates(variables["params"], updates)
    variables = {"params": params, "batch_stats": batch_stats}
    metrics = {f"loss_stack{i + 1}": each for i, each in enumerate(losses)}
    metrics |= {"loss": loss, "gradient_norm": optax.tree.norm(grads)}
    new = TrainState(
        step=state.step + 1,
        variables=variables,
        opt_state=opt_state,
        ema=_average(state.ema, variables, state.step, config.optim.ema),
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

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        return train_step(state, batch, net=net, optimiser=optimiser, config=config)

    return jax.jit(
        step,
        in_shardings=(replicated(mesh), split_batch(mesh)),
        out_shardings=replicated(mesh),
        donate_argnums=0,
    )

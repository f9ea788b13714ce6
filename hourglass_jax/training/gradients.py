"""Gradients of a batch that is learnt from in parts: in turn, or on several devices.

A loss is a mean over the heatmaps that count, and the parts of a batch have different
numbers of these. Weighted by them, the mean of the parts is that of the whole batch.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float

from hourglass_jax.training.state import Variables

Batch = dict[str, jax.Array]


class Lesson(NamedTuple):
    """What a batch teaches.

    Attributes:
      gradients: of the loss, by the parameters.
      loss: of all stacks together.
      losses: of every stack.
      statistics: the collections beside the parameters as they are after the batch,
        such as ``{"batch_stats": ...}``; empty for a network without any.
      weight: how many heatmaps counted.
    """

    gradients: Any
    loss: Float[Array, ""]
    losses: Float[Array, " s"]
    statistics: Variables
    weight: Float[Array, ""]


Learn = Callable[[Variables, Batch], Lesson]


def in_parts(learn: Learn, count: int, *, unroll: bool) -> Learn:
    """Learn from ``count`` parts of a batch in turn, in the memory of one of them.

    Every part starts from the same statistics, and the new ones are averaged: running
    averages move once a step, however many parts it has.

    Args:
      learn: what to do with a part.
      count: a divisor of the batch, or of every device's share of it.
      unroll: write the parts out; products inside a loop are slow on CPU.
    """

    def run(variables: Variables, batch: Batch) -> Lesson:
        parts = jax.tree.map(lambda array: _deal(array, count), batch)

        def add(total: Any, part: Batch) -> tuple[Any, None]:
            return jax.tree.map(jnp.add, total, _sums(learn(variables, part))), None

        first = jax.tree.map(lambda array: array[0], parts)
        shapes = jax.eval_shape(lambda: _sums(learn(variables, first)))
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
        total, _ = lax.scan(add, zeros, parts, unroll=unroll)
        return _mean(total, count)

    return run


def per_shard(learn: Learn, mesh: Mesh) -> Learn:
    """Learn from each device's rows apart; exchange nothing until the very end.

    Gradients, losses and statistics then travel as one vector, in one all-reduce.
    """

    def run(variables: Variables, batch: Batch) -> Lesson:
        # Parameters and statistics are float32, whatever the network computes in.
        vector, restore = ravel_pytree(_sums(learn(variables, batch)))
        return _mean(restore(lax.psum(vector, "data")), mesh.shape["data"])

    return on_each_shard(run, mesh, PartitionSpec())


def on_each_shard(
    run: Callable[[Variables, Batch], Any], mesh: Mesh, result: PartitionSpec
) -> Callable[[Variables, Batch], Any]:
    """Call ``run`` on each device's rows of a batch; ``space`` is left to XLA."""
    return jax.shard_map(
        run,
        mesh=mesh,
        in_specs=(PartitionSpec(), PartitionSpec("data")),
        out_specs=result,
        axis_names={"data"},
        # Otherwise each parameter's gradient would be summed by itself.
        check_vma=False,
    )


def _deal(array: Array, count: int) -> Array:
    # Row n goes to part n % count: each device cuts its own rows, and none move.
    return array.reshape(-1, count, *array.shape[1:]).swapaxes(0, 1)


def _sums(lesson: Lesson) -> tuple[Any, Variables, Array]:
    """What adds up over parts: means as sums, statistics, and the weight."""
    means = lesson.gradients, lesson.loss, lesson.losses
    share = jnp.maximum(lesson.weight, 1.0)  # as in `heatmap_loss`
    return jax.tree.map(lambda x: x * share, means), lesson.statistics, lesson.weight


def _mean(total: tuple[Any, Variables, Array], count: int) -> Lesson:
    """Undo `_sums` after ``count`` parts were added."""
    sums, statistics, weight = total
    share = jnp.maximum(weight, 1.0)
    gradients, loss, losses = jax.tree.map(lambda x: x / share, sums)
    statistics = jax.tree.map(lambda x: x / count, statistics)
    return Lesson(gradients, loss, losses, statistics, weight)

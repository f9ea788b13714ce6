"""What training minimises."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def heatmap_loss(
    heatmaps: Float[Array, "s b h w k"],
    targets: Float[Array, "b h w k"],
    weights: Float[Array, "b k"],
) -> Float[Array, " s"]:
    """Mean squared error of every stack, over the heatmaps that count.

    The sum over stacks is what is minimised: supervision at every stack, with the
    same targets (Newell et al. 2016, section 3.3).

    Args:
      heatmaps: what each stack says.
      targets: the heatmaps to learn.
      weights: how much each heatmap counts; with none at all the loss is 0.
    """
    squares = jnp.square(heatmaps - targets[None])
    each = jnp.mean(squares, axis=(2, 3))
    total = jnp.sum(each * weights[None], axis=(1, 2))
    return total / jnp.maximum(jnp.sum(weights), 1.0)

"""What training minimises."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float


def heatmap_loss(
    heatmaps: Float[Array, "s b h w k"],
    targets: Float[Array, "b h w k"],
    weights: Float[Array, "b k"],
    forgive: float | None = None,
) -> Float[Array, " s"]:
    """Mean squared error of every stack, over the heatmaps that count.

    The sum over stacks is what is minimised: supervision at every stack, with the
    same targets (Newell et al. 2016, section 3.3).

    With ``forgive``, a heatmap's error e counts as ``e / (1 + e / c)`` with c the mean
    square of a peak: at first nearly as itself, at most as c (Geman and McClure 1987).
    An empty answer errs by c, a peak far from the label's by 2c, and its gradient is a
    ninth of what it was: labels that all the others contradict are not insisted on.

    Args:
      heatmaps: what each stack says.
      targets: the heatmaps to learn.
      weights: how much each heatmap counts; with none at all the loss is 0.
      forgive: standard deviation of the targets' peaks, in cells; None forgives
        nothing.
    """
    squares = jnp.square(heatmaps - targets[None])
    each = jnp.mean(squares, axis=(2, 3))
    if forgive is not None:
        # The integral of a squared Gaussian of height 1, over the cells.
        peak = math.pi * forgive**2 / math.prod(targets.shape[1:3])
        each = each / (1 + each / peak)
    total = jnp.sum(each * weights[None], axis=(1, 2))
    return total / jnp.maximum(jnp.sum(weights), 1.0)

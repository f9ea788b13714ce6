"""Networks: images in, heatmaps of every stack out. Needs jax, flax, jaxtyping only."""

from hourglass_jax.models.hourglass import (
    STRIDE,
    Hourglass,
    Residual,
    Stack,
    StackedHourglass,
    init,
    normalise,
)

__all__ = [
    "STRIDE",
    "Hourglass",
    "Residual",
    "Stack",
    "StackedHourglass",
    "init",
    "normalise",
]

"""What a network is built of, chosen once by its options and handed down."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Literal

import flax.linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from hourglass_jax.models import layers

Maps = Float[Array, "b h w c"]
Features = Float[Array, "b h w f"]
Heatmaps = Float[Array, "b h w k"]
Level = Float[Array, "b _ _ _"]  # maps of any size
ModuleFactory = Callable[..., nn.Module]


class Residuals(nn.Module):
    """`count` residual blocks in a row (the authors' nModules)."""

    count: int
    block: ModuleFactory

    @nn.compact
    def __call__(self, x: Maps) -> Features:
        """Return maps of the block's width."""
        for i in range(self.count):
            x = self.block(name=f"block{i + 1}")(x)
        return x


@dataclasses.dataclass(frozen=True)
class Parts:
    """The layers of a network.

    Attributes:
        features: channels between the stem and the heatmaps.
        blocks: residual blocks in a row at every place.
        conv: makes a convolution, `conv(channels, size=3, padding=1, name="conv1")`;
            with `idle_bias=False` where no normalisation follows.
        norm: makes a normalisation, `norm(name="norm1")`, or with a ReLU behind it,
            `norm(name="norm1", relu=True)`.
        block: makes a residual block, `block(channels, name="residual1")`.
        pool: halves h and w.
    """

    features: int
    blocks: int
    conv: ModuleFactory
    norm: ModuleFactory
    block: ModuleFactory
    pool: Callable[[Array], Array]

    def residuals(self, name: str) -> Residuals:
        """A row of `blocks` residual blocks of `features` channels."""
        return Residuals(self.blocks, partial(self.block, self.features), name=name)


def choose_parts(
    *,
    features: int,
    blocks: int,
    block: ModuleFactory,
    norm: Literal["batch", "group"],
    dtype: DTypeLike,
    train: bool,
    idle_bias: bool = False,
    onednn: bool = False,
    pool: Callable[[Array], Array] = layers.max_pool,
) -> Parts:
    """The layers that options name; `train` is for normalisation by the batch."""
    conv = partial(layers.Conv, idle_bias=idle_bias, dtype=dtype, onednn=onednn)
    normalise: ModuleFactory = partial(layers.GroupNorm, dtype=dtype)
    if norm == "batch":
        normalise = partial(layers.BatchNorm, train=train, dtype=dtype)
    made = partial(block, conv=conv, norm=normalise)
    return Parts(features, blocks, conv, normalise, made, pool)

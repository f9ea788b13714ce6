"""Stem and trunk alone, for heads of one's own."""

from typing import Literal

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from hourglass_jax.models.hourglass import Hourglass, Residual, Stem, check_size
from hourglass_jax.models.parts import Level, choose_parts
from hourglass_jax.models.trunks import find_trunk


class FeaturePyramid(nn.Module):
    """An image's features at 1/4 of its size, 1/8, ...: P2, P3, ... of a trunk.

    Names are those of `StackedHourglass`: with its `stem`, and the trunk of one of its
    stacks, as parameters it returns that network's features.

    Attributes:
        features: channels of every level of `fpn` and `hourglass`, and of the finest
            of the other trunks.
        levels: how many to return, 1 to `depth` + 1.
        trunk: "hourglass", or one of `hourglass_jax.models.trunks`.
        depth, blocks, stem, stem_width, norm, dtype: those of `StackedHourglass`.
    """

    features: int = 256
    levels: int = 4
    trunk: str = "fpn"
    depth: int = 4
    blocks: int = 1
    stem: Literal["original", "bearpaw"] = "original"
    stem_width: int = 64
    norm: Literal["batch", "group"] = "batch"
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(
        self, images: Float[Array, "b h w 3"], train: bool
    ) -> tuple[Level, ...]:
        """Return `levels` arrays [b h/4 w/4 c], [b h/8 w/8 c], ..., the finest first.

        h and w: multiples of 4 * 2^depth. `train` is that of `StackedHourglass`.

        Raises:
            ValueError: h or w is no multiple, or there are no such levels or trunk.
        """
        check_size(images, self.depth)
        if not 1 <= self.levels <= self.depth + 1:
            raise ValueError(
                f"levels: {self.levels}; expected 1 to {self.depth + 1} (depth + 1)"
            )
        parts = choose_parts(
            features=self.features,
            blocks=self.blocks,
            block=Residual,
            norm=self.norm,
            dtype=self.dtype,
            train=train,
        )
        x = Stem(self.stem_width, self.stem, parts, name="stem")(
            images.astype(self.dtype)
        )
        trunk = Hourglass if self.trunk == "hourglass" else find_trunk(self.trunk)
        pyramid = trunk(self.depth, parts, name=self.trunk).pyramid(x, self.levels)
        return pyramid[: self.levels]

"""Supervision inside an hourglass (paper, section 4.3: HG-Int)."""

import flax.linen as nn
from jaxtyping import Array, Float

from hourglass_jax.models import layers
from hourglass_jax.models.parts import Maps, Parts

LEVELS = 2  # "the two highest resolutions before the output"


class InsideHeatmaps(nn.Module):
    """Heatmaps of a lower level, each cell repeated up to the output's resolution."""

    keypoints: int
    doublings: int
    parts: Parts

    @nn.compact
    def __call__(self, x: Maps) -> Float[Array, "b hh ww k"]:
        """Return heatmaps whose h and w are 2^doublings times those of `x`."""
        y = self.parts.norm(name="norm", relu=True)(x)
        y = self.parts.conv(self.keypoints, idle_bias=False, name="heatmaps")(y)
        for _ in range(self.doublings):
            y = layers.upsample(y)
        return y

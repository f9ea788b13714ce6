"""U-Net (Ronneberger, Fischer, Brox 2015, arXiv:1505.04597)."""

import flax.linen as nn
import jax.numpy as jnp

from hourglass_jax.models import layers
from hourglass_jax.models.parts import Features, Level, Maps, ModuleFactory
from hourglass_jax.models.trunks import Trunk, cells, hourglass_cost, matched_width


class ConvPair(nn.Module):
    """Twice a 3x3 convolution, normalisation and ReLU."""

    width: int
    conv: ModuleFactory
    norm: ModuleFactory

    @nn.compact
    def __call__(self, x: Maps) -> Features:
        """Return maps of `width` channels, none negative."""
        for i in (1, 2):
            x = self.conv(self.width, size=3, padding=1, name=f"conv{i}")(x)
            x = self.norm(name=f"norm{i}", relu=True)(x)
        return x


class UNet(Trunk):
    """The hourglass's path with concatenation in place of addition.

    Pairs of 3x3 convolutions of one width at all levels, as wide as makes the whole
    cost what an hourglass costs; a 1x1 leads to that width and one back to `features`.
    """

    @nn.compact
    def pyramid(self, x: Maps, levels: int = 1) -> tuple[Level, ...]:
        """Return the features, then what the lower levels of the way up hold."""
        conv, norm, width = self.parts.conv, self.parts.norm, self._width()
        maps = norm(name="input_norm", relu=True)(conv(width, name="input")(x))
        down = [ConvPair(width, conv, norm, name="down0")(maps)]
        for level in range(1, self.depth + 1):
            low = self.parts.pool(down[-1])
            down.append(ConvPair(width, conv, norm, name=f"down{level}")(low))
        up = [down.pop()]
        for level, skip in reversed(list(enumerate(down))):
            both = jnp.concatenate([skip, layers.upsample(up[0])], axis=-1)
            up.insert(0, ConvPair(width, conv, norm, name=f"up{level}")(both))
        return conv(self.parts.features, name="output")(up[0]), *up[1:]

    def _width(self) -> int:
        # 3x3 pairs: w to w to w on the way down, 2w to w to w on the way up.
        square = 18 * cells(self.depth) + 27 * cells(self.depth - 1)
        cost = hourglass_cost(self.depth, self.parts)
        return matched_width(self.parts, cost, square, linear=2 * self.parts.features)


TRUNK = UNet

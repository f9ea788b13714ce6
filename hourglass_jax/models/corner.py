"""hourglass-52 and Hourglass-104, the networks of CornerNet, CenterNet and mmpose.

Law and Deng 2018, arXiv:1808.01244, section 3.4. Basic blocks with the activation after
the sum, strides in place of pools, more channels at lower levels, and no heatmaps in
what the next stack sees. No convolution before a normalisation has a bias.
"""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from hourglass_jax.models import layers
from hourglass_jax.models.parts import Features, Maps, ModuleFactory, Parts


class BasicBlock(nn.Module):
    """Two 3x3, the first with the stride; ReLU after the sum with the input."""

    features: int
    conv: ModuleFactory
    norm: ModuleFactory
    stride: int = 1

    @nn.compact
    def __call__(self, x: Maps) -> Float[Array, "b hh ww f"]:
        """Return maps of `features` channels; a skip of another shape is projected."""
        f, stride = self.features, self.stride
        y = self.conv(f, 3, stride, 1, use_bias=False, name="conv1")(x)
        y = self.norm(name="norm1", relu=True)(y)
        y = self.conv(f, 3, 1, 1, use_bias=False, name="conv2")(y)
        y = self.norm(name="norm2")(y)
        if stride > 1 or x.shape[-1] != f:
            x = self.conv(f, 1, stride, use_bias=False, name="skip")(x)
            x = self.norm(name="skip_norm")(x)
        return nn.relu(x + y)


class Row(nn.Module):
    """Basic blocks of the given widths; the first one strides."""

    widths: tuple[int, ...]
    block: ModuleFactory
    stride: int = 1

    @nn.compact
    def __call__(self, x: Maps) -> Float[Array, "b hh ww f"]:
        """Return maps of the last width."""
        for i, width in enumerate(self.widths):
            stride = self.stride if i == 0 else 1
            x = self.block(width, stride=stride, name=f"block{i + 1}")(x)
        return x


def level_widths(features: int, depth: int) -> tuple[int, ...]:
    """Channels of the levels 0 to `depth`: 256, 256, 384, 384, 384, 512 of 256."""
    halves = (2, 2, 3, 3, 3, 4)
    return tuple(features * halves[min(i, 5)] // 2 for i in range(depth + 1))


class CornerHourglass(nn.Module):
    """The hourglass's recursion; the way up narrows in the last block of a row."""

    widths: tuple[int, ...]
    parts: Parts

    @nn.compact
    def __call__(self, x: Maps) -> Features:
        """Return maps of the input's h and w and of the first width."""
        here, below = self.widths[:2]
        count, block = self.parts.blocks, self.parts.block
        skip = Row((here,) * count, block, name="skip")(x)
        low = Row((below,) * count, block, stride=2, name="down")(x)
        if len(self.widths) > 2:
            low = CornerHourglass(self.widths[1:], self.parts, name="inner")(low)
        else:
            low = Row((below,) * 2 * count, block, name="inner")(low)
        low = Row((*(below,) * (count - 1), here), block, name="up")(low)
        return skip + layers.upsample(low)


class CornerStack(nn.Module):
    """An hourglass, its heatmaps, and its features merged into the next one's input.

    `hidden`, CenterNet's, adds a 3x3 and a ReLU before the heatmaps.
    """

    keypoints: int
    depth: int
    parts: Parts
    hidden: bool
    merge: bool = True

    @nn.compact
    def __call__(self, x: Maps) -> tuple[Maps, Float[Array, "m b h w k"]]:
        """Return the next stack's input (`x` itself without merge) and heatmaps."""
        conv, norm, f = self.parts.conv, self.parts.norm, self.parts.features
        widths = level_widths(f, self.depth)
        y = CornerHourglass(widths, self.parts, name="hourglass")(x)
        y = conv(f, size=3, padding=1, use_bias=False, name="features")(y)
        y = norm(name="features_norm", relu=True)(y)
        seen = y
        if self.hidden:
            seen = nn.relu(conv(f, size=3, padding=1, name="heatmaps_hidden")(y))
        heatmaps = conv(self.keypoints, name="heatmaps")(seen)
        if self.merge:
            x = conv(f, use_bias=False, name="merge_input")(x)
            y = conv(f, use_bias=False, name="merge_features")(y)
            x = norm(name="merge_input_norm")(x) + norm(name="merge_features_norm")(y)
            x = self.parts.block(f, name="merge_block")(nn.relu(x))
        return x, heatmaps.astype(jnp.float32)[None]


class CornerStem(nn.Module):
    """Image to maps at a quarter of its size: a 7x7 and a basic block, both strided."""

    width: int
    parts: Parts

    @nn.compact
    def __call__(self, images: Maps) -> Float[Array, "b h//4 w//4 f"]:
        """Return maps of `features` channels."""
        x = self.parts.conv(self.width, 7, 2, 3, use_bias=False, name="conv")(images)
        x = self.parts.norm(name="norm", relu=True)(x)
        return self.parts.block(self.parts.features, stride=2, name="block1")(x)

"""Stacked hourglass networks (Newell, Yang, Deng 2016, arXiv:1603.06937).

The names given to submodules are the checkpoint format: do not change them.
"""

from functools import partial
from typing import Any, Literal, get_args

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, UInt8

from hourglass_jax.models import inside, layers
from hourglass_jax.models.corner import BasicBlock, CornerStack, CornerStem
from hourglass_jax.models.fan import ParallelResidual
from hourglass_jax.models.parts import (
    Features,
    Level,
    Maps,
    ModuleFactory,
    Parts,
    choose_parts,
)
from hourglass_jax.models.repeat import repeat_stack
from hourglass_jax.models.trunks import Trunk, find_trunk
from hourglass_jax.models.variables import Variables, draw_variables

STRIDE = 4  # input pixels a heatmap cell spans: the stem halves the image twice


class Residual(nn.Module):
    """Pre-activation bottleneck: 1x1 to half the width, 3x3, 1x1, plus the input."""

    features: int
    conv: ModuleFactory
    norm: ModuleFactory

    @nn.compact
    def __call__(self, x: Maps) -> Features:
        """Return maps of `features` channels; the skip is 1x1 only to change width."""
        half = self.features // 2
        y = self.norm(name="norm1", relu=True)(x)
        y = self.conv(half, name="conv1")(y)
        y = self.norm(name="norm2", relu=True)(y)
        y = self.conv(half, size=3, padding=1, name="conv2")(y)
        y = self.norm(name="norm3", relu=True)(y)
        if x.shape[-1] != self.features:
            x = self.conv(self.features, name="skip")(x)
        return self.conv(self.features, name="conv3")(y, add=x)


class Hourglass(Trunk):
    """Bottom-up to h / 2^depth and back, a skip at every resolution (paper, 3.1)."""

    @nn.compact
    def pyramid(self, x: Maps, levels: int = 1) -> tuple[Level, ...]:
        """Return the features, then what the lower levels of the way up hold."""
        residuals, pool = self.parts.residuals, self.parts.pool
        skip = residuals("skip")(x)
        low = residuals("down")(pool(x))
        if self.depth > 1:
            lower = Hourglass(self.depth - 1, self.parts, name="inner").pyramid(low)
        else:
            lower = (residuals("inner")(low),)
        low = residuals("up")(lower[0])
        return skip + layers.upsample(low), *lower


class Stack(nn.Module):
    """An hourglass, its heatmaps, and both merged into the next stack's input.

    `trunk` names what takes the hourglass's place; `inside` counts its lower levels
    that have heatmaps of their own.
    """

    keypoints: int
    depth: int
    parts: Parts
    trunk: str = "hourglass"
    inside: int = 0
    merge: bool = True

    @nn.compact
    def __call__(self, x: Maps) -> tuple[Maps, Float[Array, "m b h w k"]]:
        """Return the next stack's input (`x` itself without merge) and heatmaps.

        The last of the `m` = `inside` + 1 are the stack's own.
        """
        conv, norm, features = self.parts.conv, self.parts.norm, self.parts.features
        trunk = Hourglass if self.trunk == "hourglass" else find_trunk(self.trunk)
        y, *lower = trunk(self.depth, self.parts, name=self.trunk).pyramid(
            x, levels=self.inside + 1
        )
        every = [
            inside.InsideHeatmaps(self.keypoints, i, self.parts, name=f"inside{i}")(
                lower[i - 1]
            )
            for i in range(self.inside, 0, -1)
        ]
        y = self.parts.residuals("residual")(y)
        y = conv(features, name="features")(y)
        y = norm(name="features_norm", relu=True)(y)
        heatmaps = conv(self.keypoints, idle_bias=False, name="heatmaps")(y)
        if self.merge:
            x = conv(features, name="merge_features")(y, add=x)
            x = conv(features, name="merge_heatmaps")(heatmaps, add=x)
        return x, jnp.stack([*every, heatmaps]).astype(jnp.float32)


class Stem(nn.Module):
    """Image to maps at a quarter of its size.

    `original` widens at the last residual; `bearpaw`, after the port that most
    published PyTorch weights come from, right after the pool.
    """

    width: int
    kind: Literal["original", "bearpaw"]
    parts: Parts

    @nn.compact
    def __call__(self, images: Maps) -> Float[Array, "b h//4 w//4 f"]:
        """Return maps of `features` channels."""
        features, block = self.parts.features, self.parts.block
        x = self.parts.conv(self.width, size=7, stride=2, padding=3, name="conv")(
            images
        )
        x = self.parts.norm(name="norm", relu=True)(x)
        x = block(2 * self.width, name="residual1")(x)
        x = self.parts.pool(x)
        middle = 2 * self.width if self.kind == "original" else features
        x = block(middle, name="residual2")(x)
        return block(features, name="residual3")(x)


BLOCKS: dict[str, type[nn.Module]] = {
    "newell": Residual,
    "fan": ParallelResidual,
    "corner": BasicBlock,
    "centernet": BasicBlock,
}


class StackedHourglass(nn.Module):
    """`stacks` hourglasses end to end, each with heatmaps of its own to supervise.

    Attributes:
        stacks: number of hourglasses; 8 in the paper.
        features: channels of the trunk; 256 in the paper.
        keypoints: number of heatmaps.
        depth: times each hourglass halves its input; 4 in the paper.
        blocks: residuals in a row at every place of a stack (the authors' nModules).
        stem: "original" (Torch7) or "bearpaw"; see `Stem`.
        stem_width: channels of the 7x7 convolution; 64 in the paper.
        variant: whose stem, blocks, head and merge: the paper's ("newell"), FAN's
            (`ParallelResidual`, average pools), those of CornerNet and mmpose
            ("corner", see `hourglass_jax.models.corner`) or of CenterNet.
        trunk: what stands in the hourglass's place, of `hourglass_jax.models.trunks`.
        norm: "batch" or "group" normalisation; the latter keeps no statistics.
        supervise: whose heatmaps are returned, and so have a loss: those of all
            "stacks", of the "last" only, or also those "inside" each hourglass, at the
            two resolutions below the output's, coarser ones first, cells repeated.
        dtype: of the arithmetic; parameters and statistics are always float32.
        scan: compile one stack and loop over it; False writes every stack out. Same
            parameters, same numbers.
        remat: "stack" recomputes each stack in the backward pass: one more forward
            for memory that no longer grows with `stacks` times a stack's activations.
            "residual" recomputes each residual block instead and keeps their inputs.
        onednn: convolutions by oneDNN, in a program for one CPU; set by
            `hourglass_jax.models.onednn.use_onednn` where that serves.
    """

    stacks: int
    features: int
    keypoints: int
    depth: int = 4
    blocks: int = 1
    stem: Literal["original", "bearpaw"] = "original"
    stem_width: int = 64
    variant: Literal["newell", "fan", "corner", "centernet"] = "newell"
    trunk: str = "hourglass"
    norm: Literal["batch", "group"] = "batch"
    supervise: Literal["stacks", "last", "inside"] = "stacks"
    dtype: DTypeLike = jnp.float32
    scan: bool = True
    remat: Literal["none", "stack", "residual"] = "none"
    onednn: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for words that are no option."""
        for name in ("stem", "variant", "norm", "supervise", "remat"):
            choices = get_args(StackedHourglass.__annotations__[name])
            if (given := getattr(self, name)) not in choices:
                expected = ", ".join(choices)
                raise ValueError(f"{name}: {given!r}; expected one of {expected}")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, images: Float[Array, "b h w 3"], train: bool
    ) -> Float[Array, "s b h//4 w//4 k"]:
        """Return heatmaps in float32, h and w a quarter of the image's; the last count.

        One for each stack, in order, unless `supervise` says otherwise. `train`
        normalises by the batch's statistics and updates the running ones (apply with
        `mutable=["batch_stats"]`).

        Raises:
            ValueError: h or w is not a multiple of 4 * 2^depth.
        """
        check_size(images, self.depth)
        stem, stack = self._stem_and_stack(self._parts(train))
        x = stem(name="stem")(images.astype(self.dtype))
        before = []
        if self.stacks > 1:
            remat = self.remat == "stack"
            x, heatmaps = repeat_stack(
                self, stack, self.stacks - 1, x, scan=self.scan, remat=remat
            )
            before.append(heatmaps.reshape(-1, *heatmaps.shape[2:]))
        _, last = stack(merge=False, name="last")(x)
        return last if self.supervise == "last" else jnp.concatenate([*before, last])

    def _stem_and_stack(self, parts: Parts) -> tuple[partial[Any], partial[Any]]:
        if self.variant in ("corner", "centernet"):
            return partial(CornerStem, self.stem_width, parts), partial(
                CornerStack,
                keypoints=self.keypoints,
                depth=self.depth,
                parts=parts,
                hidden=self.variant == "centernet",
            )
        return partial(Stem, self.stem_width, self.stem, parts), partial(
            Stack,
            keypoints=self.keypoints,
            depth=self.depth,
            parts=parts,
            trunk=self.trunk,
            inside=inside.LEVELS if self.supervise == "inside" else 0,
        )

    def _parts(self, train: bool) -> Parts:
        block = BLOCKS[self.variant]
        # A constant that is added to a channel goes through skips, pools and merges as
        # it is, and every way out of them begins with a normalisation.
        normalised = self.norm == "batch" and self.trunk == "hourglass"
        before_activation = self.variant in ("newell", "fan")
        return choose_parts(
            features=self.features,
            blocks=self.blocks,
            block=nn.remat(block) if self.remat == "residual" else block,
            pool=layers.average_pool if self.variant == "fan" else layers.max_pool,
            norm=self.norm,
            dtype=self.dtype,
            train=train,
            idle_bias=train and normalised and before_activation,
            onednn=self.onednn,
        )


def init(net: StackedHourglass, key: Array) -> Variables:
    """Draw the variables of `net`: `{"params": ..., "batch_stats": ...}`, float32.

    The distributions are those of `net.init`, but all numbers come from one draw: a
    second or two where compiling `net.init` for 8 stacks takes minutes. The same key
    gives the same bits.
    """
    return draw_variables(net, key, STRIDE * 2**net.depth)


def normalise(
    images: UInt8[Array, "b h w 3"], mean: tuple[float, float, float]
) -> Float[Array, "b h w 3"]:
    """RGB bytes to what the network takes: [0, 1], minus the mean of each channel."""
    return images.astype(jnp.float32) / 255 - jnp.asarray(mean).reshape(1, 1, 1, 3)


def check_size(images: Array, depth: int) -> None:
    """Raise ValueError where h and w of [b h w 3] are no multiples of 4 * 2^depth."""
    _, height, width, _ = images.shape
    multiple = STRIDE * 2**depth
    if all(n > 0 and n % multiple == 0 for n in (height, width)):
        return
    raise ValueError(
        f"image size: {height}x{width} (h x w); expected multiples of {multiple} "
        f"(4 * 2^depth); nearest legal sizes: {_nearest(height, multiple)} high, "
        f"{_nearest(width, multiple)} wide; resize or pad the images"
    )


def _nearest(extent: int, multiple: int) -> str:
    below = extent // multiple * multiple
    if below == extent > 0:
        return str(extent)
    return " or ".join(str(n) for n in (below, below + multiple) if n > 0)

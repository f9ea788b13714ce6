"""Stacked hourglass networks (Newell, Yang, Deng 2016, arXiv:1603.06937).

The names given to submodules are the checkpoint format: do not change them.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, UInt8

from hourglass_jax.models import layers

STRIDE = 4  # input pixels a heatmap cell spans: the stem halves the image twice

Maps = Float[Array, "b h w c"]
Features = Float[Array, "b h w f"]
Heatmaps = Float[Array, "b h w k"]
Variables = dict[str, Any]
ModuleFactory = Callable[..., nn.Module]


class Residual(nn.Module):
    """Pre-activation bottleneck: 1x1 to half the width, 3x3, 1x1, plus the input."""

    features: int
    conv: ModuleFactory
    norm: ModuleFactory

    @nn.compact
    def __call__(self, x: Maps) -> Features:
        """Return maps of `features` channels; the skip is 1x1 only to change width."""
        half = self.features // 2
        y = nn.relu(self.norm(name="norm1")(x))
        y = self.conv(half, name="conv1")(y)
        y = nn.relu(self.norm(name="norm2")(y))
        y = self.conv(half, size=3, padding=1, name="conv2")(y)
        y = nn.relu(self.norm(name="norm3")(y))
        y = self.conv(self.features, name="conv3")(y)
        if x.shape[-1] != self.features:
            x = self.conv(self.features, name="skip")(x)
        return x + y


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


class Hourglass(nn.Module):
    """Bottom-up to h / 2^depth and back, a skip at every resolution (paper, 3.1)."""

    depth: int
    residuals: ModuleFactory

    @nn.compact
    def __call__(self, x: Maps) -> Features:
        """Return maps of the input's h and w, which 2^depth must divide."""
        skip = self.residuals(name="skip")(x)
        low = self.residuals(name="down")(layers.max_pool(x))
        if self.depth > 1:
            low = Hourglass(self.depth - 1, self.residuals, name="inner")(low)
        else:
            low = self.residuals(name="inner")(low)
        low = self.residuals(name="up")(low)
        return skip + layers.upsample(low)


class Stack(nn.Module):
    """An hourglass, its heatmaps, and both merged into the next stack's input."""

    features: int
    keypoints: int
    depth: int
    conv: ModuleFactory
    norm: ModuleFactory
    residuals: ModuleFactory
    merge: bool = True

    @nn.compact
    def __call__(self, x: Maps) -> tuple[Maps, Heatmaps]:
        """Return the next stack's input (`x` itself without merge) and heatmaps."""
        y = Hourglass(self.depth, self.residuals, name="hourglass")(x)
        y = self.residuals(name="residual")(y)
        y = self.conv(self.features, name="features")(y)
        y = nn.relu(self.norm(name="features_norm")(y))
        heatmaps = self.conv(self.keypoints, name="heatmaps")(y)
        if self.merge:
            x = x + self.conv(self.features, name="merge_features")(y)
            x = x + self.conv(self.features, name="merge_heatmaps")(heatmaps)
        return x, heatmaps.astype(jnp.float32)


class Stem(nn.Module):
    """Image to maps at a quarter of its size.

    `original` widens at the last residual; `bearpaw`, after the port that most
    published PyTorch weights come from, right after the pool.
    """

    features: int
    width: int
    kind: Literal["original", "bearpaw"]
    conv: ModuleFactory
    norm: ModuleFactory
    block: ModuleFactory

    @nn.compact
    def __call__(self, images: Maps) -> Float[Array, "b h//4 w//4 f"]:
        """Return maps of `features` channels."""
        x = self.conv(self.width, size=7, stride=2, padding=3, name="conv")(images)
        x = nn.relu(self.norm(name="norm")(x))
        x = self.block(2 * self.width, name="residual1")(x)
        x = layers.max_pool(x)
        middle = 2 * self.width if self.kind == "original" else self.features
        x = self.block(middle, name="residual2")(x)
        return self.block(self.features, name="residual3")(x)


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
        dtype: of the arithmetic; parameters and statistics are always float32.
        scan: compile one stack and loop over it; False writes every stack out. Same
            parameters, same numbers.
        remat: "stack" recomputes each stack in the backward pass: one more forward
            for memory that no longer grows with `stacks` times a stack's activations.
    """

    stacks: int
    features: int
    keypoints: int
    depth: int = 4
    blocks: int = 1
    stem: Literal["original", "bearpaw"] = "original"
    stem_width: int = 64
    dtype: DTypeLike = jnp.float32
    scan: bool = True
    remat: Literal["none", "stack"] = "none"

    @nn.compact
    def __call__(
        self, images: Float[Array, "b h w 3"], train: bool
    ) -> Float[Array, "s b h//4 w//4 k"]:
        """Return every stack's heatmaps in float32, h and w a quarter of the image's.

        `train` normalises by the batch's statistics and updates the running ones
        (apply with `mutable=["batch_stats"]`).

        Raises:
            ValueError: h or w is not a multiple of 4 * 2^depth.
        """
        _, height, width, _ = images.shape
        _check_size(height, width, STRIDE * 2**self.depth)
        conv = partial(layers.Conv, dtype=self.dtype)
        norm = partial(layers.BatchNorm, train=train, dtype=self.dtype)
        block = partial(Residual, conv=conv, norm=norm)
        residuals = partial(Residuals, self.blocks, partial(block, self.features))
        stack = partial(
            Stack,
            features=self.features,
            keypoints=self.keypoints,
            depth=self.depth,
            conv=conv,
            norm=norm,
            residuals=residuals,
        )
        x = Stem(
            self.features, self.stem_width, self.stem, conv, norm, block, name="stem"
        )(images.astype(self.dtype))
        if self.stacks == 1:
            return stack(merge=False, name="last")(x)[1][None]
        x, heatmaps = self._merging_stacks(stack, x)
        _, last = stack(merge=False, name="last")(x)
        return jnp.concatenate([heatmaps, last[None]])

    def _merging_stacks(
        self, stack: partial[Stack], x: Maps
    ) -> tuple[Maps, Float[Array, "s b h w k"]]:
        """Run all stacks but the last; their variables share a leading axis."""
        # On CPU products inside a while loop are far slower.
        unroll = jax.default_backend() == "cpu"
        inlined = unroll or not self.scan
        cell = nn.remat(Stack, prevent_cse=inlined) if self.remat == "stack" else Stack
        if not self.scan and not self.is_initializing():
            return self._loop(cell(**stack.keywords, parent=None), x)
        stacks = nn.scan(
            cell,
            variable_axes={"params": 0, "batch_stats": 0},
            split_rngs={"params": True},
            length=self.stacks - 1,
            unroll=unroll,
        )
        return stacks(**stack.keywords, name="stacks")(x)

    def _loop(self, stack: Stack, x: Maps) -> tuple[Maps, Float[Array, "s b h w k"]]:
        """Do what the scan does, on its variables, one stack after another."""
        collections = ("params", "batch_stats")
        every: Variables = {c: self.get_variable(c, "stacks") for c in collections}
        mutable = [c for c in every if self.is_mutable_collection(c)]
        heatmaps, updates = [], []
        for i in range(self.stacks - 1):
            own = jax.tree.map(lambda leaf, i=i: leaf[i], every)
            (x, maps), update = stack.apply(own, x, mutable=mutable)
            heatmaps.append(maps)
            updates.append(update)
        for name, value in jax.tree.map(lambda *a: jnp.stack(a), *updates).items():
            self.put_variable(name, "stacks", value)
        return x, jnp.stack(heatmaps)


def init(net: StackedHourglass, key: Array) -> Variables:
    """Draw the variables of `net`: `{"params": ..., "batch_stats": ...}`, float32.

    The distributions are those of `net.init`, but all numbers come from one draw: a
    second or two where compiling `net.init` for 8 stacks takes minutes. The same key
    gives the same bits.
    """
    side = STRIDE * 2**net.depth
    images = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
    shapes = jax.eval_shape(partial(net.init, train=False), key, images)
    leaves = flax.traverse_util.flatten_dict(shapes)
    count = sum(leaf.size for leaf in leaves.values())
    numbers = jax.device_get(jax.random.uniform(key, (count,), minval=-1, maxval=1))
    constants = {"scale": 1, "bias": 0, "mean": 0, "var": 1}
    for path, leaf in leaves.items():
        kernel = leaves.get((*path[:-1], "kernel"))
        if kernel is None:
            leaves[path] = jnp.full(leaf.shape, constants[path[-1]], leaf.dtype)
        else:
            drawn, numbers = numbers[: leaf.size], numbers[leaf.size :]
            bound = math.prod(kernel.shape[-4:-1]) ** -0.5
            leaves[path] = jnp.asarray(bound * drawn.reshape(leaf.shape))
    return flax.traverse_util.unflatten_dict(leaves)


def normalise(
    images: UInt8[Array, "b h w 3"], mean: tuple[float, float, float]
) -> Float[Array, "b h w 3"]:
    """RGB bytes to what the network takes: [0, 1], minus the mean of each channel."""
    return images.astype(jnp.float32) / 255 - jnp.asarray(mean).reshape(1, 1, 1, 3)


def _check_size(height: int, width: int, multiple: int) -> None:
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

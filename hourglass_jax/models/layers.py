"""What networks are made of: convolution, normalisation, pooling, upsampling."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array

from hourglass_jax.models.batch_norm import affine, batch_norm
from hourglass_jax.models.convolution import conv
from hourglass_jax.models.onednn_convolution import conv_by_onednn
from hourglass_jax.models.rearranging import Maps, Result, keep_where


class Conv(nn.Module):
    """Square convolution; weights drawn as Torch draws them.

    Kernel and bias are uniform in +-1/sqrt(fan_in), the default of Torch7 and PyTorch.
    `padding` zeros go on every side: "SAME" would shift a strided 7x7 by one pixel.
    `idle_bias`: normalisation by the batch follows and takes constants out again, so
    the bias has no gradient. What it would have is rounding, which Adam and RMSprop
    blow up to full steps, and a sum over the whole map. `onednn`: see
    `hourglass_jax.models.onednn`.
    """

    features: int
    size: int = 1
    stride: int = 1
    padding: int = 0
    use_bias: bool = True
    idle_bias: bool = False
    dtype: DTypeLike = jnp.float32
    onednn: bool = False

    @nn.compact
    def __call__(
        self, x: Maps, *, add: Result | None = None, relu: bool = False
    ) -> Result:
        """Convolve, plus `add`; parameters are float32, all else is `dtype`.

        `relu`, which needs `onednn`, is for inference, where one follows (`fuse_relu`).
        """
        shape = (self.size, self.size, x.shape[-1], self.features)
        fan_in = self.size**2 * x.shape[-1]
        kernel = self.param("kernel", uniform, shape, fan_in)
        x, kernel = x.astype(self.dtype), kernel.astype(self.dtype)
        bias = None
        if self.use_bias:
            bias = self.param("bias", uniform, (self.features,), fan_in)
            bias = lax.stop_gradient(bias) if self.idle_bias else bias
        if self.onednn:
            window = self.stride, self.padding
            return conv_by_onednn(x, kernel, bias, add, *window, relu)
        y = conv(x, kernel, self.stride, self.padding)
        if bias is not None:
            # In float32; so is its gradient, a sum over all pixels.
            y = y.astype(jnp.float32) + bias.reshape(1, 1, 1, -1)
            y = y.astype(self.dtype)
        return y if add is None else add + y


def uniform(key: Array, shape: tuple[int, ...], fan_in: int) -> Array:
    """Draw as Torch does, in +-1/sqrt(fan_in)."""
    bound = fan_in**-0.5
    return jax.random.uniform(key, shape, jnp.float32, -bound, bound)


class BatchNorm(nn.Module):
    """Batch normalisation over b, h and w, with Torch's bookkeeping.

    Statistics are float32 whatever `dtype` is. The batch is normalised by its biased
    variance while the running one is unbiased, as in Torch. Under `jit` with a sharded
    batch the statistics are those of the whole batch. Without variables it does nothing
    (`hourglass_jax.models.folding`). `relu`: a ReLU follows.
    """

    train: bool
    relu: bool = False
    momentum: float = 0.9
    epsilon: float = 1e-5
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        """Normalise each channel; in training also update the running statistics."""
        if self.is_folded():
            return nn.relu(x) if self.relu else x
        channels = x.shape[-1:]
        scale = self.param("scale", nn.initializers.ones, channels, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, channels, jnp.float32)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, channels)
        running_var = self.variable("batch_stats", "var", jnp.ones, channels)
        if not self.train:
            factor = scale * lax.rsqrt(running_var.value + self.epsilon)
            offset = bias - running_mean.value * factor
            y = affine(x, factor, offset).astype(self.dtype)
            return nn.relu(y) if self.relu else y
        if x.size == x.shape[-1]:
            raise ValueError(
                f"BatchNorm: maps of shape {x.shape} have one value a channel, which "
                "has no variance; expected a larger batch or picture, or GroupNorm"
            )
        x = x.astype(self.dtype)
        y, mean, var = batch_norm(x, scale, bias, self.epsilon, self.relu)
        if not self.is_initializing():
            count = x.size // x.shape[-1]
            unbiased = var * (count / (count - 1))
            running_mean.value = self._blend(running_mean.value, mean)
            running_var.value = self._blend(running_var.value, unbiased)
        return y

    def is_folded(self) -> bool:
        """Whether the convolution before it does its work."""
        known = self.has_variable("params", "scale") or self.has_variable(
            "batch_stats", "mean"
        )
        return not (self.train or self.is_initializing() or known)

    def _blend(self, running: Array, batch: Array) -> Array:
        return self.momentum * running + (1 - self.momentum) * batch


GROUP = 16  # channels normalised together (Wu and He 2018, arXiv:1803.08494, table 3)


class GroupNorm(nn.Module):
    """Normalise groups of channels over h and w of each image: no running statistics.

    A width that 16 does not divide has smaller groups, of the largest common divisor.
    `relu`: a ReLU follows.
    """

    relu: bool = False
    epsilon: float = 1e-5
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        """Normalise; the moments are float32 whatever `dtype` is."""
        b, h, w, c = x.shape
        scale = self.param("scale", nn.initializers.ones, (c,), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (c,), jnp.float32)
        groups = x.astype(jnp.float32).reshape(b, h, w, -1, math.gcd(c, GROUP))
        axes = (1, 2, 4)
        mean = jnp.mean(groups, axes, keepdims=True)
        var = jnp.mean(jnp.square(groups - mean), axes, keepdims=True)
        y = ((groups - mean) * lax.rsqrt(var + self.epsilon)).reshape(x.shape)
        y = y * scale.reshape(1, 1, 1, -1) + bias.reshape(1, 1, 1, -1)
        y = y.astype(self.dtype)
        return nn.relu(y) if self.relu else y


@jax.custom_vjp
def max_pool(x: Maps) -> Result:
    """Halve h and w, keeping the largest of each 2x2 block; ties share the gradient.

    A maximum of strided slices, with a gradient of our own: that of XLA's window
    reduction is several times slower on CPU (benchmarks/layers.py).
    """
    corners = _corners(x)
    top, bottom = jnp.maximum(*corners[:2]), jnp.maximum(*corners[2:])
    return jnp.maximum(top, bottom)


def _max_pool_forward(x: Maps) -> tuple[Result, tuple[Maps, Result]]:
    y = max_pool(x)
    return y, (x, y)


def _max_pool_backward(saved: tuple[Maps, Result], grad: Result) -> tuple[Maps]:
    x, y = saved
    count = sum((corner == y).astype(grad.dtype) for corner in _corners(x))
    share = upsample(grad / count)
    # As bits: XLA for CPU would write the gradient in float32 first.
    return (keep_where(share, x == upsample(y)),)


max_pool.defvjp(_max_pool_forward, _max_pool_backward)


def average_pool(x: Maps) -> Result:
    """Halve h and w, keeping the mean of each 2x2 block."""
    corners = _corners(x)
    return (corners[0] + corners[1] + corners[2] + corners[3]) / 4


def _corners(x: Maps) -> list[Array]:
    """The four cells of every 2x2 block, each as maps of half the size."""
    # x[:, ::2] would be a gather where the batch's size is a symbol, as in an export.
    return [
        lax.slice(x, (0, i, j, 0), x.shape, (1, 2, 2, 1))
        for i in (0, 1)
        for j in (0, 1)
    ]


@jax.custom_vjp
def upsample(x: Maps) -> Result:
    """Double h and w by repeating every cell in a 2x2 block.

    Its gradient is the sum of each block: on CPU of strided slices, since XLA's
    reduction is slower there, most of all in bfloat16.
    """
    b, h, w, c = x.shape
    cells = jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c))
    return cells.reshape(b, 2 * h, 2 * w, c)


def _upsample_forward(x: Maps) -> tuple[Result, None]:
    return upsample(x), None


def _upsample_backward(_: None, grad: Result) -> tuple[Maps]:
    found = lax.platform_dependent(grad, cpu=_sum_corners, default=_sum_blocks)
    return (found.astype(grad.dtype),)


upsample.defvjp(_upsample_forward, _upsample_backward)


def _sum_corners(x: Maps) -> Result:
    a, b, c, d = (corner.astype(jnp.float32) for corner in _corners(x))
    return (a + b) + (c + d)


def _sum_blocks(x: Maps) -> Result:
    b, h, w, c = x.shape
    blocks = x.reshape(b, h // 2, 2, w // 2, 2, c)
    return jnp.sum(blocks, axis=(2, 4), dtype=jnp.float32)

"""Normalisation by a batch's own moments, with a gradient of its own.

That of plain autodiff is the same but for rounding, yet slower on CPU, where XLA writes
float32 copies of most bfloat16 maps for it, and keeps some.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from hourglass_jax.models.rearranging import Maps, apart, keep_where

Channels = Float[Array, " c"]
AXES = (0, 1, 2)


@partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def batch_norm(
    x: Maps, scale: Channels, bias: Channels, epsilon: float, relu: bool
) -> tuple[Maps, Channels, Channels]:
    """Normalise each channel over b, h and w, multiply, add; with `relu`, a ReLU.

    All is computed in float32, whatever `x` is; the variance as mean of squares less
    square of mean, in one pass, so that it is exact to some 1e-7 of the latter alone.

    Returns:
      The maps, as `x` is; mean and biased variance, through which no gradient flows.
    """
    return _forward(x, scale, bias, epsilon, relu)[0]


def affine(x: Maps, factor: Channels, offset: Channels) -> Maps:
    """`x * factor + offset` in float32."""
    factor, offset = (a.reshape(1, 1, 1, -1) for a in (factor, offset))
    return x.astype(jnp.float32) * factor + offset


def _forward(
    x: Maps, scale: Channels, bias: Channels, epsilon: float, relu: bool
) -> tuple[tuple[Maps, Channels, Channels], tuple[Any, ...]]:
    x = apart(x)
    first = apart(x)
    second = apart(first)
    mean = jnp.mean(first.astype(jnp.float32), AXES)
    mean_of_squares = jnp.mean(jnp.square(second.astype(jnp.float32)), AXES)
    var = jnp.maximum(mean_of_squares - jnp.square(mean), 0)
    deviation = lax.rsqrt(var + epsilon)
    factor = scale * deviation
    y = affine(x, factor, bias - mean * factor)
    # Not `maximum`: XLA for CPU would compute a map that ends so anew for every reader.
    y = (jnp.where(y < 0, 0, y) if relu else y).astype(x.dtype)
    return (y, mean, var), (x, scale, mean, deviation, y if relu else None)


def _backward(
    epsilon: float, relu: bool, saved: tuple[Any, ...], grads: tuple[Maps, Any, Any]
) -> tuple[Maps, Channels, Channels]:
    x, scale, mean, deviation, y = saved
    grad = grads[0]
    if relu:
        grad = keep_where(grad, y > 0)
    first = apart(grad)
    beside, second = apart((x, first))
    of_bias = jnp.sum(first.astype(jnp.float32), AXES)
    products = second.astype(jnp.float32) * beside.astype(jnp.float32)
    of_scale = (jnp.sum(products, AXES) - mean * of_bias) * deviation
    # With n = (x - mean) * deviation the gradient of x is
    # factor * (grad - of_bias / count - n * of_scale / count).
    count = x.size // x.shape[-1]
    factor = scale * deviation
    slope = -factor * deviation * of_scale / count
    offset = -factor * of_bias / count - slope * mean
    # In this order: XLA for CPU would compute what ends in `+ offset` anew, too.
    of_x = grad.astype(jnp.float32) * factor.reshape(1, 1, 1, -1)
    of_x = of_x + affine(x, slope, offset)
    return of_x.astype(x.dtype), of_scale, of_bias


batch_norm.defvjp(_forward, _backward)

"""Maps laid out anew, so that convolutions become products of matrices."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Maps = Float[Array, "b h w c"]
Result = Float[Array, "b hh ww o"]  # of another size or width than `Maps`
Kernel = Float[Array, "kh kw c o"]


def fold_stride(
    x: Maps, kernel: Kernel, stride: int, padding: int
) -> tuple[Float[Array, "b hs ws cs"], Float[Array, "cells cells cs o"]]:
    """Turn every `stride` x `stride` block of pixels into channels of one cell."""
    side = kernel.shape[0]
    cells = -(-side // stride)
    ends = []
    for extent in x.shape[1:3]:
        reach = stride * ((extent + 2 * padding - side) // stride + cells)
        ends.append((padding, reach - extent - padding, 0))
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *ends, (0, 0, 0)])
    kernel = jnp.pad(kernel, [(0, cells * stride - side)] * 2 + [(0, 0)] * 2)
    b, h, w, c = x.shape
    x = x.reshape(b, h // stride, stride, w // stride, stride, c)
    x = x.transpose(0, 1, 3, 2, 4, 5).reshape(b, h // stride, w // stride, -1)
    kernel = kernel.reshape(cells, stride, cells, stride, c, -1)
    kernel = kernel.transpose(0, 2, 1, 3, 4, 5)
    return x, kernel.reshape(cells, cells, stride * stride * c, -1)


def shift(x: Maps, axis: int, by: int, extent: int) -> Result:
    """Move maps `by` cells along an axis that then has `extent`; zeros come in."""
    edges = [(0, 0, 0)] * x.ndim
    edges[axis] = by, extent - by - x.shape[axis], 0
    return move(x, lambda bits: lax.pad(bits, jnp.zeros((), bits.dtype), edges))


def pad(x: Maps, height: int, width: int) -> Result:
    """Put zeros around each map; a negative number cuts rows or columns off."""
    edges = [(0, 0, 0), (height, height, 0), (width, width, 0), (0, 0, 0)]
    return move(x, lambda bits: lax.pad(bits, jnp.zeros((), bits.dtype), edges))


def beside(x: Array, count: int, along: int, axis: int = -1) -> Array:
    """Join `views` of `x` along `axis`, by default as channels."""
    return move(x, lambda bits: jnp.concatenate(views(bits, count, along), axis))


def views(x: Array, count: int, along: int) -> list[Array]:
    """`count` views of `x`, each one cell further `along`."""
    length = x.shape[along] - count + 1
    return [lax.slice_in_dim(x, i, i + length, axis=along) for i in range(count)]


def move(x: Array, how: Callable[..., Array], *where: Array) -> Array:
    """Rearrange bfloat16 as bits: XLA on CPU would make it float32 to move it.

    ``how(x, *where)`` is linear in ``x``, and ``where`` says what goes where, such as a
    mask.
    """
    if x.dtype != jnp.bfloat16:
        return how(x, *where)

    # Bits have no derivative of their own, and it would be 0 without a word.
    @jax.custom_jvp
    def moved(x: Array, *where: Array) -> Array:
        bits = lax.bitcast_convert_type(x, jnp.uint16)
        return lax.bitcast_convert_type(how(bits, *where), x.dtype)

    @moved.defjvp
    def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
        return moved(*primals), how(tangents[0], *primals[1:])

    return moved(x, *where)


def keep_where(x: Array, mask: Array) -> Array:
    """`x` where the mask is true, and 0 elsewhere."""
    return move(x, lambda bits, on: jnp.where(on, bits, jnp.zeros_like(bits)), mask)


def apart(x: Any) -> Any:
    """`x`, on CPU as arrays of their own for those who read them through this call.

    XLA for CPU sums bfloat16 as fast as it can be read, but only where nothing else
    reads the same numbers as float32; else it first writes all of them as float32.
    """
    return lax.platform_dependent(x, cpu=lax.optimization_barrier, default=lambda x: x)


def matmul(x: Array, y: Array) -> Array:
    """Multiply over the last axis of `x`; float32 out, which is what wakes AMX up."""
    return lax.dot_general(
        x, y, (((x.ndim - 1,), (0,)), ((), ())), preferred_element_type=jnp.float32
    )

"""Convolution by oneDNN, with what follows it, and both gradients.

Faster on CPU than all of `models.convolution`, but for programs of one CPU that stay in
the process alone: see `models.onednn`.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from hourglass_jax.models import onednn
from hourglass_jax.models.rearranging import (
    Kernel,
    Maps,
    Result,
    apart,
    beside,
    fold_stride,
    matmul,
    move,
    pad,
    shift,
)

Bias = Float[Array, " o"]
FEW = 256  # cells of a batch, up to which a 1x1 by XLA is faster than a call of oneDNN
NARROW = 32  # maps of fewer channels are joined first: a product would read for nothing


# Inlined, so that the program is as without `jit`: but equal calls are traced once.
@partial(jax.jit, static_argnums=(4, 5, 6), inline=True)
def conv_by_onednn(
    x: Maps,
    kernel: Kernel,
    bias: Bias | None,
    add: Result | None = None,
    stride: int = 1,
    padding: int = 0,
    relu: bool = False,
) -> Result:
    """`conv`, plus bias and `add`, then ReLU; only where `models.onednn` serves.

    The bias is float32, `add` as `x`.
    """
    return _conv_by_onednn(x, kernel, bias, add, stride, padding, relu)


@partial(jax.custom_vjp, nondiff_argnums=(4, 5, 6))
def _conv_by_onednn(
    x: Maps,
    kernel: Kernel,
    bias: Bias | None,
    add: Result | None,
    stride: int,
    padding: int,
    relu: bool,
) -> Result:
    cells = x.size // x.shape[-1]
    if kernel.shape[:2] != (1, 1) or stride > 1 or padding > 0 or cells > FEW:
        return onednn.convolve(x, kernel, bias, add, stride, padding, relu=relu)
    # A call of oneDNN would take longer than a small product.
    y = matmul(x, kernel[0, 0])
    y = y if bias is None else y + bias.reshape(1, 1, 1, -1)
    y = y if add is None else y + add.astype(jnp.float32)
    return (jax.nn.relu(y) if relu else y).astype(x.dtype)


def _onednn_forward(*given: Any) -> tuple[Result, tuple[Any, ...]]:
    x, kernel, bias, add, _, _, relu = given
    y = _conv_by_onednn(*given)
    # Not what was added, only whether anything was: its gradient is ours.
    return y, (x, kernel, bias, None if add is None else (), y if relu else None)


def _onednn_backward(
    stride: int, padding: int, relu: bool, saved: tuple[Any, ...], grad: Result
) -> tuple[Maps, Kernel, Bias | None, Result | None]:
    x, kernel, bias, added, y = saved
    if relu:
        grad = jnp.where(y > 0, grad, jnp.zeros((), grad.dtype))
    if bias is not None:
        bias = jnp.sum(apart(grad), axis=(0, 1, 2), dtype=jnp.float32)
    add = None if added is None else grad
    if stride == 1:
        return *_pull_by_onednn(x, kernel, padding, grad), bias, add
    fold = partial(fold_stride, stride=stride, padding=padding)
    (x, kernel), unfold = jax.vjp(fold, x, kernel)
    return *unfold(_pull_by_onednn(x, kernel, 0, grad)), bias, add


_conv_by_onednn.defvjp(_onednn_forward, _onednn_backward)


def _pull_by_onednn(
    x: Maps, kernel: Kernel, padding: int, grad: Result
) -> tuple[Maps, Kernel]:
    """Gradients of a convolution of stride 1."""
    side, _, c, o = kernel.shape
    border = side - 1 - padding
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    x_grad = conv_by_onednn(grad, turned, None, None, 1, border)
    # A product for each column of the kernel, with all its rows beside each other.
    columns = [shift(x, 2, padding - j, grad.shape[2]) for j in range(side)]
    if c < NARROW:
        columns = [beside(pad(x, 0, padding), side, along=2)]
    rows = _shift_rows(grad, side, padding, x.shape[1]).reshape(-1, side * o)
    products = [
        onednn.multiply_turned(column.reshape(-1, column.shape[-1]), rows)
        for column in columns
    ]
    found = jnp.stack(products).reshape(side, c, side, o).transpose(2, 0, 1, 3)
    return x_grad, found.astype(kernel.dtype)


def _shift_rows(
    grad: Result, side: int, padding: int, height: int
) -> Float[Array, "b h ww so"]:
    """What every row of the kernel meets, side by side as channels."""
    h, o = grad.shape[1], grad.shape[3]

    def place(bits: Array) -> Array:
        # One pass over the maps; to join them would first copy each. All are 0 but one.
        placed = []
        for i in range(side):
            rows = (i - padding, height - h - i + padding, 0)
            channels = (i * o, (side - 1 - i) * o, 0)
            edges = [(0, 0, 0), rows, (0, 0, 0), channels]
            placed.append(lax.pad(bits, jnp.zeros((), bits.dtype), edges))
        return sum(placed[1:], placed[0])

    return move(grad, place)

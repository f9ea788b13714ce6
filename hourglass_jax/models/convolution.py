"""Convolution as a function, fast on every backend.

On GPU and TPU a convolution is XLA's own. On CPU XLA is slow at the gradients of a
convolution's weights and leaves the matrix unit idle in bfloat16, so there most of the
work is written as matrix products. The two agree within rounding; which one runs is
settled when the program is lowered for its platform, and nothing outside this module
knows. Where a program is for one CPU and stays in the process, `onednn_convolution` is
faster than both.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from hourglass_jax.models.rearranging import (
    Kernel,
    Maps,
    Result,
    beside,
    fold_stride,
    matmul,
    move,
    pad,
    views,
)


# Inlined, so that the program is as without `jit`: but equal calls are traced once.
@partial(jax.jit, static_argnums=(2, 3), inline=True)
def conv(x: Maps, kernel: Kernel, stride: int = 1, padding: int = 0) -> Result:
    """2-D convolution, `padding` zeros on every side; bfloat16 sums in float32."""
    return _conv(x, kernel, stride, padding)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _conv(x: Maps, kernel: Kernel, stride: int, padding: int) -> Result:
    return lax.platform_dependent(
        x,
        kernel,
        cpu=partial(_conv_by_products, stride=stride, padding=padding),
        default=partial(_conv_by_xla, stride=stride, padding=padding),
    )


def _conv_forward(
    x: Maps, kernel: Kernel, stride: int, padding: int
) -> tuple[Result, tuple[Maps, Kernel]]:
    return _conv(x, kernel, stride, padding), (x, kernel)


def _conv_backward(
    stride: int, padding: int, saved: tuple[Maps, Kernel], grad: Result
) -> tuple[Maps, Kernel]:
    def pull_back(
        way: Callable[..., Result], x: Maps, kernel: Kernel, grad: Result
    ) -> tuple[Maps, Kernel]:
        return jax.vjp(partial(way, stride=stride, padding=padding), x, kernel)[1](grad)

    return lax.platform_dependent(
        *saved,
        grad,
        cpu=partial(pull_back, _conv_by_products),
        default=partial(pull_back, _conv_by_xla),
    )


_conv.defvjp(_conv_forward, _conv_backward)


def _conv_by_xla(x: Maps, kernel: Kernel, stride: int, padding: int) -> Result:
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding=[(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def _conv_by_products(x: Maps, kernel: Kernel, stride: int, padding: int) -> Result:
    """Move strides and padding into the arrays; what is left is a dense stride 1."""
    if stride > 1:
        x, kernel = fold_stride(x, kernel, stride, padding)
        padding = 0
    return _dense_conv(x, kernel, padding)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _dense_conv(x: Maps, kernel: Kernel, padding: int) -> Result:
    """Stride-1 convolution with gradients of our own.

    XLA's convolution is good in float32, but for its weight gradient; in bfloat16 only
    a product reaches the matrix unit. There the columns a kernel row covers are laid
    side by side as channels, all kernel rows are multiplied at once, and their results,
    each shifted to its row, are summed: for a 3x3, three copies of the input instead of
    the nine of im2col.
    """
    side, _, c, o = kernel.shape
    if side > 1 and x.dtype == jnp.float32:
        return _conv_by_xla(x, kernel, 1, padding)
    columns = beside(pad(x, padding, padding), side, along=2)
    rows = kernel.reshape(side, side * c, o).swapaxes(0, 1).reshape(side * c, side * o)
    partial_sums = matmul(columns, rows)
    height = partial_sums.shape[1] - side + 1
    total = partial_sums[:, :height, :, :o]
    for i in range(1, side):
        total += partial_sums[:, i : i + height, :, i * o : (i + 1) * o]
    return total.astype(x.dtype)


def _dense_forward(
    x: Maps, kernel: Kernel, padding: int
) -> tuple[Result, tuple[Maps, Kernel]]:
    return _dense_conv(x, kernel, padding), (x, kernel)


def _dense_backward(
    padding: int, saved: tuple[Maps, Kernel], grad: Result
) -> tuple[Maps, Kernel]:
    x, kernel = saved
    side = kernel.shape[0]
    border = side - 1 - padding
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    kernel_grad = _by_columns if x.dtype == jnp.float32 else _by_rows
    found = kernel_grad(pad(x, 0, padding), pad(grad, border, 0), side)
    return _dense_conv(grad, turned, border), found.astype(kernel.dtype)


_dense_conv.defvjp(_dense_forward, _dense_backward)


def _by_columns(x: Maps, grad: Result, side: int) -> Kernel:
    """The kernel's gradient in float32: a product for each column of the kernel."""
    c, o = x.shape[-1], grad.shape[-1]
    rows = beside(grad, side, along=1).reshape(-1, side * o)
    columns = [view.reshape(-1, c) for view in views(x, side, along=2)]
    products = jnp.stack([matmul(column.T, rows) for column in columns])
    return products.reshape(side, c, side, o).transpose(2, 0, 1, 3)[::-1]


def _by_rows(x: Maps, grad: Result, side: int) -> Kernel:
    """The kernel's gradient in bfloat16: a product for each row of the kernel.

    Only rows times columns reach the matrix unit, hence the maps are turned first. As
    a matrix XLA would see that, and turn the product back.
    """
    c, o = x.shape[-1], grad.shape[-1]
    turned = move(x, lambda bits: bits.transpose(3, 0, 1, 2))
    columns = beside(turned, side, along=3, axis=0).reshape(side * c, -1)
    rows = [view.reshape(-1, o) for view in views(grad, side, along=1)]
    products = jnp.stack([matmul(columns, row) for row in rows])
    return products.reshape(side, side, c, o)[::-1]

"""Convolution as a function, fast on every backend.

On GPU and TPU a convolution is XLA's own. On CPU XLA is slow at the gradients of a
convolution's weights and leaves the matrix unit idle in bfloat16, so there most of the
work is written as matrix products. The two agree within rounding; which one runs is
settled when the program is lowered for its platform, and nothing outside this module
knows. Where a program is for one CPU and stays in the process, `conv_by_onednn` is
faster than both.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from hourglass_jax.models import onednn

Maps = Float[Array, "b h w c"]
Result = Float[Array, "b hh ww o"]  # of another size or width than `Maps`
Kernel = Float[Array, "kh kw c o"]
Bias = Float[Array, " o"]
FEW = 256  # cells of a batch, up to which a 1x1 by XLA is faster than a call of oneDNN
NARROW = 32  # maps of fewer channels are joined first: a product would read for nothing


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


# Inlined for the same reason.
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
    y = _matmul(x, kernel[0, 0])
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
        bias = jnp.sum(grad, axis=(0, 1, 2), dtype=jnp.float32)
    add = None if added is None else grad
    if stride == 1:
        return *_pull_by_onednn(x, kernel, padding, grad), bias, add
    fold = partial(_fold_stride, stride=stride, padding=padding)
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
    columns = [_shift(x, 2, padding - j, grad.shape[2]) for j in range(side)]
    if c < NARROW:
        columns = [_beside(_pad(x, 0, padding), side, along=2)]
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

    return _move(grad, place)


def _shift(x: Maps, axis: int, by: int, extent: int) -> Result:
    """Move maps `by` cells along an axis that then has `extent`; zeros come in."""
    edges = [(0, 0, 0)] * x.ndim
    edges[axis] = by, extent - by - x.shape[axis], 0
    return _move(x, lambda bits: lax.pad(bits, jnp.zeros((), bits.dtype), edges))


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
        x, kernel = _fold_stride(x, kernel, stride, padding)
        padding = 0
    return _dense_conv(x, kernel, padding)


def _fold_stride(
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
    columns = _beside(_pad(x, padding, padding), side, along=2)
    rows = kernel.reshape(side, side * c, o).swapaxes(0, 1).reshape(side * c, side * o)
    partial_sums = _matmul(columns, rows)
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
    found = kernel_grad(_pad(x, 0, padding), _pad(grad, border, 0), side)
    return _dense_conv(grad, turned, border), found.astype(kernel.dtype)


_dense_conv.defvjp(_dense_forward, _dense_backward)


def _by_columns(x: Maps, grad: Result, side: int) -> Kernel:
    """The kernel's gradient in float32: a product for each column of the kernel."""
    c, o = x.shape[-1], grad.shape[-1]
    rows = _beside(grad, side, along=1).reshape(-1, side * o)
    columns = [view.reshape(-1, c) for view in _views(x, side, along=2)]
    products = jnp.stack([_matmul(column.T, rows) for column in columns])
    return products.reshape(side, c, side, o).transpose(2, 0, 1, 3)[::-1]


def _by_rows(x: Maps, grad: Result, side: int) -> Kernel:
    """The kernel's gradient in bfloat16: a product for each row of the kernel.

    Only rows times columns reach the matrix unit, hence the maps are turned first. As
    a matrix XLA would see that, and turn the product back.
    """
    c, o = x.shape[-1], grad.shape[-1]
    turned = _move(x, lambda bits: bits.transpose(3, 0, 1, 2))
    columns = _beside(turned, side, along=3, axis=0).reshape(side * c, -1)
    rows = [view.reshape(-1, o) for view in _views(grad, side, along=1)]
    products = jnp.stack([_matmul(columns, row) for row in rows])
    return products.reshape(side, side, c, o)[::-1]


def _pad(x: Maps, height: int, width: int) -> Result:
    """Put zeros around each map; a negative number cuts rows or columns off."""
    edges = [(0, 0, 0), (height, height, 0), (width, width, 0), (0, 0, 0)]
    return _move(x, lambda bits: lax.pad(bits, jnp.zeros((), bits.dtype), edges))


def _beside(x: Array, count: int, along: int, axis: int = -1) -> Array:
    """Join `_views` of `x` along `axis`, by default as channels."""
    return _move(x, lambda bits: jnp.concatenate(_views(bits, count, along), axis))


def _views(x: Array, count: int, along: int) -> list[Array]:
    """`count` views of `x`, each one cell further `along`."""
    length = x.shape[along] - count + 1
    return [lax.slice_in_dim(x, i, i + length, axis=along) for i in range(count)]


def _move(x: Array, move: Callable[[Array], Array]) -> Array:
    """Rearrange bfloat16 as bits: XLA on CPU would make it float32 to move it."""
    if x.dtype != jnp.bfloat16:
        return move(x)
    bits = lax.bitcast_convert_type(x, jnp.uint16)
    return lax.bitcast_convert_type(move(bits), x.dtype)


def _matmul(x: Array, y: Array) -> Array:
    """Multiply over the last axis of `x`; float32 out, which is what wakes AMX up."""
    return lax.dot_general(
        x, y, (((x.ndim - 1,), (0,)), ((), ())), preferred_element_type=jnp.float32
    )

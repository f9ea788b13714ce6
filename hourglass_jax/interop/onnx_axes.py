"""ONNX operations for primitives that move, cut and pick, but do not compute."""

import numpy as np
from jax.lax import GatherScatterMode

from hourglass_jax.interop.onnx_graph import Equation, Graph, Tensor, Value, unknown

_CHANNEL_OF = {0: 0, 1: 2, 2: 3, 3: 1}  # an axis of (b, h, w, c) in (b, c, h, w)


def reshape(graph: Graph, equation: Equation, x: Value) -> Value:
    """Reshape, squeeze and expand_dims alike."""
    before, after = (v.aval.shape for v in (*equation.invars, *equation.outvars))
    return x if before == after else graph.reshape(x, after)


def broadcast(graph: Graph, equation: Equation, x: Value) -> Value:
    """Axes of extent 1 first, then as many copies as it takes."""
    shape = equation.outvars[0].aval.shape
    given, axes = equation.invars[0].aval, equation.params["broadcast_dimensions"]
    aligned = [1] * len(shape)
    for extent, axis in zip(given.shape, axes, strict=True):
        aligned[axis] = extent
    if isinstance(x, np.ndarray):
        x = x.reshape(aligned)
    elif tuple(aligned) != given.shape:
        x = graph.reshape(x, aligned)
    # An extent that is there already may be called 1.
    copies = [1 if old == new else new for old, new in zip(aligned, shape, strict=True)]
    if all(isinstance(n, int | np.integer) and n == 1 for n in copies):
        return x
    return graph.add("Expand", graph.nhwc(x), graph.shape(copies))


def transpose(graph: Graph, equation: Equation, x: Value) -> Tensor:
    """Transpose, unless the value lies that way already."""
    axes = tuple(map(int, equation.params["permutation"]))
    if axes == (0, 3, 1, 2) and isinstance(x, Tensor) and x.nchw:
        return Tensor(x.name)  # it lies so already
    return graph.add("Transpose", graph.nhwc(x), perm=axes)


def slice(graph: Graph, equation: Equation, x: Value) -> Value:
    """Slice; strides, too."""
    params, extents = equation.params, equation.invars[0].aval.shape
    strides = params["strides"] or (1,) * len(extents)
    cuts = [
        (axis, *cut)
        for axis, cut in enumerate(
            zip(params["start_indices"], params["limit_indices"], strides, strict=True)
        )
        if cut != (0, extents[axis], 1)
    ]
    return _cut(graph, x, cuts)


def rev(graph: Graph, equation: Equation, x: Value) -> Value:
    """Mirror axes."""
    lowest = np.iinfo(np.int64).min
    axes = equation.params["dimensions"]
    return _cut(graph, x, [(axis, -1, lowest, -1) for axis in axes])


def _cut(graph: Graph, x: Value, cuts: list[tuple[int, int, int, int]]) -> Value:
    """Slice by (axis, start, end, step)."""
    if not cuts:
        return x
    axes, starts, ends, steps = np.array(cuts, np.int64).T
    nchw = isinstance(x, Tensor) and x.nchw
    if nchw:
        axes = np.array([_CHANNEL_OF[int(axis)] for axis in axes])
    return graph.add("Slice", x, starts, ends, axes, steps, nchw=nchw)


def concatenate(graph: Graph, equation: Equation, *parts: Value) -> Tensor:
    """Join along an axis."""
    axis = int(equation.params["dimension"])
    return graph.add("Concat", *map(graph.nhwc, parts), axis=axis)


def stack(graph: Graph, equation: Equation, *parts: Value) -> Tensor:
    """Join along a new axis."""
    axis = int(equation.params["axis"])
    dims = list(equation.outvars[0].aval.shape)
    dims[axis] = 1
    rows = [graph.reshape(part, dims) for part in parts]
    return graph.add("Concat", *rows, axis=axis)


def split(graph: Graph, equation: Equation, x: Value) -> list[Tensor]:
    """Cut an axis into equal parts."""
    sizes, axis = equation.params["sizes"], int(equation.params["axis"])
    if any(size != sizes[0] for size in sizes):
        raise unknown(equation)
    return graph.add_split(x, axis, len(sizes))


def unstack(graph: Graph, equation: Equation, x: Value) -> list[Tensor]:
    """Cut an axis into single places, and drop it (jax 0.12)."""
    results = equation.outvars
    parts = graph.add_split(x, int(equation.params["axis"]), len(results))
    return [
        graph.reshape(part, list(result.aval.shape))
        for part, result in zip(parts, results, strict=True)
    ]


def pad(graph: Graph, equation: Equation, x: Value, filling: Value) -> Tensor:
    """Put numbers around."""
    low, high, inner = np.array(equation.params["padding_config"], np.int64).T
    if inner.any():
        raise unknown(equation)
    return graph.add("Pad", graph.nhwc(x), np.concatenate([low, high]), filling)


def gather(graph: Graph, equation: Equation, x: Value, where: Value) -> Tensor:
    """Three kinds: a window in a known place, cells of each map, rows of one axis."""
    numbers, sizes = (
        equation.params["dimension_numbers"],
        equation.params["slice_sizes"],
    )
    shape, dims = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
    picked, batched = numbers.start_index_map, numbers.operand_batching_dims
    rest = tuple(axis for axis in range(len(shape)) if axis not in picked)
    if equation.params["mode"] == GatherScatterMode.FILL_OR_DROP:
        raise unknown(equation)
    room = [shape[axis] - sizes[axis] for axis in picked]
    x, where = graph.nhwc(x), _clamp(graph, graph.nhwc(where), np.array(room, np.int64))
    whole = not batched and all(sizes[axis] == shape[axis] for axis in rest)
    if whole and isinstance(where, np.ndarray) and where.ndim == 1:
        cuts = [
            (axis, start, start + sizes[axis], 1)
            for axis, start in zip(picked, where.tolist(), strict=True)
        ]
        return graph.reshape(_cut(graph, x, cuts), dims)
    rows = len(picked) == 1 and numbers.collapsed_slice_dims == picked
    if whole and rows and numbers.offset_dims == rest and isinstance(where, np.ndarray):
        return graph.add("Gather", x, where[:, 0], axis=int(picked[0]))
    cells = batched == numbers.start_indices_batching_dims == rest == (0,)
    if cells and all(size == 1 for size in sizes):
        return graph.reshape(graph.add("GatherND", x, where, batch_dims=1), dims)
    raise unknown(equation)


def _clamp(graph: Graph, where: Value, last: np.ndarray) -> Value:
    """Indices as ONNX takes them; those outside mean the edge."""
    if isinstance(where, np.ndarray):
        return np.clip(where.astype(np.int64), 0, last)
    where = graph.add("Cast", where, to=np.dtype(np.int64))
    return graph.add("Min", graph.add("Max", where, np.zeros_like(last)), last)

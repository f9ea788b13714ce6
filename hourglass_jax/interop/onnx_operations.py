"""For each JAX primitive that the networks and decoders use: its ONNX operations."""

import string
from collections.abc import Callable
from typing import Any

import numpy as np

from hourglass_jax.interop import onnx_axes as axes
from hourglass_jax.interop.onnx_graph import Equation, Graph, Tensor, Value, unknown

Rule = Callable[..., Tensor | list[Tensor] | Value]


def _elementwise(operation: str) -> Rule:
    def rule(graph: Graph, equation: Equation, *inputs: Value) -> Tensor:
        return _align(graph, operation, *inputs)

    return rule


def _align(graph: Graph, operation: str, *inputs: Value, **attributes: Any) -> Tensor:
    """Add a node whose inputs meet cell by cell, in whichever order of axes."""
    nchw = any(isinstance(value, Tensor) and value.nchw for value in inputs)
    order = graph.nchw if nchw else graph.nhwc
    return graph.add(operation, *map(order, inputs), nchw=nchw, **attributes)


def _add(graph: Graph, equation: Equation, x: Value, y: Value) -> Value:
    return _neutral(equation, x, y, 0) or _align(graph, "Add", x, y)


def _mul(graph: Graph, equation: Equation, x: Value, y: Value) -> Value:
    return _neutral(equation, x, y, 1) or _align(graph, "Mul", x, y)


def _neutral(equation: Equation, x: Value, y: Value, number: float) -> Tensor | None:
    """The one input, if the other holds nothing but `number` and changes nothing."""
    shape = equation.outvars[0].aval.shape
    left, right = (variable.aval.shape for variable in equation.invars)
    for value, own, other in ((x, left, y), (y, right, x)):
        known = isinstance(other, np.ndarray) and bool(np.all(other == number))
        if known and own == shape and isinstance(value, Tensor):
            return value
    return None


def _max(graph: Graph, equation: Equation, x: Value, y: Value) -> Tensor:
    if equation.outvars[0].aval.dtype == np.float32:
        for value, other in ((x, y), (y, x)):
            if isinstance(other, np.ndarray) and other.ndim == 0 and other == 0:
                return _align(graph, "Relu", value)
    return _align(graph, "Max", x, y)


def _square(graph: Graph, equation: Equation, x: Value) -> Tensor:
    return _align(graph, "Mul", x, x)


def _integer_pow(graph: Graph, equation: Equation, x: Value) -> Tensor:
    power = np.asarray(equation.params["y"], equation.outvars[0].aval.dtype)
    return _align(graph, "Pow", x, power)


def _rsqrt(graph: Graph, equation: Equation, x: Value) -> Tensor:
    return _align(graph, "Reciprocal", _align(graph, "Sqrt", x))


def _ne(graph: Graph, equation: Equation, x: Value, y: Value) -> Tensor:
    return _align(graph, "Not", _align(graph, "Equal", x, y))


def _rem(graph: Graph, equation: Equation, x: Value, y: Value) -> Tensor:
    return _align(graph, "Mod", x, y, fmod=1)  # the sign of x, as in C


def _select(graph: Graph, equation: Equation, which: Value, *cases: Value) -> Tensor:
    if len(cases) != 2 or equation.invars[0].aval.dtype != np.bool_:
        raise unknown(equation)
    return _align(graph, "Where", which, cases[1], cases[0])


def _convert(graph: Graph, equation: Equation, x: Value) -> Value:
    before, after = (v.aval.dtype for v in (*equation.invars, *equation.outvars))
    return x if before == after else _align(graph, "Cast", x, to=after)


def _same(graph: Graph, equation: Equation, x: Value) -> Value:
    return x


def _reduce(operation: str) -> Rule:
    def rule(graph: Graph, equation: Equation, x: Value) -> Tensor:
        axes = np.array(equation.params["axes"], np.int64)
        return graph.add(operation, graph.nhwc(x), axes, keepdims=0)

    return rule


def _argmax(graph: Graph, equation: Equation, x: Value) -> Tensor:
    (axis,) = equation.params["axes"]
    best = graph.add("ArgMax", graph.nhwc(x), axis=int(axis), keepdims=0)
    return graph.add("Cast", best, to=equation.outvars[0].aval.dtype)


def _dot_general(graph: Graph, equation: Equation, x: Value, y: Value) -> Tensor:
    (sum_x, sum_y), (batch_x, batch_y) = equation.params["dimension_numbers"]
    rank_x, rank_y = (len(v.aval.shape) for v in equation.invars)
    letters = iter(string.ascii_lowercase)
    of_x = [next(letters) for _ in range(rank_x)]
    of_y = [next(letters) for _ in range(rank_y)]
    for axis_x, axis_y in zip((*sum_x, *batch_x), (*sum_y, *batch_y), strict=True):
        of_y[axis_y] = of_x[axis_x]
    result = [of_x[axis] for axis in batch_x]
    for own, used in ((of_x, (*sum_x, *batch_x)), (of_y, (*sum_y, *batch_y))):
        result += [letter for axis, letter in enumerate(own) if axis not in used]
    equation_text = f"{''.join(of_x)},{''.join(of_y)}->{''.join(result)}"
    return graph.add("Einsum", graph.nhwc(x), graph.nhwc(y), equation=equation_text)


def _conv(graph: Graph, equation: Equation, x: Value, kernel: Value) -> Tensor:
    params = equation.params
    numbers = params["dimension_numbers"]
    as_here = (0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2)  # NHWC, HWIO -> NHWC
    if (numbers.lhs_spec, numbers.rhs_spec, numbers.out_spec) != as_here:
        raise unknown(equation)
    if set(params["lhs_dilation"]) != {1} or params["batch_group_count"] != 1:
        raise unknown(equation)
    if not isinstance(kernel, np.ndarray):
        raise unknown(equation)
    before, after = zip(*params["padding"], strict=True)
    return graph.add(
        "Conv",
        graph.nchw(x),
        kernel.transpose(3, 2, 0, 1),
        nchw=True,
        strides=[int(n) for n in params["window_strides"]],
        pads=[int(n) for n in (*before, *after)],
        dilations=[int(n) for n in params["rhs_dilation"]],
        group=int(params["feature_group_count"]),
    )


_ALIKE = {
    **{"sub": "Sub", "div": "Div", "min": "Min", "pow": "Pow", "exp": "Exp"},
    **{"log": "Log", "sqrt": "Sqrt", "abs": "Abs", "neg": "Neg", "sign": "Sign"},
    **{"tanh": "Tanh", "logistic": "Sigmoid", "floor": "Floor"},
    **{"and": "And", "or": "Or", "not": "Not"},
    **{"eq": "Equal", "lt": "Less", "le": "LessOrEqual"},
    **{"gt": "Greater", "ge": "GreaterOrEqual"},
}
_REDUCTIONS = {"reduce_max": "ReduceMax", "reduce_sum": "ReduceSum"}

OPERATIONS: dict[str, Rule] = {
    **{primitive: _elementwise(operation) for primitive, operation in _ALIKE.items()},
    **{primitive: _reduce(operation) for primitive, operation in _REDUCTIONS.items()},
    "add": _add,
    "argmax": _argmax,
    "broadcast_in_dim": axes.broadcast,
    "concatenate": axes.concatenate,
    "conv_general_dilated": _conv,
    "convert_element_type": _convert,
    "copy": _same,
    "dot_general": _dot_general,
    "expand_dims": axes.reshape,
    "gather": axes.gather,
    "integer_pow": _integer_pow,
    "max": _max,
    "mul": _mul,
    "name": _same,
    "ne": _ne,
    "pad": axes.pad,
    "rem": _rem,
    "reshape": axes.reshape,
    "rev": axes.rev,
    "rsqrt": _rsqrt,
    "select_n": _select,
    "slice": axes.slice,
    "split": axes.split,
    "square": _square,
    "squeeze": axes.reshape,
    "stack": axes.stack,
    "transpose": axes.transpose,
    "unstack": axes.unstack,
}

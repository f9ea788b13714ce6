"""A traced JAX program, turned into a graph of ONNX operations.

What is known while exporting is computed there and then by JAX itself: batch
normalisation, kernels' shapes, anything that does not hang on the picture. What is
left is looked up by primitive, see `onnx_operations`.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from hourglass_jax.interop.onnx_graph import (
    INPUT,
    Equation,
    Graph,
    Tensor,
    Value,
    unknown,
)
from hourglass_jax.interop.onnx_operations import OPERATIONS

# Primitives that stand for a program of their own, and the parameter that holds it.
_CALLS = {
    "jit": "jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
}


def translate(
    function: Callable[..., Any], images: jax.ShapeDtypeStruct
) -> tuple[Graph, list[Value]]:
    """The graph of a function of one batch of images, and its results in order.

    Args:
      function: traceable; what it closes over becomes constants.
      images: shape and type of its argument; the batch's size is a symbol of
        `jax.export.symbolic_shape`.

    Raises:
      InputError: it uses an operation that there is no rule for.
    """
    program = jax.jit(function).trace(images).jaxpr
    graph = Graph(images.shape[0])
    return graph, _run(graph, program.jaxpr, program.consts, [Tensor(INPUT)])


def _run(
    graph: Graph, program: Jaxpr, constants: Sequence[Any], arguments: Sequence[Value]
) -> list[Value]:
    values: dict[Any, Value] = dict(zip(program.invars, arguments, strict=True))
    values |= zip(program.constvars, map(np.asarray, constants), strict=True)

    def read(variable: Any) -> Value:
        if isinstance(variable, Literal):
            return np.asarray(variable.val, cast(Any, variable.aval).dtype)
        return values[variable]

    for equation in program.eqns:
        results = _apply(graph, equation, [read(v) for v in equation.invars])
        values |= zip(equation.outvars, results, strict=True)
    return [read(variable) for variable in program.outvars]


def _apply(graph: Graph, equation: Equation, inputs: Sequence[Value]) -> list[Value]:
    name, params = equation.primitive.name, equation.params
    if name in _CALLS:
        return _call(graph, params[_CALLS[name]], inputs)
    if name == "platform_index":  # what runs anywhere, not what is best on some CPU
        return [np.asarray(params["platforms"].index(None))]
    if name == "cond" and isinstance(inputs[0], np.ndarray):
        return _call(graph, params["branches"][int(inputs[0])], inputs[1:])
    if _is_known(equation, inputs):
        results = equation.primitive.bind(*inputs, **params)
        several = equation.primitive.multiple_results
        return [np.asarray(result) for result in (results if several else [results])]
    if name not in OPERATIONS:
        raise unknown(equation)
    results = OPERATIONS[name](graph, equation, *inputs)
    return results if isinstance(results, list) else [results]


def _call(graph: Graph, program: Any, inputs: Sequence[Value]) -> list[Value]:
    if isinstance(program, ClosedJaxpr):
        return _run(graph, program.jaxpr, program.consts, inputs)
    return _run(graph, program, [], inputs)


def _is_known(equation: Equation, inputs: Sequence[Value]) -> bool:
    """Whether everything it needs is known, its shape included."""
    extents = [extent for v in equation.outvars for extent in v.aval.shape]
    return all(isinstance(value, np.ndarray) for value in inputs) and all(
        isinstance(extent, int | np.integer) for extent in extents
    )

"""A graph of ONNX operations that grows node by node, and the values in it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from hourglass_jax.errors import InputError

INPUT = "images"
"""The one input; its first axis is the batch."""

# The same four axes in the order of the network, and in ONNX's.
_NCHW_FROM_NHWC, _NHWC_FROM_NCHW = (0, 3, 1, 2), (0, 2, 3, 1)


@dataclasses.dataclass(frozen=True)
class Tensor:
    """What a node says.

    Attributes:
      name: in the graph.
      nchw: its axes were taken from (b, h, w, c) to (b, c, h, w), as ONNX convolves.
    """

    name: str
    nchw: bool = False


@dataclasses.dataclass(frozen=True)
class Node:
    """One operation, its inputs and outputs by name."""

    operation: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


Value = Tensor | np.ndarray  # an array where the value is known already
Dims = Sequence[Any]  # of whole numbers, or multiples of the batch's symbol
Equation = Any  # a JaxprEqn; that its values have shapes, JAX's types do not say


class Graph:
    """Nodes and constants so far.

    A map stays in the order of axes that the last convolution left it in, until an
    operation asks for another: between convolutions nothing is transposed.

    Attributes:
      nodes: in the order to be run in.
      constants: by name; equal ones are one.
    """

    def __init__(self, batch: Any) -> None:
        """An empty graph; `batch` is the symbol of its size in shapes."""
        self.nodes: list[Node] = []
        self.constants: dict[str, np.ndarray] = {}
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._turned: dict[Tensor, Tensor] = {}
        self._batch = batch
        self._batch_size: Tensor | None = None

    def add(
        self, operation: str, *inputs: Value, nchw: bool = False, **attributes: Any
    ) -> Tensor:
        """Add a node of one output, whose axes lie as `nchw` says."""
        output = Tensor(f"{operation}_{len(self.nodes)}", nchw)
        names = tuple(map(self.name, inputs))
        self.nodes.append(Node(operation, names, (output.name,), attributes))
        return output

    def add_split(self, value: Value, axis: int, parts: int) -> list[Tensor]:
        """Add a node of several outputs: `parts` equal lengths along an axis."""
        number = len(self.nodes)
        outputs = tuple(f"Split_{number}_{part}" for part in range(parts))
        attributes = {"axis": axis, "num_outputs": parts}
        self.nodes.append(
            Node("Split", (self.name(self.nhwc(value)),), outputs, attributes)
        )
        return [Tensor(name) for name in outputs]

    def name(self, value: Value) -> str:
        """The name of a value; a known one becomes a constant of the graph."""
        if isinstance(value, Tensor):
            return value.name
        key = (value.dtype.str, value.shape, value.tobytes())
        name = self._names.setdefault(key, f"constant_{len(self._names)}")
        self.constants[name] = value
        return name

    def nchw(self, value: Value) -> Value:
        """The value with its four axes as ONNX convolves them; no axes stay none."""
        if isinstance(value, np.ndarray):
            return value.transpose(_NCHW_FROM_NHWC) if value.ndim else value
        return value if value.nchw else self._turn(value, _NCHW_FROM_NHWC)

    def nhwc(self, value: Value) -> Value:
        """The value with its axes in the order of the network."""
        if isinstance(value, np.ndarray) or not value.nchw:
            return value
        return self._turn(value, _NHWC_FROM_NCHW)

    def reshape(self, value: Value, dims: Dims) -> Tensor:
        """Add a Reshape; -1 stands for what depends on the batch's size."""
        sizes = [dim if isinstance(dim, int) else -1 for dim in map(_plain, dims)]
        return self.add("Reshape", self.nhwc(value), np.array(sizes, np.int64))

    def shape(self, dims: Dims) -> Value:
        """A shape as a value; the batch's size is found when the graph runs."""
        extents = [self._extent(_plain(dim)) for dim in dims]
        known = [extent for extent in extents if isinstance(extent, np.ndarray)]
        if len(known) == len(extents):
            return np.concatenate([np.zeros(0, np.int64), *known])
        return self.add("Concat", *extents, axis=0)

    def _turn(self, value: Tensor, axes: tuple[int, ...]) -> Tensor:
        if value not in self._turned:
            turned = self.add("Transpose", value, nchw=not value.nchw, perm=axes)
            self._turned |= {value: turned, turned: value}
        return self._turned[value]

    def _extent(self, dim: Any) -> Value:
        if isinstance(dim, int):
            return np.array([dim], np.int64)
        if self._batch_size is None:
            self._batch_size = self.add("Shape", Tensor(INPUT), start=0, end=1)
        times = np.array([int(dim // self._batch)], np.int64)
        return self.add("Mul", self._batch_size, times)


def _plain(dim: Any) -> Any:
    """NumPy's whole numbers as Python's; a symbol stays what it is."""
    return int(dim) if isinstance(dim, int | np.integer) else dim


def unknown(equation: Equation) -> InputError:
    """The error for a primitive without a rule, or without one for its parameters."""
    return InputError(
        f"onnx: the network computes {equation.primitive.name} in a way that has no "
        "rule here; export to stablehlo"
    )

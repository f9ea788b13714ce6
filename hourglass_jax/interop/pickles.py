"""Pickles as data: what a checkpoint says, without doing what it says.

A pickle is a program for a small stack machine, and Python's own machine calls whatever
the program names. This one knows lists, dictionaries, numbers, text and the handful of
names a state dict is made of; every other name is refused, and nothing is ever
imported or called. The opcodes are those that `pickletools` documents.
"""

import dataclasses
import pickletools
from collections.abc import Callable
from io import BytesIO
from typing import Any

import ml_dtypes
import numpy as np

from hourglass_jax.interop.stored import Storage, StoredTensor


class RefusedError(Exception):
    """The pickle names something that no state dict is made of."""


@dataclasses.dataclass(frozen=True)
class _Name:
    """Something that the pickle would import."""

    text: str


_STORAGES = {
    "DoubleStorage": np.dtype(np.float64),
    "FloatStorage": np.dtype(np.float32),
    "HalfStorage": np.dtype(np.float16),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "LongStorage": np.dtype(np.int64),
    "IntStorage": np.dtype(np.int32),
    "ShortStorage": np.dtype(np.int16),
    "CharStorage": np.dtype(np.int8),
    "ByteStorage": np.dtype(np.uint8),
    "BoolStorage": np.dtype(np.bool_),
}


def _tensor(storage: Storage, offset: int, shape: Any, strides: Any, *_: Any) -> Any:
    return StoredTensor(storage, offset, tuple(shape), tuple(strides))


# mmengine keeps the curves of losses beside the weights.
_CURVE = "mmengine.logging.history_buffer.HistoryBuffer"


def _method(owner: Any, name: Any) -> None:
    """How older pickles name a method; only that of a curve is read over."""
    if owner != _Name(_CURVE):
        raise RefusedError(f"getattr(..., {str(name)!r})")


# What may be called, and what is done in its place.
_CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": dict,
    "collections.defaultdict": lambda *_: {},
    "torch.Size": tuple,
    "torch._utils._rebuild_parameter": lambda tensor, *_: tensor,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "builtins.getattr": _method,
    "__builtin__.getattr": _method,
}

# Harmless values that are stored beside weights (scores, dates, devices): they are read
# over, and None stands in their place.
_UNREAD = {
    *("_codecs.encode", "builtins.set", "__builtin__.set", "torch.device"),
    *("builtins.dict", "builtins.list", "builtins.int", "builtins.float"),
    *("numpy.dtype", "numpy.ndarray", _CURVE),
    *(f"numpy.{core}.multiarray.scalar" for core in ("core", "_core")),
    *(f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core")),
    *(f"torch.{kind}" for kind in ("float16", "float32", "float64", "int64")),
}


# TorchScript: modules, and the lists among their attributes.
_SCRIPT = "__torch__"
_PASSIVE = (_SCRIPT, "torch.jit._pickle")


def read_pickle(file: BytesIO) -> Any:
    """Read one pickle, up to and with its last byte, as plain data.

    Dictionaries, lists, tuples, text and numbers are themselves, sets are lists,
    tensors `StoredTensor`, TorchScript's modules dictionaries of their parts.

    Raises:
      RefusedError: it names anything else.
      ValueError: it is no pickle, or cut off.
    """
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name == "STOP":
                return machine.pop()
            machine.step(opcode.name, argument)
    except (LookupError, TypeError, AttributeError, UnicodeError) as error:
        raise ValueError(f"no sound pickle ({error})") from error
    raise ValueError("no end")


class _Machine:
    """Stack, marks and memo; a method an opcode, or a table where they are alike."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def step(self, opcode: str, argument: Any) -> None:
        """Do one opcode."""
        if opcode in _VALUES:
            self.stack.append(argument)
        elif opcode in _MAKE_FROM_MARK:
            self.stack.append(_MAKE_FROM_MARK[opcode](self.since_mark()))
        elif opcode in _MAKE_FROM_TOP:
            count, make = _MAKE_FROM_TOP[opcode]
            items = [self.pop() for _ in range(count)][::-1]
            self.stack.append(make(*items))
        elif opcode in _CHANGES:
            _CHANGES[opcode](self, argument)
        elif opcode not in ("PROTO", "FRAME"):
            raise RefusedError(f"opcode {opcode}")

    def pop(self) -> Any:
        """Take the last value."""
        return self.stack.pop()

    def drop(self) -> None:
        """Forget the last value."""
        del self.stack[-1]

    def since_mark(self) -> list[Any]:
        """Take all values that came after the last mark."""
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def put(self, place: int | None) -> None:
        """Remember the last value."""
        self.memo[len(self.memo) if place is None else place] = self.stack[-1]

    def get(self, place: int) -> None:
        """Repeat what was remembered."""
        self.stack.append(self.memo[place])

    def append(self, items: list[Any]) -> None:
        """Add to the list below."""
        self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Add keys and values to the dictionary below."""
        self.stack[-1].update(_pairs(items))

    def build(self) -> None:
        """Parts of a TorchScript module; attributes of anything else are left out."""
        state = self.pop()
        if isinstance(self.stack[-1], _Module) and isinstance(state, dict):
            self.stack[-1].update(state)


class _Module(dict):
    """A TorchScript module: its parameters, buffers and modules by name."""


def _pairs(items: list[Any]) -> dict[Any, Any]:
    """What is found by text or number; nothing else names a tensor."""
    pairs = zip(items[::2], items[1::2], strict=True)
    return {key: value for key, value in pairs if isinstance(key, str | int)}


def _name(module: str, name: str) -> Any:
    """What stands for an imported name; raises RefusedError by name."""
    text = f"{module}.{name}"
    if module == "torch" and name in _STORAGES:
        return _STORAGES[name]
    if text in _CALLS or text in _UNREAD or module.startswith(_PASSIVE):
        return _Name(text)
    raise RefusedError(text)


def _call(function: Any, arguments: tuple[Any, ...]) -> Any:
    if not isinstance(function, _Name):
        raise RefusedError(f"a call of {type(function).__name__}")
    if function.text in _CALLS:
        return _CALLS[function.text](*arguments)
    return _Module() if function.text.startswith(_SCRIPT) else None


def _persistent(reference: Any) -> Any:
    """Storages: ("storage", kind, key, device, length)."""
    if not (isinstance(reference, tuple) and len(reference) >= 5):
        raise RefusedError("a persistent id that is no storage")
    _, dtype, key, _, length = reference[:5]
    if not (isinstance(dtype, np.dtype) and isinstance(length, int)):
        raise RefusedError("a storage of unknown kind")
    return Storage(dtype, str(key), length)


_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_MAKE_FROM_MARK: dict[str, Callable[[list[Any]], Any]] = {
    "TUPLE": tuple,
    "LIST": list,
    "DICT": _pairs,
    "FROZENSET": list,
    "OBJ": lambda items: _call(items[0], tuple(items[1:])),
}
_MAKE_FROM_TOP: dict[str, tuple[int, Callable[..., Any]]] = {
    "NONE": (0, lambda: None),
    "NEWTRUE": (0, lambda: True),
    "NEWFALSE": (0, lambda: False),
    "EMPTY_TUPLE": (0, tuple),
    "EMPTY_LIST": (0, list),
    "EMPTY_DICT": (0, dict),
    "EMPTY_SET": (0, list),
    "TUPLE1": (1, lambda *items: items),
    "TUPLE2": (2, lambda *items: items),
    "TUPLE3": (3, lambda *items: items),
    "STACK_GLOBAL": (2, _name),
    "REDUCE": (2, _call),
    "NEWOBJ": (2, _call),
    "NEWOBJ_EX": (3, lambda kind, arguments, _: _call(kind, arguments)),
    "BINPERSID": (1, _persistent),
}
_CHANGES: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": lambda m, _: m.marks.append(len(m.stack)),
    "POP": lambda m, _: m.drop(),
    "DUP": lambda m, _: m.stack.append(m.stack[-1]),
    "PUT": _Machine.put,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.put,
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "APPEND": lambda m, _: m.append([m.pop()]),
    "APPENDS": lambda m, _: m.append(m.since_mark()),
    "ADDITEMS": lambda m, _: m.append(m.since_mark()),
    "SETITEM": lambda m, _: m.set_items([m.pop(), m.pop()][::-1]),
    "SETITEMS": lambda m, _: m.set_items(m.since_mark()),
    "GLOBAL": lambda m, name: m.stack.append(_name(*name.split(" ", 1))),
    "INST": lambda m, name: m.stack.append(
        _call(_name(*name.split(" ", 1)), tuple(m.since_mark()))
    ),
    "BUILD": lambda m, _: m.build(),
}

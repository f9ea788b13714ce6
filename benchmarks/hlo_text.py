"""What one run of a program compiled for TPU does, read from its text.

XLA's own cost analysis counts a loop's body once, and a loop over stacks runs it seven
times; here every figure is multiplied by the rounds.
"""

import dataclasses
import math
import re
from collections import defaultdict
from collections.abc import Iterator

_HEADER = re.compile(r"^(ENTRY )?%?([\w.-]+) \(.*\{$")
_LINE = re.compile(r"^\s+(ROOT )?%?([\w.-]+) = (.*?) ([a-z][\w-]*)\((.*)$")
_CALLED = re.compile(r"(?:calls|body)=%?([\w.-]+)")
_CONDITION = re.compile(r"condition=%?([\w.-]+)")
_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
_ARRAY = re.compile(r"\b(pred|bf16|[suf]\d+)\[([\d,]*)\](?:\{([\d,]*)(?::([^}]*))?\})?")
_TILE = re.compile(r"T\(([\d,]+)\)")
_FREE = {
    *("parameter", "constant", "tuple", "get-tuple-element", "bitcast", "while"),
    *("after-all", "partition-id", "iota", "copy-done", "slice-done", "async-done"),
}
_UNWRITTEN = ('"AllocateBuffer"', '"ConcatBitcast"')
_SLICES = ("dynamic-slice", "slice")


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One line of a program's text."""

    name: str
    kind: str
    """The result's type, with its layout."""
    operation: str
    operands: tuple[str, ...]
    line: str
    root: bool


Computations = dict[str, dict[str, Instruction]]
"""By name, the instructions of each computation, by name and in order."""


def parse(text: str) -> Computations:
    """Instructions by computation; the first to run is called ``ENTRY``."""
    computations: Computations = {}
    current: dict[str, Instruction] = {}
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header:
            current = computations["ENTRY" if header[1] else header[2]] = {}
            continue
        found = _LINE.match(line)
        if found:
            root, name, kind, operation, rest = found.groups()
            operands = tuple(re.findall(r"%([\w.-]+)", rest.partition(")")[0]))
            current[name] = Instruction(
                name, kind, operation, operands, line, bool(root)
            )
    return computations


def rounds(computations: Computations) -> dict[str, int]:
    """How often each computation runs that stands for itself: the entry and loops."""
    times: dict[str, int] = defaultdict(int)

    def visit(name: str, count: int) -> None:
        times[name] += count
        for each in computations[name].values():
            if each.operation == "while":
                visit(_called(each), count * _trips(computations, each))

    visit("ENTRY", 1)
    return dict(times)


def with_rounds(text: str) -> str:
    """The text with every loop's rounds written where XLA writes them for CPU.

    `hourglass_jax.training.collectives` reads them there; the TPU's text leaves them to
    the loop's condition.
    """
    computations = parse(text)
    for each in computations.values():
        for loop in each.values():
            if loop.operation == "while":
                known = f'"known_trip_count":{{"n":"{_trips(computations, loop)}"'
                text = text.replace(loop.line, f"{loop.line}, {known}", 1)
    return text


def count_cycles(computations: Computations) -> int:
    """The compiler's own estimate of the cycles that all operations take in turn.

    Waiting for other chips is not part of it.
    """
    return sum(
        count * int(cycles)
        for name, count in rounds(computations).items()
        for each in computations[name].values()
        for cycles in _CYCLES.findall(each.line)
    )


def count_hbm_bytes(computations: Computations) -> int:
    """Bytes that are read from and written to the chip's memory, padding included.

    What the compiler keeps in fast memory (``S(1)`` in the text) is left out; of an
    array that is sliced or written in part, that part counts.
    """
    return sum(
        count * sum(_traffic(computations, name, each) for each in lines.values())
        for name, count in rounds(computations).items()
        for lines in [computations[name]]
    )


def hbm_bytes(kind: str) -> int:
    """Bytes of a type's arrays in the chip's memory, as they are padded there."""
    return sum(size for size, memory in _sizes(kind) if memory == "hbm")


def _sizes(kind: str) -> Iterator[tuple[int, str]]:
    """Bytes of each array of a type, and where it lies."""
    for element, shape, order, layout in _ARRAY.findall(kind):
        extents = [int(extent) for extent in shape.split(",") if extent]
        major_first = [extents[int(axis)] for axis in order.split(",") if axis][::-1]
        tile = _TILE.search(layout)
        if tile and extents:
            edges = [int(edge) for edge in tile[1].split(",")][-len(extents) :]
            for axis, edge in zip(range(-len(edges), 0), edges, strict=True):
                major_first[axis] = -(-major_first[axis] // edge) * edge
        bits = 8 if element == "pred" else int(element.strip("bsuf"))
        # S(1), S(2): memories of the core. S(5): the host's.
        where = "elsewhere" if "S(" in layout else "hbm"
        yield math.prod(major_first or extents) * bits // 8, where


def _called(each: Instruction) -> str:
    found = _CALLED.search(each.line)
    assert found is not None, each.line
    return found[1]


def _trips(computations: Computations, loop: Instruction) -> int:
    """Rounds of a loop that counts from 0 up to the constant in its condition."""
    condition = _CONDITION.search(loop.line)
    assert condition is not None, loop.line
    limits = [
        int(each.line.partition(" constant(")[2].partition(")")[0])
        for each in computations[condition[1]].values()
        if each.operation == "constant" and each.kind.startswith("s32[]")
    ]
    if len(limits) != 1:
        raise ValueError(f"loop {loop.name}: its rounds are not in its condition")
    return limits[0]


def _traffic(computations: Computations, where: str, each: Instruction) -> int:
    lines = computations[where]
    match each.operation:
        case operation if operation in _FREE:
            return 0
        case "custom-call" if any(name in each.line for name in _UNWRITTEN):
            return 0
        case "copy-start":  # its type holds both ends
            return hbm_bytes(each.kind)
        case "slice-start":  # ((whole), part, context)
            part, memory = list(_sizes(each.kind))[1]
            return 2 * part if memory == "hbm" else part
        case "dynamic-update-slice":
            return 2 * hbm_bytes(lines[each.operands[1]].kind)
        case "fusion":
            return _fused(computations[_called(each)])
        case operation if operation in _SLICES:
            return 2 * hbm_bytes(each.kind)
    return hbm_bytes(each.kind) + sum(hbm_bytes(lines[o].kind) for o in each.operands)


def _fused(inner: dict[str, Instruction]) -> int:
    parameters = [each for each in inner.values() if each.operation == "parameter"]
    return _written(inner) + sum(_read(inner, each) for each in parameters)


def _read(inner: dict[str, Instruction], parameter: Instruction) -> int:
    """Bytes of a fusion's parameter that its users need."""
    whole, needed = hbm_bytes(parameter.kind), 0
    for user in inner.values():
        if parameter.name not in user.operands:
            continue
        in_place = user.operation == "dynamic-update-slice"
        if user.operation in _SLICES:
            part, _ = next(_sizes(user.kind))
            needed += part
        elif not (in_place and user.operands[0] == parameter.name):
            return whole
    return min(needed, whole)


def _written(inner: dict[str, Instruction]) -> int:
    """Bytes of a fusion's results; of arrays updated in place, the update."""
    root = next(each for each in inner.values() if each.root)
    names = root.operands if root.operation == "tuple" else (root.name,)
    total = 0
    for name in names:
        result = source = inner[name]
        while source.operation == "bitcast":
            source = inner[source.operands[0]]
        if source.operation == "dynamic-update-slice":
            part, _ = next(_sizes(inner[source.operands[1]].kind))
            total += min(part, hbm_bytes(result.kind))
        else:
            total += hbm_bytes(result.kind)
    return total

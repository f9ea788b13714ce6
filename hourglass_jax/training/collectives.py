"""What a compiled program sends between devices, read from its text."""

import re
from collections import Counter

KINDS = (
    *("all-reduce", "all-gather", "reduce-scatter", "all-to-all"),
    *("collective-permute", "collective-broadcast", "ragged-all-to-all"),
)
_OPERATION = re.compile(rf" = (?P<type>.*?) (?P<kind>{'|'.join(KINDS)})(-start)?\(")
_COMPUTATION = re.compile(r"^(?P<entry>ENTRY )?%?(?P<name>[\w.-]+) .*\{$")
_CALLED = re.compile(r"(?:body|condition|calls|to_apply)=%?([\w.-]+)")
_BRANCHES = re.compile(r"(?:branch_computations|called_computations)=\{([^}]*)\}")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
_ARRAY = re.compile(r"\b(pred|bf16|[suf]\d+|c\d+|f8\w+)\[([\d,]*)\]")


def count_collectives(hlo_text: str) -> dict[str, tuple[int, int]]:
    """Collectives that one run of a program carries out, and their bytes, by kind.

    What stands in a loop counts once a round, if XLA knows how many rounds there are;
    of branches, each counts. Bytes are those of the result on one device.

    Args:
      hlo_text: ``compiled.as_text()``.
    """
    lines = _by_computation(hlo_text)
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()

    def visit(computation: str, times: int) -> None:
        for line in lines.get(computation, []):
            found = _OPERATION.search(line)
            if found:
                counts[found["kind"]] += times
                sizes[found["kind"]] += times * _bytes(found)
                continue
            rounds = _TRIPS.search(line)
            for name in _called(line):
                visit(name, times * (int(rounds[1]) if rounds else 1))

    visit("ENTRY", 1)
    return {kind: (counts[kind], sizes[kind]) for kind in KINDS if counts[kind]}


def _by_computation(hlo_text: str) -> dict[str, list[str]]:
    """The lines of every computation, by name; the first to run is ``ENTRY``."""
    computations: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in hlo_text.splitlines():
        header = _COMPUTATION.match(line)
        if header:
            lines = []
            computations["ENTRY" if header["entry"] else header["name"]] = lines
        else:
            lines.append(line)
    return computations


def _called(line: str) -> list[str]:
    names = _CALLED.findall(line)
    for group in _BRANCHES.findall(line):
        names += [name.strip().removeprefix("%") for name in group.split(",")]
    return names


def _bytes(operation: re.Match[str]) -> int:
    arrays = [_array_bytes(*found) for found in _ARRAY.findall(operation["type"])]
    # These start with (operand, result, ...), the others with the results alone.
    if operation[3] and operation["kind"] in ("all-gather", "collective-permute"):
        return arrays[1]
    return sum(arrays)


def _array_bytes(kind: str, shape: str) -> int:
    bits = 8 if kind == "pred" or kind.startswith("f8") else int(kind.strip("bsufc"))
    size = 1
    for extent in filter(None, shape.split(",")):
        size *= int(extent)
    return size * max(bits // 8, 1)

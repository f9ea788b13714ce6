"""Plain tables for the terminal."""

from collections.abc import Sequence

_UNITS = ("", "k", "M", "G", "T", "P")


def align(rows: Sequence[Sequence[str]], indent: int = 2) -> str:
    """Columns side by side: the first flush left, the others flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [cell.rjust(w) for cell, w in zip(others, widths[1:], strict=True)]
        lines.append(" " * indent + "  ".join([first.ljust(widths[0]), *cells]))
    return "\n".join(line.rstrip() for line in lines)


def describe(rows: Sequence[tuple[str, str]], indent: int = 2) -> str:
    """Names, and what is to be said of each, both flush left."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(
        " " * indent + f"{name.ljust(width)}  {text}".rstrip() for name, text in rows
    )


def count(number: float) -> str:
    """A count with its unit: 25.43 M, 8.335 G."""
    power = 0
    while abs(number) >= 1000 and power < len(_UNITS) - 1:
        number, power = number / 1000, power + 1
    return f"{number:.4g} {_UNITS[power]}".rstrip()


def size(number: int) -> str:
    """Bytes in units of 1024: 97.1 MiB."""
    amount, power = float(number), 0
    while amount >= 1024 and power < len(_UNITS) - 1:
        amount, power = amount / 1024, power + 1
    unit = _UNITS[power].upper() + "iB" if power else "bytes"
    return f"{amount:.4g} {unit}"

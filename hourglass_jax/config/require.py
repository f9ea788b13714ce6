"""How a configuration refuses a value."""

import typing
from typing import Any

from hourglass_jax.errors import InputError


def require(holds: bool, field: str, value: object, expected: str) -> None:
    """Raise InputError that names a field, its value and what was expected."""
    if not holds:
        raise InputError(f"config: {field} is {value!r}; expected {expected}")


def require_choices(part: Any, name: str) -> None:
    """Raise InputError for a field of a `Literal` that is none of its words.

    Args:
      part: a dataclass.
      name: what errors call it, such as ``optim``.
    """
    for field, kind in typing.get_type_hints(type(part)).items():
        if typing.get_origin(kind) is typing.Literal:
            value, choices = getattr(part, field), typing.get_args(kind)
            one_of = f"one of {', '.join(choices)}"
            require(value in choices, f"{name}.{field}", value, one_of)

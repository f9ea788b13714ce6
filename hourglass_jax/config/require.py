"""How a configuration refuses a value."""

from hourglass_jax.errors import InputError


def require(holds: bool, field: str, value: object, expected: str) -> None:
    """Raise InputError that names a field, its value and what was expected."""
    if not holds:
        raise InputError(f"config: {field} is {value!r}; expected {expected}")

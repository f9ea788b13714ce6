"""Columns of a JSON file that holds a list of objects, one a person."""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from hourglass_jax.errors import InputError

GZIP = b"\x1f\x8b"
"""What a compressed file begins with."""

Objects = Sequence[Mapping[str, Any]]


def load_objects(path: Path, fields: Sequence[str]) -> Objects:
    """The objects of a file, compressed or not; each field is in one of them at least.

    Raises:
      InputError: the file is damaged, or is no such list.
    """
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data.startswith(GZIP) else data
        objects = json.loads(data)
    except Exception as error:  # cut off, not text, nested beyond all bounds ...
        raise InputError(f"{path}: not whole JSON ({error}); fetch it again") from error
    if not isinstance(objects, list) or not all(isinstance(o, dict) for o in objects):
        raise InputError(f"{path}: expected a list of objects, one a person")
    missing = [field for field in fields if not any(field in o for o in objects)]
    if missing:
        raise InputError(
            f"{path}: nobody has {', '.join(missing)}; expected a list of people "
            f"with {', '.join(fields)}"
        )
    return objects


def numbers(objects: Objects, field: str, *shape: int) -> Float[np.ndarray, "..."]:
    """A field of all objects; NaN where it is missing or not numbers of this shape."""
    values = [one.get(field) for one in objects]
    whole = _numbers(values, (len(values), *shape))
    if whole is not None:
        return whole
    rows = [_numbers(value, shape) for value in values]
    return np.stack([np.full(shape, np.nan) if r is None else r for r in rows])


def texts(objects: Objects, field: str) -> list[str]:
    """A field of all objects; empty where it is missing or no text."""
    values = [one.get(field) for one in objects]
    return [value if isinstance(value, str) else "" for value in values]


def _numbers(value: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    try:
        found = np.array(value)
    except ValueError:  # lists of unlike lengths
        return None
    fits = found.dtype.kind in "iuf" and found.shape == shape
    return found.astype(np.float64) if fits else None

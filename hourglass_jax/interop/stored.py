"""Tensors that a file describes, before their numbers are read."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Storage(NamedTuple):
    """A run of numbers that lies elsewhere in the file, under a key."""

    dtype: np.dtype
    key: str
    length: int


class StoredTensor(NamedTuple):
    """A view of a storage, not read yet; ``offset`` and ``strides`` in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


Fetch = Callable[[Storage], bytes]
"""Reads a storage's bytes; fewer than described where the file is cut off."""

"""The format safetensors: eight bytes of length, a header in JSON, and the numbers."""

import json
import math
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np

from hourglass_jax.interop.stored import Fetch, Storage, StoredTensor

_DTYPES = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I64": np.dtype(np.int64),
    "I32": np.dtype(np.int32),
    "I16": np.dtype(np.int16),
    "I8": np.dtype(np.int8),
    "U8": np.dtype(np.uint8),
    "BOOL": np.dtype(np.bool_),
}


def parse_safetensors(content: bytes) -> tuple[dict[str, StoredTensor], Fetch]:
    """The tensors in a file, and how to get at their numbers; raises ValueError."""
    size = int.from_bytes(content[:8], "little")
    header, numbers = content[8 : 8 + size], content[8 + size :]
    if len(header) != size:
        raise ValueError("its header is cut off")
    entries = json.loads(header)
    if not isinstance(entries, dict):
        raise ValueError("a header that is no object")
    entries.pop("__metadata__", None)
    try:
        tensors = {name: _described(entry) for name, entry in entries.items()}
    except (KeyError, TypeError) as error:
        raise ValueError(f"a header without a sound {error}") from error

    def fetch(storage: Storage) -> bytes:
        start = int(storage.key)
        return numbers[start : start + storage.length * storage.dtype.itemsize]

    return tensors, fetch


def _described(entry: Any) -> StoredTensor:
    dtype, shape = _DTYPES[entry["dtype"]], tuple(map(int, entry["shape"]))
    start, end = map(int, entry["data_offsets"])
    length = math.prod(shape)
    if start < 0 or end - start != length * dtype.itemsize:
        raise ValueError(f"offsets {start} to {end} for a shape of {shape}")
    steps = (math.prod(shape[i + 1 :]) for i in range(len(shape)))
    return StoredTensor(Storage(dtype, str(start), length), 0, shape, tuple(steps))


def pack_safetensors(tensors: Mapping[str, np.ndarray]) -> bytes:
    """The content of a file that holds these arrays."""
    kinds = {dtype: kind for kind, dtype in _DTYPES.items()}
    header, end = {}, 0
    for name, values in tensors.items():
        start, end = end, end + values.nbytes
        header[name] = {
            "dtype": kinds[values.dtype],
            "shape": values.shape,
            "data_offsets": [start, end],
        }
    described = json.dumps(header).encode()
    described += b" " * (-len(described) % 8)  # readers map the numbers, aligned
    length = len(described).to_bytes(8, "little")
    return b"".join([length, described, *(v.tobytes() for v in tensors.values())])

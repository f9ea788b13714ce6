"""Checkpoint files of PyTorch and safetensors, read without either.

Nothing in a file is ever executed: see `pickles`.
"""

import errno
import hashlib
import io
import math
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hourglass_jax.errors import InputError
from hourglass_jax.interop.pickles import RefusedError, read_pickle
from hourglass_jax.interop.safetensors_files import parse_safetensors
from hourglass_jax.interop.stored import Fetch, Storage, StoredTensor

StateDict = dict[str, np.ndarray]

# The first pickle of every file that torch.save wrote before version 1.6.
_MAGIC = 0x1950A86A20F9469CFC6C

# What zipfile, json and struct raise for bytes that make no sense.
_DAMAGES = (
    *(ValueError, LookupError, EOFError, OverflowError, OSError, RecursionError),
    *(zipfile.BadZipFile, struct.error, NotImplementedError),
)

_ZIP = b"PK\x03\x04"
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "weights")
_PREFIXES = ("module.", "model.", "net.", "network.")


class Checkpoint(NamedTuple):
    """A state dict, and what lay around it.

    Attributes:
      tensors: arrays by name, prefixes such as ``module.`` taken off.
      beside: names of the entries beside the state dict, which were not read.
      sha256: of the file.
    """

    tensors: StateDict
    beside: list[str]
    sha256: str


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a state dict out of a file of PyTorch (any version) or of safetensors.

    Raises:
      InputError: the file is none of these, is damaged or cut off, holds no state dict,
        or its pickle names anything that a state dict is not made of.
    """
    try:
        if path.exists() and not path.is_file():  # a device never ends
            raise OSError(errno.EINVAL, "not a file")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"import: {path} cannot be read ({error.strerror}); expected a file of "
            "PyTorch or safetensors"
        ) from error
    try:
        tensors, beside = _unwrap(*_parse(content))
    except RefusedError as error:
        raise InputError(
            f"import: {path}: its pickle names {_plain(error)}, which no state dict is "
            "made of; nothing was run; where you trust its maker, save the state dict "
            "alone (torch.save(model.state_dict(), ...)) and import that"
        ) from error
    except _DAMAGES as error:
        raise InputError(
            f"import: {path} is damaged, cut off, or no checkpoint ({_plain(error)}); "
            "expected a state dict saved by PyTorch or safetensors"
        ) from error
    # They are printed later on, where what cannot be printed would move the cursor.
    for name in (*tensors, *beside):
        if not name.isprintable():
            raise InputError(
                f"import: {path} names something {name!a}; expected names that "
                "can be printed; rename it, or leave it out"
            )
    return Checkpoint(tensors, beside, hashlib.sha256(content).hexdigest())


def _plain(error: Exception) -> str:
    """What went wrong; a file's own words cannot move a terminal's cursor."""
    return "".join(c if c.isprintable() else "?" for c in str(error))


def _parse(content: bytes) -> tuple[Any, Fetch]:
    """What a file says, and how to get at the numbers it refers to."""
    if not content:
        raise ValueError("it is empty")
    if content.startswith(_ZIP):
        return _parse_zip(content)
    if content[8:9] == b"{":
        return parse_safetensors(content)
    return _parse_legacy(content)


def _parse_zip(content: bytes) -> tuple[Any, Fetch]:
    archive = zipfile.ZipFile(io.BytesIO(content))
    found = [n for n in archive.namelist() if n.split("/")[1:] == ["data.pkl"]]
    if len(found) != 1:
        raise ValueError("a zip without a data.pkl")
    folder = found[0].removesuffix("data.pkl")
    order = f"{folder}byteorder"
    if order in archive.namelist() and _member(archive, order) != b"little":
        raise ValueError("numbers in big-endian order")

    def fetch(storage: Storage) -> bytes:
        return _member(archive, f"{folder}data/{storage.key}")

    return read_pickle(io.BytesIO(_member(archive, found[0]))), fetch


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """One file of a zip; torch.save compresses nothing, so nothing can explode."""
    try:
        info = archive.getinfo(name)
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} is compressed")
        return archive.read(info)
    except (KeyError, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"no readable {name}") from error


def _parse_legacy(content: bytes) -> tuple[Any, Fetch]:
    file = io.BytesIO(content)
    if read_pickle(file) != _MAGIC:  # other pickles are refused for what they name
        raise ValueError("no zip, no safetensors, nor torch.save's magic number")
    _version, _machine, described, keys = (read_pickle(file) for _ in range(4))
    if not isinstance(keys, list):
        raise ValueError("no list of storages")
    starts: dict[str, tuple[int, int]] = {}
    used = {s.key: s for s in _storages(described)}
    for key in map(str, keys):
        count = int.from_bytes(file.read(8), "little")
        if key not in used or count != used[key].length:
            raise ValueError(f"storage {key} is not the one described")
        starts[key] = file.tell(), count * used[key].dtype.itemsize
        file.seek(starts[key][1], io.SEEK_CUR)

    def fetch(storage: Storage) -> bytes:
        start, size = starts.get(storage.key, (0, 0))
        return content[start : start + size]

    return described, fetch


def _storages(content: Any) -> Iterator[Storage]:
    """All storages that plain data refers to."""
    pending, seen = [content], set()
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, StoredTensor):
            yield item.storage
        elif isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list | tuple):
            pending.extend(item)


def _unwrap(content: Any, fetch: Fetch) -> tuple[StateDict, list[str]]:
    """The state dict inside of ``content``, and the names of what lies beside it."""
    beside: list[str] = []
    while type(content) is dict:  # TorchScript's modules are no wrappers
        inner = next((w for w in _WRAPPERS if isinstance(content.get(w), dict)), None)
        read = content if inner is None else [inner]
        beside += [
            str(name)
            for name, value in content.items()
            if name not in read or not isinstance(value, StoredTensor | dict)
        ]
        if inner is None:
            break
        content = content[inner]
    flat = dict(_flatten(content))
    if not flat:
        raise ValueError("no tensors in it")
    while prefix := next((p for p in _PREFIXES if _all_start(flat, p)), None):
        flat = {name.removeprefix(prefix): value for name, value in flat.items()}
    return {name: _read(name, value, fetch) for name, value in flat.items()}, beside


def _all_start(names: Mapping[str, Any], prefix: str) -> bool:
    return all(name.startswith(prefix) for name in names)


def _flatten(content: Any, prefix: str = "") -> Iterator[tuple[str, StoredTensor]]:
    """Tensors by name; a TorchScript module holds those of its parts."""
    if not isinstance(content, dict):
        return
    for name, value in content.items():
        if isinstance(value, StoredTensor):
            yield f"{prefix}{name}", value
        elif type(value) is type(content):
            yield from _flatten(value, f"{prefix}{name}.")


def _read(name: str, tensor: StoredTensor, fetch: Fetch) -> np.ndarray:
    """Fetch one tensor's numbers; raises ValueError where they are not all there."""
    storage, offset, shape, strides = tensor
    numbers = (offset, *shape, *strides)
    sound = all(isinstance(n, int) and n >= 0 for n in numbers)
    if not sound or len(shape) != len(strides):
        raise ValueError(f"{name} has a shape of {shape} and strides of {strides}")
    values = np.frombuffer(fetch(storage), np.uint8)
    if values.nbytes != storage.length * storage.dtype.itemsize:
        raise ValueError(f"{name} is cut off")
    values = values.view(storage.dtype)
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    count = math.prod(shape)
    if count > values.size or (count and last >= values.size):
        raise ValueError(f"{name} reaches beyond its storage")
    steps = [step * values.itemsize for step in strides]
    view = np.lib.stride_tricks.as_strided(values[offset:], shape, steps)
    return np.ascontiguousarray(view).reshape(shape)

"""A model as a state dict that another port loads."""

import importlib
import io
from pathlib import Path

from hourglass_jax.errors import InputError
from hourglass_jax.files import write_whole
from hourglass_jax.inference import Predictor
from hourglass_jax.interop.conversion import StateDict, to_state_dict
from hourglass_jax.interop.layouts import Layout, Structure, list_entries
from hourglass_jax.interop.ports import find_layout
from hourglass_jax.interop.safetensors_files import pack_safetensors

_SUFFIXES = (".pth", ".safetensors")


def export_torch(model: Predictor, out: str | Path, layout: str) -> None:
    """Write a model's weights under the names of another port.

    Args:
      model: its network must be one that the port has.
      out: a file .pth, for which PyTorch must be installed, or .safetensors, for which
        nothing need be. It is written whole or not at all.
      layout: the port, a key of `ports.LAYOUTS`.

    Raises:
      InputError: the port has no such network, ``out`` exists or has another suffix,
        or PyTorch is missing.
    """
    out = Path(out)
    if out.suffix not in _SUFFIXES:
        raise InputError(f"export: {out}: expected a file {' or '.join(_SUFFIXES)}")
    if out.exists():
        raise InputError(f"export: {out} exists; give a new name, or remove it")
    port = find_layout(layout)
    tensors = _named(model, port)
    if out.suffix == ".pth":
        write_whole(out, _as_pickle(tensors, port.wrapper))
    else:
        write_whole(out, pack_safetensors(tensors))


def _named(model: Predictor, port: Layout) -> StateDict:
    """The weights under a port's names; raises InputError where they do not fit."""
    card = model.card
    if card.model.mean != port.normalisation.mean:
        raise InputError(
            f"export: {port.name} subtracts {port.normalisation.mean} from its input, "
            f"this model {card.model.mean}; train with that --model.mean, or export to "
            "another layout"
        )
    structure = Structure(card.model, len(card.skeleton.keypoints), "hm")
    try:
        entries = list_entries(port.rows(structure), card.variable_shapes())
    except InputError as error:
        raise InputError(f"export: {port.name} has no such network: {error}") from error
    tensors = to_state_dict(model.variables, entries, port.normalisation)
    return {f"{port.prefix}{name}": values for name, values in tensors.items()}


def _as_pickle(tensors: StateDict, wrapper: str | None) -> bytes:
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise InputError(
            "export: a .pth file needs PyTorch, which is not installed; pip install "
            "torch, or export to .safetensors"
        ) from error
    state = {name: torch.from_numpy(values) for name, values in tensors.items()}
    file = io.BytesIO()
    torch.save({wrapper: state} if wrapper else state, file)
    return file.getvalue()

"""Arrays between a port's state dict and our tree, as a layout's table says."""

from collections.abc import Collection, Iterable, Mapping

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Float32

from hourglass_jax.errors import InputError
from hourglass_jax.interop.layouts import COUNTER, Entry, Mean, Normalisation, Shape
from hourglass_jax.interop.names import is_part_of, shorten
from hourglass_jax.models.hourglass import Variables

StateDict = dict[str, np.ndarray]
Kernel = Float32[np.ndarray, "h w i o"]

# The one kernel that sees the input, and so takes its normalisation in.
_FIRST = ("params", "stem", "conv", "kernel")


def to_variables(
    tensors: Mapping[str, np.ndarray],
    entries: Iterable[Entry],
    shapes: Variables,
    normalisation: Normalisation,
) -> Variables:
    """Our tree from a state dict that has every entry.

    A port that divides its input by a standard deviation has that division, and its
    order of the colours, moved into the first kernel: (x / s) * k is x * (k / s).

    Raises:
      InputError: a number is not finite.
    """
    leaves = {
        path: np.empty(leaf.shape, np.float32)
        for path, leaf in flatten_dict(shapes).items()
    }
    for entry in entries:
        if entry.ours is None:
            continue
        values = np.asarray(tensors[entry.name], np.float32)
        if not np.isfinite(values).all():
            raise InputError(f"{entry.name} holds numbers that are not finite")
        if values.ndim == 4:
            values = values.transpose(2, 3, 1, 0)
        if entry.ours == _FIRST:
            values = _fold(values, normalisation)
        leaves[entry.ours][... if entry.stack is None else entry.stack] = values
    return unflatten_dict(leaves)


def to_state_dict(
    variables: Variables, entries: Iterable[Entry], normalisation: Normalisation
) -> StateDict:
    """A port's state dict from our tree; what the port never uses is zero."""
    leaves = flatten_dict(variables)
    tensors: StateDict = {}
    for entry in entries:
        if entry.ours is None:
            kind = np.int64 if entry.name.endswith(COUNTER) else np.float32
            tensors[entry.name] = np.zeros(entry.shape, kind)
            continue
        values = np.asarray(leaves[entry.ours])
        values = values if entry.stack is None else values[entry.stack]
        if entry.ours == _FIRST:
            values = _unfold(values, normalisation)
        if values.ndim == 4:
            values = values.transpose(3, 2, 0, 1)
        tensors[entry.name] = values.copy()  # PyTorch wants to own what it is given
    return tensors


def _fold(kernel: Kernel, normalisation: Normalisation) -> Kernel:
    ordered = kernel[:, :, ::-1] if normalisation.bgr else kernel
    return _divide(ordered, normalisation.std)


def _unfold(kernel: Kernel, normalisation: Normalisation) -> Kernel:
    """Undo `_fold`; what was folded once folds to the same bits again.

    Where the product's grid is the coarser one, it finds the number it came from; where
    it is the finer one, its rounding is too small to matter.
    """
    red, green, blue = normalisation.std
    ordered = _divide(kernel, (1 / red, 1 / green, 1 / blue))
    return ordered[:, :, ::-1] if normalisation.bgr else ordered


def _divide(kernel: Kernel, deviations: Mean) -> Kernel:
    exact = kernel / np.asarray(deviations, np.float64).reshape(1, 1, 3, 1)
    return exact.astype(np.float32)


def check_names(
    found: Mapping[str, Shape], entries: Collection[Entry], heads: Collection[str]
) -> None:
    """Compare names and shapes with a table; raises InputError that lists them all.

    ``num_batches_tracked`` may be missing; tensors of ``heads`` may be there.
    """
    expected = {entry.name: entry.shape for entry in entries}
    missing = [n for n in expected if n not in found and not n.endswith(COUNTER)]
    unknown = [n for n in found if n not in expected and not is_part_of(n, heads)]
    misshapen = [
        f"{name} {found[name]} instead of {shape}"
        for name, shape in expected.items()
        if found.get(name, shape) != shape
    ]
    faults = {
        "missing": list(shorten(missing, expected.keys() & found.keys())),
        "unknown": list(shorten(unknown, expected)),
        "misshapen": misshapen,
    }
    listed = [f"{kind}: {', '.join(names)}" for kind, names in faults.items() if names]
    if listed:
        raise InputError("; ".join(listed))

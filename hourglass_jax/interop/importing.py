"""From a checkpoint of another port to a model that predicts."""

import dataclasses
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from hourglass_jax.errors import InputError
from hourglass_jax.inference import ModelCard, Predictor
from hourglass_jax.interop.checkpoint_files import Checkpoint, read_checkpoint
from hourglass_jax.interop.conversion import check_names, to_variables
from hourglass_jax.interop.faces import FACE
from hourglass_jax.interop.layouts import (
    COUNTER,
    Entry,
    Layout,
    Structure,
    list_entries,
)
from hourglass_jax.interop.names import is_part_of, shorten
from hourglass_jax.interop.ports import find_layout, recognise
from hourglass_jax.skeleton import COCO, MPII, Skeleton

# What the ports were trained on, by the number of heatmaps.
_SKELETONS = {len(s.keypoints): s for s in (MPII, COCO, FACE)}


class Imported(NamedTuple):
    """A model, and what of the file is not in it.

    Attributes:
      model: it predicts as it is, and `export_orbax` keeps it.
      layout: whose file it was.
      unused: modules of the state dict that the port itself never uses, or heads for
        other tasks.
      beside: entries of the file beside the state dict.
    """

    model: Predictor
    layout: Layout
    unused: list[str]
    beside: list[str]


def import_checkpoint(
    path: str | Path,
    layout: str = "auto",
    *,
    input_size: int | None = None,
    skeleton: Skeleton | None = None,
) -> Imported:
    """Read a checkpoint that another port has trained.

    Args:
      path: file of PyTorch (any version, TorchScript too) or of safetensors. Nothing
        in it is executed, and PyTorch is not needed.
      layout: whose it is: a key of `ports.LAYOUTS`, or auto to tell by its names.
      input_size: side of the crops in pixels; the port's own by default.
      skeleton: the keypoints in the order of the heatmaps. By default MPII's where
        there are 16, COCO's where 17, of a face where 68, and otherwise numbers.

    Raises:
      InputError: the file is damaged, or would run code, or has any tensor missing,
        unknown or of another shape than the network.
    """
    path = Path(path)
    checkpoint = read_checkpoint(path)
    try:
        return _import(path, checkpoint, layout, input_size, skeleton)
    except InputError as error:
        raise InputError(f"import: {path}: {error}") from error


def _import(
    path: Path,
    checkpoint: Checkpoint,
    wanted: str,
    input_size: int | None,
    skeleton: Skeleton | None,
) -> Imported:
    auto = wanted == "auto"
    layout = recognise(checkpoint.tensors) if auto else find_layout(wanted)
    tensors = {layout.rename(n): values for n, values in checkpoint.tensors.items()}
    found = {name: values.shape for name, values in tensors.items()}
    structure = layout.structure(found)
    card = _card(layout, structure, input_size, skeleton)
    shapes = card.variable_shapes()
    entries = list_entries(layout.rows(structure), shapes)
    try:
        check_names(found, entries, layout.heads)
    except InputError as error:
        raise InputError(f"not a state dict of {layout.name}: {error}") from error
    unused = _unused(entries, found, layout)
    source = {
        "file": path.name,
        "sha256": checkpoint.sha256,
        "layout": layout.name,
        "pixels": layout.pixels,
        "left_out": unused,
    }
    return Imported(
        model=Predictor(
            dataclasses.replace(card, training={"imported": source}),
            to_variables(tensors, entries, shapes, layout.normalisation),
        ),
        layout=layout,
        unused=unused,
        beside=checkpoint.beside,
    )


def _card(
    layout: Layout,
    structure: Structure,
    input_size: int | None,
    skeleton: Skeleton | None,
) -> ModelCard:
    side = layout.input_size if input_size is None else input_size
    mean = layout.normalisation.mean
    return ModelCard(
        model=dataclasses.replace(structure.model, mean=mean),
        skeleton=_skeleton(structure.keypoints, skeleton),
        input_size=(side, side),
        box_padding=layout.box_padding,
        decoder=layout.decoder,
        sigma_hm=layout.sigma_hm,
    )


def _skeleton(count: int, given: Skeleton | None) -> Skeleton:
    if given is None:
        return _SKELETONS.get(count) or _numbered(count)
    if len(given.keypoints) != count:
        raise InputError(
            f"{count} heatmaps, but {len(given.keypoints)} keypoints in the skeleton "
            f"{given.name}; give the skeleton that the network was trained on"
        )
    return given


def _numbered(count: int) -> Skeleton:
    """Keypoints of which nothing is known; each is its own mirror image."""
    return Skeleton(
        name=f"points{count}",
        keypoints=tuple(f"point_{i + 1}" for i in range(count)),
        limbs=(),
        groups={},
        sigmas=(0.0,) * count,
    )


def _unused(
    entries: Iterable[Entry], found: Collection[str], layout: Layout
) -> list[str]:
    """Modules that were left out, each with its number of tensors."""
    used = {entry.name for entry in entries if entry.ours}
    left = [
        name
        for name in found
        if name not in used
        and (is_part_of(name, layout.heads) or not name.endswith(COUNTER))
    ]
    return list(shorten(left, used))

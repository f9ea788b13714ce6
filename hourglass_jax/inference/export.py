"""A model as a folder of its own: parameters by Orbax, and model.json."""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from orbax.checkpoint import v1 as ocp

from hourglass_jax import __version__
from hourglass_jax.errors import InputError
from hourglass_jax.files import checksums, write_json
from hourglass_jax.inference.card import ModelCard, read_card
from hourglass_jax.models.hourglass import Variables

if TYPE_CHECKING:
    from hourglass_jax.inference.predictor import Predictor

_MAKERS = ("jax", "flax", "orbax-checkpoint")
_SHOWN = 3  # differences that a message lists


def export_orbax(
    predictor: "Predictor", out: str | Path, *, half: bool = False
) -> None:
    """Write a model to the folder ``out``, whole or not at all.

    ``out/params`` holds ``{"params", "batch_stats"}`` as `orbax.checkpoint.v1.load`
    reads them; ``out/model.json`` all that is needed to run them, their provenance, and
    the SHA-256 of every file. With ``half`` kernels lie there as float16, rounded to 11
    bits, in half the space; `read_export` makes them float32 again.

    Raises:
      InputError: ``out`` is there already and is not an empty folder, or a kernel is
        too large for float16.
    """
    out = Path(out).absolute()
    _refuse_existing(out)
    variables = _halve(predictor.variables) if half else predictor.variables
    with _replacing(out) as folder:
        ocp.save(folder / "params", variables)
        _forget_place(folder)
        content = predictor.card.to_dict()
        content["made_by"] = makers()
        content["files"] = checksums(folder)
        content["fits"] = _fit(content, predictor.variables)
        write_json(folder / "model.json", content)


def read_export(path: Path) -> tuple[ModelCard, Variables]:
    """Read what `export_orbax` wrote; the variables on the default device.

    Raises:
      InputError: model.json cannot be used, a file is missing or was changed, or the
        parameters are not those of the network in model.json.
    """
    path = path.absolute()
    card, content = read_card(path / "model.json")
    _check_files(path, content)
    try:
        stored = ocp.metadata(path / "params").metadata
        # To ask the network itself means to trace it, a third of the time of loading.
        if content.get("fits") != _fit(content, stored):
            _check_shapes(stored, card.variable_shapes(), path)
        device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
        return card, ocp.load(path / "params", _placed(stored, device))
    except InputError:
        raise
    except Exception as error:  # Orbax raises a different kind for each fault
        raise InputError(
            f"model: {path / 'params'} is damaged ({type(error).__name__}); "
            "export the model again"
        ) from error


def _halve(variables: Variables) -> Variables:
    """Kernels, which are nearly all there is, as float16."""

    def narrow(leaf: jax.Array) -> jax.Array:
        return leaf.astype(jnp.float16) if leaf.ndim > 2 else leaf

    halved = jax.tree.map(narrow, variables)
    if not all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(halved)):
        raise InputError(
            "export: a kernel has numbers above 65504, too large for float16; leave "
            "--weights float16 out"
        )
    return halved


def _refuse_existing(out: Path) -> None:
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists():
        raise InputError(
            f"export: {out} exists and is not an empty folder; give a new "
            "name, or remove it"
        )


def _forget_place(folder: Path) -> None:
    """Take out where on this computer Orbax saved: a model is passed on."""
    for note in folder.rglob("commit_success.txt"):
        note.write_text("committed\n")


@contextlib.contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """A folder to write to, which becomes ``out`` if nothing goes wrong."""
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of an export that was killed
    partial.mkdir(parents=True)
    try:
        yield partial
        if out.is_dir():
            out.rmdir()
        os.replace(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def makers() -> dict[str, str]:
    """Versions of what writes a file, and when."""
    versions = {name: importlib.metadata.version(name) for name in _MAKERS}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"hourglass_jax": __version__, **versions, "date": now}


def _check_files(path: Path, content: Mapping[str, Any]) -> None:
    listed = content.get("files")
    if not isinstance(listed, dict) or not listed:
        raise InputError(
            f"model: {path / 'model.json'} lists no files; export the model again"
        )
    found = checksums(path)
    for name, checksum in listed.items():
        if found.get(name) != checksum:
            what = "was changed or cut off" if name in found else "is missing"
            raise InputError(f"model: {path / name} {what}; export the model again")


def _check_shapes(stored: Any, expected: Variables, path: Path) -> None:
    """Raise InputError that lists where the file and the network disagree."""
    there, wanted = _shapes(stored), _shapes(expected)
    differing = [
        f"{name} is {there.get(name, 'missing')}, expected {wanted.get(name, 'none')}"
        for name in sorted(there.keys() | wanted.keys())
        if there.get(name) != wanted.get(name)
    ]
    if differing:
        more = len(differing) - _SHOWN
        raise InputError(
            f"model: {path / 'params'} is not of the network in model.json: "
            + "; ".join(differing[:_SHOWN])
            + (f"; and {more} more" if more > 0 else "")
            + "; export the model again"
        )


def _fit(content: Mapping[str, Any], variables: Any) -> str:
    """What says that a network and variables were exported together."""
    both = [content["network"], sorted(_shapes(variables).items())]
    return hashlib.sha256(json.dumps(both, sort_keys=True).encode()).hexdigest()


def _shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): tuple(leaf.shape)
        for path, leaf in leaves
    }


def _placed(tree: Any, device: jax.sharding.Sharding) -> Any:
    # Float32 whatever lies there, see `_halve`.
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, jnp.float32, sharding=device), tree
    )

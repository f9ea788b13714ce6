"""Checkpoints: the only module that speaks to Orbax about training.

A folder ``checkpoints/`` holds one folder a step, written by Orbax to a temporary name
and renamed when complete. Beside each, ``<step>.sha256.json`` lists what its files
must contain, so that one that was cut off or damaged later is recognised before it is
read, by name, and the one before it can be used.
"""

import json
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from orbax.checkpoint import v1 as ocp

from hourglass_jax.config import Config
from hourglass_jax.config_files import from_json
from hourglass_jax.errors import InputError
from hourglass_jax.files import checksums, write_json
from hourglass_jax.skeleton import Skeleton
from hourglass_jax.training.state import TrainState, Variables, make_network

log = logging.getLogger(__name__)
Progress = dict[str, int | float | str]


class Checkpoints:
    """The checkpoints of one folder, of which the newest ``keep`` stay."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder.absolute()  # Orbax takes no relative path
        self.keep = keep

    def steps(self) -> list[int]:
        """Steps of the finished checkpoints, newest first."""
        found = [p for p in self.folder.glob("*") if p.is_dir() and p.name.isdigit()]
        return sorted((int(p.name) for p in found), reverse=True)

    def save(self, step: int, trees: Mapping[str, Any], progress: Progress) -> None:
        """Write a checkpoint, then forget the oldest beyond ``keep``.

        Args:
          step: its name; one that is there already is replaced.
          trees: pytrees of arrays, by name.
          progress: a few plain values to keep with them.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        policy = ocp.training.preservation_policies.LatestN(self.keep)
        with ocp.training.Checkpointer(
            self.folder, preservation_policy=policy, cleanup_tmp_directories=True
        ) as checkpointer:
            checkpointer.save_checkpointables(
                step, {**trees, "progress": progress}, force=True, overwrite=True
            )
        write_json(self._checksums(step), checksums(self.folder / str(step)))
        for path in self.folder.glob("*.sha256.json"):
            if not (self.folder / path.name.split(".")[0]).is_dir():
                path.unlink()

    def load(
        self, step: int, abstract: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Progress]:
        """Read the trees named in ``abstract`` (shapes, types, shardings) back.

        Raises:
          InputError: it is damaged, or holds a network of other shapes.
        """
        checkpoint = self.folder / str(step)
        verify(checkpoint)
        return load_trees(checkpoint, abstract)

    def load_newest(
        self, abstract: Mapping[str, Any]
    ) -> tuple[int, dict[str, Any], Progress] | None:
        """The newest checkpoint that is whole; None where there is no checkpoint.

        Raises:
          InputError: there are checkpoints and every one of them is damaged.
        """
        problems = []
        for step in self.steps():
            try:
                verify(self.folder / str(step))
            except InputError as error:
                problems.append(str(error))
                log.warning("%s; trying the one before", error)
                continue
            return step, *load_trees(self.folder / str(step), abstract)
        if problems:
            raise InputError(
                f"{self.folder}: no checkpoint is whole; start again in another "
                f"workdir. The newest: {problems[0]}"
            )
        return None

    def _checksums(self, step: int) -> Path:
        return self.folder / f"{step}.sha256.json"


def verify(checkpoint: Path) -> None:
    """Compare a checkpoint's files with what was written; raises InputError."""
    listing = checkpoint.with_name(f"{checkpoint.name}.sha256.json")
    if not listing.is_file():
        raise InputError(
            f"checkpoint {checkpoint}: {listing.name} is missing beside it, so saving "
            "it was cut off; use an older checkpoint"
        )
    try:
        expected = json.loads(listing.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"checkpoint {checkpoint}: {listing} is unreadable") from error
    found = checksums(checkpoint)
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            what = "is missing" if name not in found else "differs from what was saved"
            raise InputError(
                f"checkpoint {checkpoint}: {name} {what}; use an older checkpoint"
            )


def load_trees(
    checkpoint: Path, abstract: Mapping[str, Any]
) -> tuple[dict[str, Any], Progress]:
    """Read pytrees of known shapes from one checkpoint folder; raises InputError."""
    try:
        loaded = ocp.load_checkpointables(checkpoint, {**abstract, "progress": None})
    except Exception as error:  # Orbax raises a different kind for each fault
        raise InputError(
            f"checkpoint {checkpoint}: its arrays are not those of this network, or "
            f"it is damaged ({type(error).__name__}); give the workdir it came from"
        ) from error
    return {name: loaded[name] for name in abstract}, loaded["progress"]


def state_trees(state: TrainState) -> dict[str, Any]:
    """A state as named trees, the form in which checkpoints hold it."""
    trees = {"variables": state.variables, "opt_state": state.opt_state}
    return trees if state.ema is None else {**trees, "ema": state.ema}


def restore_variables(path: str | Path) -> tuple[Variables, int, Config, Skeleton]:
    """The variables to evaluate, from a workdir or one checkpoint inside of it.

    Args:
      path: a workdir (its best checkpoint, or else its newest), or ``.../checkpoints``,
        ``.../best`` or a checkpoint's own folder.

    Returns:
      Parameters and statistics on the default device, the step they are from, and the
      workdir's configuration and skeleton.

    Raises:
      InputError: nothing there, or nothing whole.
    """
    path = Path(path)
    workdir = find_workdir(path)
    config, skeleton = read_workdir(workdir)
    abstract = abstract_variables(config, len(skeleton.keypoints))
    if path.name.isdigit():
        tree = _evaluated_tree(path)
        trees, _ = Checkpoints(path.parent, 1).load(int(path.name), {tree: abstract})
        return trees[tree], int(path.name), config, skeleton
    folders = [workdir / "best", workdir / "checkpoints"] if path == workdir else [path]
    for folder in folders:
        found = Checkpoints(folder, 1)
        for step in found.steps()[:1]:
            tree = _evaluated_tree(folder / str(step))
            newest = found.load_newest({tree: abstract})
            if newest is not None:
                return newest[1][tree], newest[0], config, skeleton
    raise InputError(f"{path}: no checkpoint yet; train first, or give another workdir")


def _evaluated_tree(checkpoint: Path) -> str:
    return "ema" if (checkpoint / "ema").is_dir() else "variables"


def find_workdir(path: Path) -> Path:
    """The workdir that ``path`` is, or lies in; raises InputError."""
    for folder in (path, path.parent, path.parent.parent):
        if (folder / "config.json").is_file():
            return folder
    if not path.exists():
        raise InputError(f"{path} does not exist; give a workdir or an exported model")
    raise InputError(f"{path}: neither a workdir (no config.json) nor a checkpoint")


def read_workdir(workdir: Path) -> tuple[Config, Skeleton]:
    """The configuration and the skeleton that a workdir was made with."""
    config = from_json((workdir / "config.json").read_text(), workdir / "config.json")
    path = workdir / "skeleton.json"
    try:
        return config, Skeleton.from_dict(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: missing or unreadable ({error})") from error


def abstract_variables(config: Config, keypoints: int) -> Variables:
    """Shapes and types of the network's variables, on this process's first device."""
    net = make_network(config, keypoints)
    side = config.data.input_size
    images = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
    draw = partial(net.init, train=False)
    shapes = jax.eval_shape(draw, jax.random.key(0), images)
    device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return with_sharding(shapes, device)


def with_sharding(shapes: Any, sharding: jax.sharding.Sharding) -> Any:
    """The same shapes and types, each to be placed as ``sharding`` says."""
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), shapes
    )

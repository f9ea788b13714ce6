"""Checkpoints: the only module that speaks to Orbax about training.

A folder ``checkpoints/`` holds one folder a step, written by Orbax to a temporary name
and renamed when complete. Beside each, ``<step>.sha256.json`` lists what its files
must contain, so that one that was cut off or damaged later is recognised before it is
read, by name, and the one before it can be used. Older ones are removed only then.

Where there are several processes, all of them call `Checkpoints`: each writes and reads
arrays, process 0 does the rest.
"""

import json
import logging
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
from orbax.checkpoint import v1 as ocp

from hourglass_jax.config import Config
from hourglass_jax.config_files import from_json
from hourglass_jax.errors import InputError
from hourglass_jax.files import checksums, write_json
from hourglass_jax.models.variables import variable_shapes
from hourglass_jax.skeleton import Skeleton
from hourglass_jax.training.processes import on_first
from hourglass_jax.training.state import TrainState, Variables, make_network

log = logging.getLogger(__name__)

# Of an array that all devices have, each process writes a part of so many bytes. For
# small ones, of which there are hundreds, the programs that cut them compiled for a
# minute.
_PART_BYTES = 1 << 18
Progress = dict[str, int | float | str]


class SaveError(RuntimeError):
    """A checkpoint could not be written."""


class Checkpoints:
    """The checkpoints of one folder, of which the newest ``keep`` stay."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder.absolute()  # Orbax takes no relative path
        self.keep = keep
        self._damaged: set[int] = set()

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

        Raises:
          SaveError: it could not be written; those that were there stay.
        """
        try:
            on_first(self._clear)
            with _large_in_parts():
                ocp.save_checkpointables(
                    self.folder / str(step),
                    {**trees, "progress": progress},
                    overwrite=True,
                )
            on_first(partial(self._finish, step))
        except jax.errors.JaxRuntimeError:  # another process ended
            raise
        except Exception as error:  # Orbax raises a different kind for each fault
            raise SaveError(self._not_written(step, error)) from error

    def _clear(self) -> None:
        """Make the folder, and remove what a save that was cut off has left."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.glob("*.orbax-checkpoint-tmp*"):
            shutil.rmtree(path)

    def _finish(self, step: int) -> None:
        """Say what the files are; only then is the oldest no longer needed."""
        write_json(self._checksums(step), checksums(self.folder / str(step)))
        self._damaged.discard(step)
        # Later ones are of a run that was cut off and went on from before them.
        before = [s for s in self.steps() if s < step and s not in self._damaged]
        kept = [step, *before][: self.keep]
        for other in self.steps():
            if other not in kept:
                shutil.rmtree(self.folder / str(other))
        self._damaged.clear()
        for path in self.folder.glob("*.sha256.json"):
            if not (self.folder / path.name.split(".")[0]).is_dir():
                path.unlink()

    def _not_written(self, step: int, error: Exception) -> str:
        whole = [s for s in self.steps() if s != step and self._checksums(s).is_file()]
        kept = f"that of step {whole[0]} is kept" if whole else "there is none before"
        return (
            f"step {step}: the checkpoint was not written to {self.folder} "
            f"({type(error).__name__}: {_first_line(error)}); {kept}. Make room there, "
            "then give the same command again"
        )

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
        self, abstract: Mapping[str, Any], *, or_begin: bool = False
    ) -> tuple[int, dict[str, Any], Progress] | None:
        """The newest checkpoint that is whole; None where there is no checkpoint.

        Args:
          abstract: of each tree to read, shapes, types and shardings.
          or_begin: None, too, where there is only one and saving it was cut off: a run
            that was killed there has nothing to lose by beginning anew.

        Raises:
          InputError: there are checkpoints and every one of them is damaged.
        """
        step = on_first(partial(self._newest_whole, or_begin))
        if not step:
            return None
        return step, *load_trees(self.folder / str(step), abstract)

    def _newest_whole(self, or_begin: bool) -> int:
        """Its step; 0 where there is none to go on from."""
        problems = []
        steps = self.steps()
        if or_begin and len(steps) == 1 and not self._checksums(steps[0]).is_file():
            log.warning("%s; beginning anew", _cut_off(self.folder / str(steps[0])))
            return 0
        for step in steps:
            try:
                verify(self.folder / str(step))
            except InputError as error:
                problems.append(str(error))
                self._damaged.add(step)
                log.warning("%s; trying the one before", error)
                continue
            return step
        if problems:
            raise InputError(
                f"{self.folder}: no checkpoint is whole, so nothing can go on from "
                f"here. The newest: {problems[0]}"
            )
        return 0

    def _checksums(self, step: int) -> Path:
        return self.folder / f"{step}.sha256.json"


def _large_in_parts() -> Any:
    context = ocp.Context()
    context.array.saving.min_slice_bytes_for_replica_parallel = _PART_BYTES
    return context


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _cut_off(checkpoint: Path) -> str:
    listing = f"{checkpoint.name}.sha256.json"
    return f"checkpoint {checkpoint}: {listing} is missing, so saving it was cut off"


def verify(checkpoint: Path) -> None:
    """Compare a checkpoint's files with what was written; raises InputError."""
    listing = checkpoint.with_name(f"{checkpoint.name}.sha256.json")
    if not listing.is_file():
        raise InputError(f"{_cut_off(checkpoint)}; use an older checkpoint")
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
    if path != workdir and path.name.isdigit():
        tree = _evaluated_tree(path.parent, config)
        trees, _ = Checkpoints(path.parent, 1).load(int(path.name), {tree: abstract})
        return trees[tree], int(path.name), config, skeleton
    folders = [workdir / "best", workdir / "checkpoints"] if path == workdir else [path]
    problem = None
    for folder in folders:
        tree = _evaluated_tree(folder, config)
        try:
            newest = Checkpoints(folder, 1).load_newest({tree: abstract})
        except InputError as error:
            problem = problem or error
            log.warning("%s", error)
            continue
        if newest is not None:
            return newest[1][tree], newest[0], config, skeleton
    if problem is not None:
        raise problem
    raise InputError(f"{path}: no checkpoint yet; train first, or give another workdir")


def _evaluated_tree(folder: Path, config: Config) -> str:
    """What was scored; of the best checkpoint nothing else is kept."""
    return "ema" if config.optim.ema and folder.name != "best" else "variables"


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
    shapes = variable_shapes(make_network(config, keypoints), config.model.multiple)
    device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return with_sharding(shapes, device)


def with_sharding(shapes: Any, sharding: jax.sharding.Sharding) -> Any:
    """The same shapes and types, each to be placed as ``sharding`` says."""
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), shapes
    )

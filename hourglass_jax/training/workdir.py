"""The folder of a run: whose it is, and whether this run may go on in it."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

from hourglass_jax.config import Config
from hourglass_jax.config_files import from_json, to_json
from hourglass_jax.data.records import Dataset
from hourglass_jax.errors import InputError
from hourglass_jax.files import is_partial, write_whole
from hourglass_jax.skeleton import Skeleton
from hourglass_jax.training.checkpoints import read_workdir

# What may change when a run goes on: its length, its reporting, where files lie.
MAY_CHANGE = {
    *("train.steps", "train.evaluate_every", "train.log_every", "train.keep"),
    "train.patience",
    *("data.raw_dir", "data.data_dir", "data.workers"),
    *("data.annotations", "data.skeleton"),
    *("mesh.data", "mesh.space", "train.precise_statistics"),
}
_LOCAL = {
    f"data.{field}"
    for field in ("raw_dir", "data_dir", "annotations", "skeleton", "workers")
}
_MISSING = "nothing"


def claim(workdir: Path, config: Config, skeleton: Skeleton) -> None:
    """Write ``config.json`` and ``skeleton.json``, or check those that are there.

    Raises:
      InputError: the folder holds a run of another configuration or other keypoints,
        or something that is not a run at all.
    """
    path = workdir / "config.json"
    if path.is_file():
        now = from_json(to_json(config), path)
        refuse_changes(from_json(path.read_text(), path), now, workdir)
    elif workdir.is_dir() and not all(map(is_partial, workdir.iterdir())):
        raise InputError(
            f"{workdir}: is not empty and not a run (no config.json); "
            "give a new folder to --workdir"
        )
    elif workdir.exists() and not workdir.is_dir():
        raise InputError(f"{workdir}: is a file; give a folder to --workdir")
    known = workdir / "skeleton.json"
    if known.is_file() and not _same_keypoints(read_workdir(workdir)[1], skeleton):
        raise InputError(
            f"{known}: has other keypoints than the data set ({skeleton.name}); "
            "give a new folder to --workdir"
        )
    # First what makes the folder a run, in case this is the last that is written.
    write_whole(path, to_json(config))
    write_whole(known, json.dumps(skeleton.to_dict(), indent=1) + "\n")


def require_shared(workdir: Path) -> None:
    """Raise InputError where process 0's workdir is not to be seen."""
    if not (workdir / "config.json").is_file():
        raise InputError(
            f"{workdir}: is not the folder that process 0 has; give --workdir on a "
            "file system that all processes share"
        )


def describe(config: Config, dataset: Dataset) -> str:
    """What all processes of a run must have alike; where their files lie may differ."""
    fields = {n: v for n, v in _flatten(config).items() if _general(n) not in _LOCAL}
    people = [
        {name: len(records) for name, records in each.splits.items()}
        for each in (dataset, *dataset.others)
    ]
    return repr((fields, people, dataset.skeleton.keypoints))


def _same_keypoints(a: Skeleton, b: Skeleton) -> bool:
    # What the heatmaps mean; colours, limbs and sigmas may become others meanwhile.
    return (a.keypoints, a.flip) == (b.keypoints, b.flip)


def refuse_changes(old: Config, new: Config, workdir: Path) -> None:
    """Raise InputError naming every field that a run may not change on the way."""
    before, after = _flatten(old), _flatten(new)
    changed = [
        f"{name} is {before.get(name, _MISSING)!r} there and "
        f"{after.get(name, _MISSING)!r} now"
        for name in {**before, **after}
        if before.get(name, _MISSING) != after.get(name, _MISSING)
        and _general(name) not in MAY_CHANGE
    ]
    if changed:
        raise InputError(
            f"{workdir} belongs to another run: {'; '.join(changed)}; "
            "use the same values, or a new folder for --workdir"
        )


def _flatten(part: Any, name: str = "") -> dict[str, Any]:
    """Every value by its name, such as ``data.also.0.raw_dir``."""
    if dataclasses.is_dataclass(part):
        fields = dataclasses.fields(part)
        inner = [(field.name, getattr(part, field.name)) for field in fields]
    elif isinstance(part, tuple) and any(map(dataclasses.is_dataclass, part)):
        inner = [(str(number), each) for number, each in enumerate(part)]
    else:
        return {name: part}
    flat: dict[str, Any] = {}
    for key, value in inner:
        flat |= _flatten(value, f"{name}.{key}" if name else key)
    return flat


def _general(name: str) -> str:
    """What holds for the first data set holds for the others."""
    return re.sub(r"^data\.also\.\d+\.", "data.", name)

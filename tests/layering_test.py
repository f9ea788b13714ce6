"""Who may import whom: arrows point down, and models/ stands alone."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "hourglass_jax"
LEVELS = (
    {
        *("compile_cache", "compile_options", "config", "config_files", "errors"),
        *("extras", "files", "memory"),
        *("geometry", "joint_names", "progress", "skeleton", "skeleton_files"),
    },
    {"models", "heatmaps", "decoding", "drawing", "losses", "metrics"},
    {"data"},
    {"training", "inference", "evaluation", "interop"},
    {"diagnosis"},
    {"cli"},
    {"__init__"},
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
MODELS_MAY = {"jax", "flax", "jaxtyping", *sys.stdlib_module_names}
DATA_ONLY = {"tensorflow_datasets", "grain", "array_record"}


def imports(file: Path, root: Path) -> Iterator[list[str]]:
    """The dotted parts of every imported name, relative ones made absolute."""
    package = file.relative_to(root.parent).parts[:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else ()
            module = node.module.split(".") if node.module else []
            yield from ([*base, *module, alias.name] for alias in node.names)


def forbidden(room: str, name: list[str], root: Path) -> bool:
    if name[0] != root.name:
        foreign = room == "models" and name[0] not in MODELS_MAY
        return foreign or (room != "data" and name[0] in DATA_ONLY)
    other = name[1] if len(name) > 1 else "__init__"
    if other in (room, "__version__"):
        return False
    behind_the_door = root.joinpath(*name[1:3])
    inside = behind_the_door.is_dir() or behind_the_door.with_suffix(".py").is_file()
    return (
        room == "models"
        or name[-1].startswith("_")
        or LEVEL.get(other, len(LEVELS)) > LEVEL[room]
        or (LEVEL[other] == LEVEL[room] and len(name) > 2 and inside)
    )


def violations(root: Path) -> list[str]:
    return [
        f"{file.relative_to(root)} imports {'.'.join(name)}"
        for file in sorted(root.rglob("*.py"))
        for name in imports(file, root)
        if forbidden(file.relative_to(root).with_suffix("").parts[0], name, root)
    ]


def test_imports_point_down():
    assert not violations(PACKAGE)


def test_every_room_has_a_level():
    files = {file.relative_to(PACKAGE) for file in PACKAGE.rglob("*.py")}
    assert {file.with_suffix("").parts[0] for file in files} <= LEVEL.keys()


@pytest.fixture
def planted(tmp_path):
    """A package of the same rooms, into which one import can be put."""
    root = tmp_path / PACKAGE.name
    for file in ("metrics/pck.py", "inference/results.py"):
        (root / file).parent.mkdir(parents=True)
        (root / file).touch()

    def plant(file, source):
        (root / file).parent.mkdir(exist_ok=True)
        (root / file).write_text(source)
        return violations(root)

    return plant


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("config/model.py", "from hourglass_jax.heatmaps import render"),
        ("data/pipeline.py", "import hourglass_jax.training"),
        ("data/pipeline.py", "from ..training import loop"),
        ("training/loop.py", "def late():\n    from hourglass_jax.cli import main"),
        ("training/loop.py", "from hourglass_jax import load"),
        ("training/loop.py", "from hourglass_jax.inference.results import Pose"),
        ("training/loop.py", "from hourglass_jax.inference import results"),
        ("training/loop.py", "from hourglass_jax.data import _hidden"),
        ("training/loop.py", "import grain"),
        ("heatmaps.py", "from .metrics.pck import pck"),
        ("models/layers.py", "import numpy as np"),
        ("models/layers.py", "from hourglass_jax.errors import InputError"),
    ],
)
def test_a_forbidden_import_is_seen(planted, file, source):
    assert len(planted(file, source)) == 1


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("cli.py", "from hourglass_jax.training.loop import train"),
        ("config/model.py", "from hourglass_jax.errors import InputError"),
        ("data/pipeline.py", "import grain"),
        ("models/hourglass.py", "import math\nfrom .layers import Residual"),
        ("training/loop.py", "from hourglass_jax.inference import draw"),
        ("training/loop.py", "from hourglass_jax import __version__"),
    ],
)
def test_an_import_downwards_is_allowed(planted, file, source):
    assert planted(file, source) == []

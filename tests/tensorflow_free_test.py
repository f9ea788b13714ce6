"""TensorFlow is neither installed with this package nor let into its process."""

import itertools
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
FRAMEWORKS = {"tensorflow", "tensorflow-cpu", "tf-nightly", "keras", "torch"}
IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
import hourglass_jax

for module in pkgutil.walk_packages(hourglass_jax.__path__, "hourglass_jax."):
    print(module.name)
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:  # what compares with PyTorch may ask for it
        assert error.name == "torch", error
assert "tensorflow" not in sys.modules, "tensorflow was imported"
"""


@pytest.mark.parametrize(
    "tensorflow", ["", "raise ModuleNotFoundError(__name__)"], ids=["there", "absent"]
)
def test_no_module_imports_tensorflow(tmp_path, tensorflow):
    """Whether TensorFlow could be imported or not: a stand-in is found first."""
    (tmp_path / "tensorflow.py").write_text(tensorflow)
    run = subprocess.run(
        [sys.executable, "-c", IMPORT_EVERYTHING],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    modules = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in (ROOT / "hourglass_jax").rglob("[!_]*.py")
    }
    assert modules <= set(run.stdout.split())


def test_no_dependency_is_another_framework():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert [re.split(r"[^\w-]", name)[0] for name in extras.pop("torch")] == ["torch"]
    declared = [*project["dependencies"], *itertools.chain(*extras.values())]
    assert not FRAMEWORKS & {re.split(r"[^\w-]", name)[0] for name in declared}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_holds_hashes_and_neither_frameworks_nor_hosts(lock):
    pins = lock.read_text().replace("\\\n", "").splitlines()
    pins = [line for line in pins if not line.startswith("#")]
    assert not FRAMEWORKS & {pin.split("==")[0] for pin in pins}
    assert all("--hash=sha256:" in pin for pin in pins)
    assert "://" not in lock.read_text()

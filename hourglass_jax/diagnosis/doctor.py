"""`hourglass doctor`: what is installed, which devices are found, and whether it works.

Exit status 1 if the self-test fails; what is merely missing is said, and no failure.
"""

import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import tyro

from hourglass_jax import __version__
from hourglass_jax.diagnosis import machine, text

_REQUIRED = (
    *("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy"),
    *("opencv-python-headless", "grain", "tensorflow-datasets", "array-record"),
)
# Package, what it is for, how to get it.
_OPTIONAL = (
    ("onnx", "export to ONNX", "pip install onnx"),
    ("onnxruntime", "running ONNX files", "pip install onnxruntime"),
    ("ai-edge-litert", "running LiteRT files", "pip install ai-edge-litert"),
    (
        "litert-converter",
        "export to LiteRT",
        "pip install --no-deps litert-converter==0.5.0",
    ),
    ("torch", "weights in .pth, comparisons", "pip install torch"),
    ("supervision", "results as supervision.KeyPoints", "pip install supervision"),
)
_NVIDIA = Path("/proc/driver/nvidia/version")


def run(argv: Sequence[str]) -> int:
    """Say what is installed and whether it works."""

    def parse() -> None:
        """Say what is installed, which devices are found, and whether it works.

        Exit status 1 if the self-test fails. What is merely missing is no failure.
        """

    tyro.cli(parse, prog="hourglass doctor", args=list(argv))
    print("versions\n" + text.describe(list(versions())), end="\n\n")
    print("optional\n" + text.describe(list(optional())), end="\n\n")
    print("devices\n" + text.describe(list(devices())), end="\n\n")
    print("folders\n" + text.describe(list(folders())), end="\n\n")
    return self_test()


def versions() -> Iterator[tuple[str, str]]:
    """This package, Python, and what the package cannot do without."""
    yield "hourglass_jax", __version__
    yield "python", f"{platform.python_version()} ({sys.executable})"
    for name in _REQUIRED:
        yield name, _version(name) or f"MISSING; pip install {name}"


def optional() -> Iterator[tuple[str, str]]:
    """Packages that some users need: their version, or how to get them."""
    for name, purpose, how in _OPTIONAL:
        found = _version(name)
        yield name, f"{found}, for {purpose}" if found else f"no {purpose}; {how}"


def devices() -> Iterator[tuple[str, str]]:
    """What JAX computes on, and what it seems to overlook."""
    import jax  # after what needs no device was printed

    for device in jax.local_devices():
        memory = (device.memory_stats() or {}).get("bytes_limit")
        known = f", {text.size(memory)}" if memory else ""
        yield str(device), f"{device.device_kind}{known}"
    yield "processor", f"{machine.cores()} cores, {machine.processor()}"
    yield "oneDNN", f"for training and --optimise on CPU: {_onednn_types()}"
    if jax.default_backend() == "cpu" and _NVIDIA.exists():
        yield (
            "warning",
            "an NVIDIA GPU is here and JAX does not use it; pip install 'jax[cuda12]'",
        )


def _onednn_types() -> str:
    from hourglass_jax.models.onednn import serves

    return ", ".join(t for t in ("float32", "bfloat16") if serves(t)) or "no"


def folders() -> Iterator[tuple[str, str]]:
    """Where things are kept, and how much."""
    from hourglass_jax.compile_cache import VARIABLE, cache_folder
    from hourglass_jax.config import DataConfig
    from hourglass_jax.data.datasets import data_dir

    yield "records", _kept(data_dir(DataConfig()), "HOURGLASS_DATA_DIR")
    compiled = cache_folder(os.environ)
    said = f"off ({VARIABLE})" if compiled is None else _kept(compiled, VARIABLE)
    yield "compiled programs", said


def self_test() -> int:
    """Run the checks and say how each went; returns the exit status."""
    from hourglass_jax.diagnosis.self_test import CHECKS

    print("self-test")
    failures = sum(not _passes(name, check) for name, check in CHECKS.items())
    print("all is well" if not failures else f"{failures} checks failed")
    return min(failures, 1)


def _passes(name: str, check: Callable[[], str]) -> bool:
    began = time.perf_counter()
    try:
        said = check()
    except Exception as error:  # whatever is broken here is what is asked for
        print(f"  FAILED {name}: {type(error).__name__}: {error}")
        return False
    print(f"  ok     {name}: {said} ({time.perf_counter() - began:.1f} s)")
    return True


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _kept(folder: Path, variable: str) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    total = sum(path.stat().st_size for path in files)
    return f"{folder}, {text.size(total)} ({variable} names another)"

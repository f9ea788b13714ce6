"""How long a new process takes to its first prediction."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hourglass_jax.compile_cache import VARIABLE

_PARTS = ("imports", "load", "first", "second")


def measure(model: Path, *, optimise: bool = False) -> dict[str, dict[str, float]]:
    """Seconds of the first start, which compiles, and of the second, which need not.

    With ``optimise`` both compile where oneDNN serves: its programs are not kept.

    ``total`` is from starting the process to its end; the others are what it says of
    itself: imports, loading, the first prediction and the second.

    Raises:
      RuntimeError: the process failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {VARIABLE: folder}
        environment.pop("JAX_COMPILATION_CACHE_DIR", None)
        given = [str(model), *(["--optimise"] if optimise else [])]
        return {name: _start(given, environment) for name in ("cold", "warm")}


def describe(found: Mapping[str, Mapping[str, float]]) -> str:
    """Two lines: the first start and the second."""
    lines = []
    for name, seconds in found.items():
        parts = ", ".join(f"{part} {seconds[part]:.2f}" for part in _PARTS)
        lines.append(f"{name} start {seconds['total']:.2f} s: {parts}")
    return "\n".join(lines)


def _start(given: list[str], environment: dict[str, str]) -> dict[str, float]:
    began = time.perf_counter()
    command = [sys.executable, "-m", __name__, *given]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    total = time.perf_counter() - began
    if ended.returncode:
        raise RuntimeError(ended.stderr.strip().rpartition("\n")[2])
    seconds = json.loads(ended.stdout.splitlines()[-1]) | {"total": total}
    return {name: round(value, 3) for name, value in seconds.items()}


def _first_predictions(model: Path, *, optimise: bool) -> dict[str, float]:
    began = time.perf_counter()
    seconds: dict[str, float] = {}

    def lap(name: str) -> None:
        seconds[name] = time.perf_counter() - began - sum(seconds.values())

    import numpy as np

    from hourglass_jax.compile_cache import enable_compile_cache
    from hourglass_jax.diagnosis.subject import open_model

    enable_compile_cache()
    lap("imports")
    opened: Any = open_model(model, optimise=optimise)
    lap("load")
    crop = np.zeros((1, *opened.card.input_size, 3), np.uint8)
    for name in ("first", "second"):
        opened.predict_crops(crop)
        lap(name)
    return seconds


if __name__ == "__main__":
    asked = "--optimise" in sys.argv[2:]
    print(json.dumps(_first_predictions(Path(sys.argv[1]), optimise=asked)))

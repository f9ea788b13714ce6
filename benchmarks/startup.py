"""Seconds from the command to its end, in new processes, on one photograph.

    python benchmarks/startup.py MODEL PHOTOGRAPH [OUT.json]

Each command runs in three ways: `off` compiles and keeps nothing, `first` compiles and
keeps the programs, `second` finds them. CPU seconds are those of all threads.
"""

import datetime
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax

from hourglass_jax.compile_cache import VARIABLE
from hourglass_jax.diagnosis.machine import host

ROUNDS = 3
CONFIG = Path(__file__).parents[1] / "configs" / "synthetic_demo.py"
FEW = ("--train.steps", "1", "--data.people", "64", "--data.validation-people", "16")


def commands(model: str, photograph: str, folder: Path) -> dict[str, list[str]]:
    """What is timed; `train` takes one step, scores and saves."""
    python = [sys.executable]
    verb = [*python, "-m", "hourglass_jax.cli"]
    train = [*verb, "train", "--config", str(CONFIG), *FEW, "--workdir"]
    return {
        "import jax": [*python, "-c", "import jax"],
        "--help": [*verb, "--help"],
        "predict": [*verb, "predict", model, photograph, "--out", f"{folder}/poses"],
        "predict --optimise": [
            *(*verb, "predict", model, photograph, "--out", f"{folder}/fast"),
            "--optimise",
        ],
        "train": [*train, f"{folder}/run"],
    }


def seconds(
    command: list[str], environment: dict[str, str], log: Path
) -> tuple[float, float, float]:
    """Wall-clock time, that of CPU, and wall-clock time to a log's first line."""
    began, used, seen = time.perf_counter(), children_cpu(), math.nan
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        while process.poll() is None:
            if math.isnan(seen) and log.is_file() and log.stat().st_size:
                seen = time.perf_counter() - began
            time.sleep(0.005)
        if process.returncode:
            said.seek(0)
            sys.exit(f"{' '.join(command)}: {said.read().decode()}")
    return time.perf_counter() - began, children_cpu() - used, seen


def children_cpu() -> float:
    """CPU seconds of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(model: str, photograph: str, records: Path) -> dict[str, Any]:
    """Medians over the rounds; every round starts without compiled programs."""
    taken: dict[str, list[tuple[float, float, float]]] = {}
    for number in range(ROUNDS + 1):
        with tempfile.TemporaryDirectory() as name:
            cache = f"{name}/compiled"
            for way, value in (("off", "off"), ("first", cache), ("second", cache)):
                where = {VARIABLE: value, "HOURGLASS_DATA_DIR": str(records)}
                environment = os.environ | where
                environment.pop("JAX_COMPILATION_CACHE_DIR", None)
                todo = commands(model, photograph, Path(name) / way)
                for what, command in todo.items():
                    log = Path(name) / way / "run" / "metrics.jsonl"
                    found = seconds(command, environment, log)
                    if number:  # the first round prepares records and fills page cache
                        taken.setdefault(f"{what}, {way}", []).append(found)
    return {what: _medians(each) for what, each in taken.items()}


def _medians(taken: list[tuple[float, float, float]]) -> dict[str, float]:
    names = ("wall_s", "cpu_s", "first_step_s")
    columns = zip(names, zip(*taken, strict=True), strict=True)
    found = {name: round(statistics.median(each), 2) for name, each in columns}
    return {name: value for name, value in found.items() if not math.isnan(value)}


def main() -> None:
    """Print the table and, given a path, keep it as JSON."""
    with tempfile.TemporaryDirectory() as records:
        results = measure(sys.argv[1], sys.argv[2], Path(records))
    for what, figures in results.items():
        print(f"{what:20s}", *(f"{name} {value}" for name, value in figures.items()))
    report = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **host(),
        "versions": {"jax": jax.__version__, "python": platform.python_version()},
        "rounds": ROUNDS,
        "results": results,
    }
    for path in sys.argv[3:]:
        Path(path).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

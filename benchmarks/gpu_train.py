"""Training on this machine's GPU: images a second, and the share of its peak.

    python benchmarks/gpu_train.py [--seconds 480] [--trace FOLDER]
    python benchmarks/gpu_train.py --small --out SMALL.json      on any CPU

Every measurement has a process of its own, so that running out of memory ends that one
alone, and is kept at once in results/gpu_train_NAME.json; what is there is not measured
again, unless it failed by something else. Run it until it says that nothing is left.
Batches are random bytes that lie on the device; `--pipeline` feeds the step by the real
input pipeline instead.
"""

import argparse
import dataclasses
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
STEP = Path(__file__).parent / "gpu_step.py"
LONGEST = 240  # seconds a measurement may take, compilation included
MEMORY = "0.95"  # of the device's, for XLA; by default it leaves a quarter unused
OUT_OF_MEMORY = "out of memory"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """What to measure."""

    stacks: int
    batch: int
    dtype: str = "bfloat16"
    remat: str = "none"
    scan: bool = True
    flags: str = ""
    """What to add to XLA_FLAGS."""
    pipeline: bool = False
    """Batches from the input pipeline, on synthetic people."""
    features: int = 256
    depth: int = 4
    side: int = 256


# What XLA's authors and NVIDIA advise; the scheduler is for several GPUs, which a step
# on one does not need.
FLAGS = (
    "--xla_gpu_autotune_level=0",
    "--xla_gpu_enable_command_buffer=",
    "--xla_gpu_triton_gemm_any=true",
)
CASES = (
    *(Case(stacks=stacks, batch=64) for stacks in (8, 2)),
    *(Case(stacks=stacks, batch=64, dtype="float32") for stacks in (8, 2)),
    *(Case(stacks=8, batch=batch) for batch in (16, 32, 128)),
    *(Case(stacks=8, batch=64, remat=remat) for remat in ("stack", "residual")),
    Case(stacks=8, batch=64, scan=False),
    *(Case(stacks=2, batch=batch) for batch in (16, 32, 128)),
    Case(stacks=8, batch=128, remat="stack"),
    Case(stacks=2, batch=64, scan=False),
    *(Case(stacks=2, batch=64, flags=flags) for flags in FLAGS),
    *(Case(stacks=8, batch=batch, dtype="float32") for batch in (16, 32, 128)),
    Case(stacks=8, batch=128, dtype="float32", remat="stack"),
    *(Case(stacks=2, batch=batch, dtype="float32") for batch in (16, 32, 128)),
)
"""The most wanted first."""
PIPELINE = tuple(Case(stacks=stacks, batch=64, pipeline=True) for stacks in (2, 8))
SMALL = tuple(
    Case(stacks=2, batch=2, features=8, depth=1, side=32, **change)
    for change in (
        *({}, {"dtype": "float32"}, {"remat": "stack"}, {"scan": False}),
        {"pipeline": True},
    )
)


def main() -> int:
    """Measure what is missing while there is time, then print the table."""
    given = _parse()
    device = _device()
    if device["platform"] != "gpu" and not given.small:
        sys.exit(f"no GPU: JAX computes on {device['device']}; --small is for any")
    out = given.out or RESULTS / f"gpu_train_{_slug(device['device'])}.json"
    report = {**device, "results": []}
    if out.exists():
        report = json.loads(out.read_text())
        for key, here in device.items():
            if report[key] != here:
                sys.exit(
                    f"{out} is of {key} {report[key]}, not {here}; give another file "
                    "by --out"
                )
    cases = SMALL if given.small else (*CASES, *(PIPELINE if given.pipeline else ()))
    left = measure_all(cases, report, out, given)
    print(table(report))
    print(f"{left} left: run it again" if left else "nothing is left to measure")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=480, help="then begin no more")
    parser.add_argument("--out", type=Path, help="the JSON file")
    parser.add_argument("--trace", type=Path, help="a profile of the first measurement")
    parser.add_argument("--small", action="store_true", help="a network for any CPU")
    parser.add_argument("--pipeline", action="store_true", help="with real input, too")
    return parser.parse_args()


def measure_all(
    cases: tuple[Case, ...],
    report: dict[str, Any],
    out: Path,
    given: argparse.Namespace,
) -> int:
    """Fill the report; returns how many are left."""
    end = time.monotonic() + given.seconds
    kept = [e for e in report["results"] if e.get("failed") in (None, OUT_OF_MEMORY)]
    failed = [e["case"] for e in report["results"] if e not in kept]
    report["results"] = kept
    done = [entry["case"] for entry in kept]
    missing = [case for case in cases if dataclasses.asdict(case) not in done]
    missing.sort(key=lambda case: dataclasses.asdict(case) in failed)  # those last
    for number, case in enumerate(missing):
        # A measurement that cannot end in time would be lost: better not begun.
        remaining = end - time.monotonic()
        if remaining < (10 if given.small else 60):
            return len(missing) - number
        trace = given.trace if number == 0 else None
        entry = _in_a_process(case, trace, min(LONGEST, remaining))
        if entry is None:
            return len(missing) - number
        about = {"case": dataclasses.asdict(case), "date": _today()}
        report["results"].append({**about, **entry})
        out.write_text(json.dumps(report, indent=2) + "\n")
        print(line(report["results"][-1]), flush=True)
    return 0


def _in_a_process(
    case: Case, trace: Path | None, seconds: float
) -> dict[str, Any] | None:
    """A measurement's figures, or how it failed; None if time ran out before."""
    command = [sys.executable, str(STEP), json.dumps(dataclasses.asdict(case))]
    if trace is not None:
        command.append(str(trace))
    root = str(Path(__file__).resolve().parents[1])
    environment = {
        **os.environ,
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {case.flags}".strip(),
        "XLA_CLIENT_MEM_FRACTION": MEMORY,
        "JAX_TRACEBACK_FILTERING": "off",  # its note would be the last that is said
        "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]),
    }
    environment.pop("XLA_PYTHON_CLIENT_MEM_FRACTION", None)  # not beside the new name
    try:
        ended = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        over = seconds >= LONGEST
        return {"failed": f"took more than {LONGEST} s"} if over else None
    return read_answer(ended)


def read_answer(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The figures that a process printed last, or the last that it said of its end."""
    if ended.returncode == 0:
        return json.loads(ended.stdout.splitlines()[-1])
    if "RESOURCE_EXHAUSTED" in ended.stderr:
        return {"failed": OUT_OF_MEMORY}
    said = ended.stderr.strip().splitlines() or [f"status {ended.returncode}"]
    return {"failed": said[-1][:300]}


def _device() -> dict[str, Any]:
    """What it runs on, asked in a process that lets go of the device again."""
    code = (
        "import jax, jaxlib, flax, json; d = jax.devices()[0]; print(json.dumps("
        "{'device': d.device_kind, 'platform': d.platform, 'versions': {'jax': "
        "jax.__version__, 'jaxlib': jaxlib.__version__, 'flax': flax.__version__}}))"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        sys.exit(f"no device: {read_answer(asked)['failed']}")
    about = json.loads(asked.stdout.splitlines()[-1])
    about["versions"]["python"] = platform.python_version()
    host = f"{platform.machine()}, {os.cpu_count()} cores"
    return {**about, "host": host, "memory_fraction": MEMORY}


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _slug(device: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", device.lower()).strip("_")


def line(entry: dict[str, Any]) -> str:
    """One measurement as a row of a table."""
    case = Case(**entry["case"])
    way = "scan" if case.scan else "unrolled"
    also = " ".join(filter(None, [case.flags, "pipeline" if case.pipeline else ""]))
    about = [case.stacks, case.batch, case.dtype, case.remat, way, also or "-"]
    if "failed" in entry:
        figures = [entry["failed"], *["-"] * 4]
    else:
        share, memory = entry["share_of_peak"], entry["peak_bytes"]
        figures = [
            f"{entry['images_per_second']:.0f}",
            f"{entry['milliseconds']:.1f}",
            "unknown" if share is None else f"{100 * share:.1f} %",
            "-" if memory is None else f"{memory / 2**30:.1f}",
            f"{entry['compile_seconds']:.0f}",
        ]
    return "| " + " | ".join(map(str, [*about, *figures])) + " |"


def table(report: dict[str, Any]) -> str:
    """All measurements, as Markdown."""
    head = (
        "stacks|batch|dtype|remat|stacks are|besides|images/s|ms|of peak|GiB|compile s"
    )
    cells = head.split("|")
    dates = " to ".join(sorted({entry["date"] for entry in report["results"]}))
    return "\n".join(
        [
            f"{report['device']}, jax {report['versions']['jax']}, {dates}:",
            "",
            "| " + " | ".join(cells) + " |",
            "|---" * len(cells) + "|",
            *map(line, report["results"]),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())

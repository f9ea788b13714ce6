"""Where the time goes, operation by operation, here and in PyTorch.

    python benchmarks/op_times.py OUT.json [CASE ...]      pip install torch before

A CASE is one of `hourglass benchmark --against torch`. Everything runs on one core, and
then on all. On one core operations follow each other, so that their times add up to
about the whole; on several XLA trains with some beside each other. PyTorch runs in one
of the ways that were its best in the comparison. **Products** are the calls that
multiply: convolutions, their gradients and matrix products, with what the library does
in the same pass. All else is the rest: normalisation, pooling, moving, the update, and
small products that XLA hands to YNNPACK, as it does sums (`ynn_fusion`). The floor is
what the products would take at the rate of one large matrix product.
"""

import datetime
import json
import multiprocessing
import os
import re
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import jax
import torch
from floor import product_rates

from hourglass_jax.diagnosis import ours, theirs
from hourglass_jax.diagnosis.cases import Case, parse_case
from hourglass_jax.diagnosis.cost import count_products
from hourglass_jax.diagnosis.machine import host
from hourglass_jax.diagnosis.timing import milliseconds
from hourglass_jax.files import write_json
from hourglass_jax.memory import keep_memory
from hourglass_jax.models import StackedHourglass

CASES = (
    "inference:2:1:float32",
    "inference:2:1:bfloat16",
    "train:2:4:float32",
    "train:2:4:bfloat16",
)
WAYS = {
    "inference": frozenset({"channels-last", "compiled", "frozen"}),
    "train": frozenset({"channels-last"}),
}
CALLS, SHOWN = 10, 12
# Names of operations that multiply.
XLA_PRODUCTS = re.compile(r"onednn\$(convolution|matmul)$|^(dot|convolution)\b")
TORCH_PRODUCTS = re.compile(r"conv|::(mm|addmm|bmm)$|mkldnn")


def main() -> None:
    """Profile every case on both sides; keep all after each."""
    out, *names = sys.argv[1:]
    every = len(os.sched_getaffinity(0))
    counts = sorted({1, every})
    report: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **host(),
        "versions": {"jax": jax.__version__, "torch": torch.__version__},
        "calls": CALLS,
        "product_gflops": {str(n): _alone(n, product_rates) for n in counts},
        "cases": {},
    }
    for name in names or CASES:
        report["cases"][name] = {"gflop": gflop(parse_case(name)), "on": {}}
        for n in counts:
            rates = report["product_gflops"][str(n)]
            found = _alone(n, profile, parse_case(name), rates)
            report["cases"][name]["on"][str(n)] = found
            print(name, n, json.dumps(found))
            write_json(Path(out), report)


def _alone(cores: int, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call it in a process of its own that has so many cores."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, _confine, (cores,)) as process:
        return process.submit(function, *arguments).result()


def _confine(cores: int) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    torch.set_num_threads(cores)


def profile(case: Case, rates: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Both sides of a case."""
    if case.kind == "train":  # as `hourglass train` does
        keep_memory()
    best = max(rates[library].get(case.dtype, 0) for library in rates)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sides = {
            "ours": _profile_ours(case, folder),
            "torch": _profile_torch(case, folder),
        }
    return {"floor_ms": round(1e3 * gflop(case) / best, 1), **sides}


def gflop(case: Case) -> float:
    """Billions of operations in the products of one call."""
    sizes = {"stacks": case.stacks, "features": case.features, "depth": case.depth}
    net = StackedHourglass(keypoints=case.keypoints, **sizes)
    products = count_products(net, (case.side, case.side)).total()
    # An operation is half a multiply-add, and each has two more in the backward pass.
    passes = 6 if case.kind == "train" else 2
    return round(passes * products * case.batch / 1e9, 2)


def _profile_ours(case: Case, folder: Path) -> dict[str, Any]:
    made = ours.prepare(case, folder)
    whole = []
    for number in range(CALLS):
        # A trace keeps its events in memory, where a training step's would have grown:
        # each call has its own, after one that is not traced.
        made.run()
        with jax.profiler.trace(str(folder / f"trace{number}")):
            whole += milliseconds(made.run, 1)
    events = [
        (event.name, event.duration_ns / 1e6)
        for path in folder.rglob("*.xplane.pb")
        for plane in jax.profiler.ProfileData.from_file(str(path)).planes
        for line in plane.lines
        for event in line.events
        if "hlo_op" in dict(event.stats)
    ]
    names = [re.sub(r"\.\d+", "", name) for name, _ in events]
    calls = sum(bool(XLA_PRODUCTS.search(name)) for name in names) // len(whole)
    about = {"best": made.about["best"], "calls_of_products": calls}
    return about | _sum_up(whole, events, XLA_PRODUCTS)


def _profile_torch(case: Case, folder: Path) -> dict[str, Any]:
    made = theirs.prepare(case, folder, [WAYS[case.kind]])
    with torch.profiler.profile() as profiler:
        whole = milliseconds(made.run, CALLS)
    events = (
        (each.key, each.self_cpu_time_total / 1e3) for each in profiler.key_averages()
    )
    return {"best": made.about["best"]} | _sum_up(whole, events, TORCH_PRODUCTS)


def _sum_up(
    whole: list[float], events: Iterable[tuple[str, float]], products: re.Pattern[str]
) -> dict[str, Any]:
    """Mean milliseconds of a call: the whole, products, the rest, the longest."""
    taken: Counter[str] = Counter()
    for name, duration in events:
        taken[re.sub(r"\.\d+", "", name)] += duration / len(whole)
    multiply = sum(ms for name, ms in taken.items() if products.search(name))
    return {
        "call_ms": round(statistics.mean(whole), 1),
        "products_ms": round(multiply, 1),
        "rest_ms": round(taken.total() - multiply, 1),
        "operations": {n: round(ms, 2) for n, ms in taken.most_common(SHOWN)},
    }


if __name__ == "__main__":
    main()

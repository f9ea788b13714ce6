"""One measurement of `gpu_train.py`, in a process of its own.

    python benchmarks/gpu_step.py '{"stacks": 2, "batch": 64}' [TRACE_FOLDER]

Prints the figures as JSON.
"""

import dataclasses
import itertools
import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from gpu_train import Case
from jax.sharding import Mesh
from roofline import gpu_peak

from hourglass_jax.config import Config, DataConfig, ModelConfig, TrainConfig
from hourglass_jax.diagnosis.cost import count_products
from hourglass_jax.models import StackedHourglass
from hourglass_jax.training.optim import make_optimiser
from hourglass_jax.training.sharding import make_mesh, put_batch, replicated
from hourglass_jax.training.state import TrainState, create_state, make_network
from hourglass_jax.training.step import jit_train_step

KEYPOINTS = 16
BLOCKS, BLOCK_SECONDS = 5, 1.5


def main(case: str, trace: str | None = None) -> None:
    """Measure, and print."""
    print(json.dumps(measure(Case(**json.loads(case)), trace and Path(trace))))


def measure(case: Case, trace: Path | None) -> dict[str, Any]:
    """Compile a case's step and time it, in this process."""
    run = prepare(case)
    batch = next(run.batches)
    began = time.perf_counter()
    step = run.step.lower(run.state, batch).compile()
    compile_seconds = time.perf_counter() - began
    state, metrics = step(run.state, batch)
    jax.block_until_ready(metrics)
    state, seconds = _time_blocks(step, state, run.batches)
    if trace is not None:
        with jax.profiler.trace(str(trace)):
            _steps(step, state, run.batches, 5)
    (device,) = run.mesh.devices.flat
    middle = statistics.median(seconds)
    products = count_products(run.net, (case.side, case.side)).total()
    # An operation is half a multiply-add, and each has two more in the backward pass.
    flops = 6 * products * case.batch
    peak = gpu_peak(device.device_kind, case.dtype)
    return {
        "images_per_second": round(case.batch / middle, 1),
        "milliseconds": round(1e3 * middle, 3),
        "milliseconds_least": round(1e3 * min(seconds), 3),
        "milliseconds_most": round(1e3 * max(seconds), 3),
        "model_flops": flops,
        "share_of_peak": None if peak is None else round(flops / middle / peak, 4),
        "compile_seconds": round(compile_seconds, 1),
        "temporary_bytes": step.memory_analysis().temp_size_in_bytes,
        "peak_bytes": (device.memory_stats() or {}).get("peak_bytes_in_use"),
    }


@dataclasses.dataclass
class Prepared:
    """All that a measurement needs."""

    net: StackedHourglass
    mesh: Mesh
    step: Any
    state: TrainState
    batches: Iterator[dict[str, jax.Array]]


def prepare(case: Case) -> Prepared:
    """Network, state and batches of a case, on this process's first device."""
    fields = ("stacks", "features", "depth", "dtype", "remat")
    config = Config(
        model=ModelConfig(**{field: getattr(case, field) for field in fields}),
        data=DataConfig(input_size=case.side),
        train=TrainConfig(batch_size=case.batch),
    )
    mesh = make_mesh(config, jax.devices()[:1])
    keypoints, batches = _people(config) if case.pipeline else _random(case)
    net = make_network(config, keypoints).clone(scan=case.scan)
    optimiser = make_optimiser(config.optim, config.train.steps)
    state = jax.device_put(create_state(config, net, optimiser), replicated(mesh))
    step = jit_train_step(net, optimiser, config, mesh)
    placed = (put_batch(batch, mesh) for batch in batches)
    if not case.pipeline:
        placed = itertools.cycle(list(placed))
    return Prepared(net, mesh, step, state, placed)


def _random(case: Case) -> tuple[int, Iterator[dict[str, np.ndarray]]]:
    """Two batches; what is in them makes no difference to the time."""
    rng = np.random.default_rng(0)
    people = (case.batch, KEYPOINTS)
    batches = (
        {
            "image": rng.integers(
                0, 256, (case.batch, case.side, case.side, 3), np.uint8
            ),
            "keypoints_crop": rng.uniform(0, case.side, (*people, 2)).astype(
                np.float32
            ),
            "visibility": rng.integers(0, 3, people, np.uint8),
        }
        for _ in range(2)
    )
    return KEYPOINTS, batches


def _people(config: Config) -> tuple[int, Iterator[dict[str, np.ndarray]]]:
    """Synthetic people through the real pipeline; needs the library's data packages."""
    from hourglass_jax.data.datasets import open_dataset
    from hourglass_jax.data.pipeline import training_batches

    dataset = open_dataset(config.data)
    return len(dataset.skeleton.keypoints), training_batches(dataset, config)


def _time_blocks(
    step: Any, state: TrainState, batches: Iterator[Any]
) -> tuple[TrainState, list[float]]:
    """Seconds a step in each of several blocks of steps that are dispatched at once."""
    state, first = _steps(step, state, batches, 1)
    count = max(2, round(BLOCK_SECONDS / first))
    seconds = []
    for _ in range(BLOCKS):
        state, taken = _steps(step, state, batches, count)
        seconds.append(taken / count)
    return state, seconds


def _steps(
    step: Any, state: TrainState, batches: Iterator[Any], count: int
) -> tuple[TrainState, float]:
    began = time.perf_counter()
    for _ in range(count):
        state, metrics = step(state, next(batches))
    jax.block_until_ready(metrics)
    return state, time.perf_counter() - began


if __name__ == "__main__":
    main(*sys.argv[1:])

"""How cost grows with stacks, width, input side and batch: measured and fitted.

    python benchmarks/complexity.py OUT.json PICTURE.png [--small]

One quantity is varied at a time around one network. For each point: milliseconds of
inference and of a training step, seconds to compile the step, its temporary memory, and
multiply-adds. Times are medians of rounds in which all points of a sweep take turns.
The exponent p is that of the power law cost = a x^p that fits best on logarithmic axes.
"""

import argparse
import dataclasses
import datetime
import json
import platform
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure

from hourglass_jax.compile_options import compiler_options
from hourglass_jax.config import Config, DataConfig, ModelConfig, TrainConfig
from hourglass_jax.diagnosis.cost import count_products
from hourglass_jax.diagnosis.machine import host
from hourglass_jax.diagnosis.timing import milliseconds, spread
from hourglass_jax.training.optim import make_optimiser
from hourglass_jax.training.sharding import make_mesh, put_batch, replicated
from hourglass_jax.training.state import create_state, make_network
from hourglass_jax.training.step import jit_train_step

KEYPOINTS = 16
COSTS = {
    "inference_ms": "inference",
    "train_ms": "training step",
    "temporary_bytes": "memory of the step",
    "multiply_adds": "multiply-adds",
}


@dataclasses.dataclass(frozen=True)
class Point:
    """A network and its load."""

    stacks: int = 2
    features: int = 128
    side: int = 256
    batch: int = 2
    depth: int = 4


BASE = Point()
SWEEPS = {
    "stacks": (1, 2, 4, 8),
    "features": (32, 64, 128, 256),
    "side": (64, 128, 192, 256, 384),
    "batch": (1, 2, 4, 8),
}
SMALL_BASE = Point(stacks=1, features=8, side=32, batch=1, depth=1)
SMALL_SWEEPS = {
    "stacks": (1, 2),
    "features": (8, 16),
    "side": (32, 64),
    "batch": (1, 2),
}


@dataclasses.dataclass
class Measured:
    """One point, ready to be timed."""

    inference: Callable[[], Any]
    train: Callable[[], Any]
    fixed: dict[str, float]


def prepare(point: Point) -> Measured:
    """Compile both programs and run each twice."""
    config = Config(
        model=ModelConfig(
            stacks=point.stacks, features=point.features, depth=point.depth
        ),
        data=DataConfig(input_size=point.side),
        train=TrainConfig(batch_size=point.batch),
    )
    net = make_network(config, KEYPOINTS)
    optimiser = make_optimiser(config.optim, config.train.steps)
    mesh = make_mesh(config)
    state = jax.device_put(create_state(config, net, optimiser), replicated(mesh))
    batch = put_batch(draw_batch(point), mesh)
    # The step takes its state away; inference keeps a copy.
    variables = jax.device_put(jax.device_get(state.variables))
    images = np.zeros((point.batch, point.side, point.side, 3), np.float32)
    options = compiler_options(jax.default_backend())
    forward = jax.jit(partial(net.apply, train=False), compiler_options=options)
    began = time.perf_counter()
    step = jit_train_step(net, optimiser, config, mesh).lower(state, batch).compile()
    compiled = time.perf_counter() - began

    def train() -> None:
        nonlocal state
        state, _ = step(state, batch)
        jax.block_until_ready(state)

    def inference() -> None:
        jax.block_until_ready(forward(variables, images))

    for run in (inference, train) * 2:
        run()
    size = (point.side, point.side)
    analysis = step.memory_analysis()
    return Measured(
        inference,
        train,
        {
            "compile_s": round(compiled, 2),
            "temporary_bytes": analysis.temp_size_in_bytes,
            "multiply_adds": point.batch * count_products(net, size).total(),
        },
    )


def draw_batch(point: Point) -> dict[str, np.ndarray]:
    """Noise, as a training step takes it."""
    rng = np.random.default_rng(0)
    images = (point.batch, point.side, point.side, 3)
    points = (point.batch, KEYPOINTS, 2)
    return {
        "image": rng.integers(0, 256, images, np.uint8),
        "keypoints_crop": rng.uniform(0, point.side - 1, points).astype(np.float32),
        "visibility": np.full(points[:2], 2, np.uint8),
    }


def sweep(base: Point, name: str, values: tuple[int, ...], rounds: int) -> Any:
    """Measure the base with ``name`` set to each of the values, in turns."""
    points = {v: prepare(dataclasses.replace(base, **{name: v})) for v in values}
    times: dict[int, dict[str, list[float]]] = {
        value: {"inference": [], "train": []} for value in values
    }
    for _ in range(rounds):
        for value, point in points.items():
            for kind, each in times[value].items():
                run = getattr(point, kind)
                run()  # fetches the memory that the program before it gave back
                each += milliseconds(run, 1)
    rows = [
        {
            name: value,
            "inference_ms": spread(times[value]["inference"])["median"],
            "train_ms": spread(times[value]["train"])["median"],
            **points[value].fixed,
        }
        for value in values
    ]
    exponents = {cost: fit(name, cost, rows) for cost in COSTS}
    return {"points": rows, "exponents": exponents}


def fit(name: str, cost: str, rows: list[dict[str, float]]) -> float:
    """The exponent of the power law that fits best."""
    x, y = (np.log([row[key] for row in rows]) for key in (name, cost))
    return round(float(np.polyfit(x, y, 1)[0]), 3)


def draw(report: dict[str, Any], path: Path) -> None:
    """A panel for each sweep; every cost relative to its first point."""
    figure = Figure(figsize=(12, 3.4), layout="constrained")
    panels = figure.subplots(1, len(report["sweeps"]), sharey=True)
    for axes, (name, found) in zip(panels, report["sweeps"].items(), strict=True):
        x = [row[name] for row in found["points"]]
        for cost, label in COSTS.items():
            y = np.array([row[cost] for row in found["points"]], float)
            style = "k--" if cost == "multiply_adds" else "o-"
            exponent = found["exponents"][cost]
            axes.loglog(x, y / y[0], style, ms=4, label=f"{label}: {exponent:.2f}")
        axes.set(title=name, xticks=x, xticklabels=x)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend(title="exponent", fontsize=7, title_fontsize=7)
    panels[0].set_ylabel("cost, first point = 1")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Measure, print, keep and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--small", action="store_true", help="to see that it works")
    given = parser.parse_args()
    base, sweeps = (SMALL_BASE, SMALL_SWEEPS) if given.small else (BASE, SWEEPS)
    rounds = 3 if given.small else 11
    device = jax.devices()[0]
    report: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": f"{device.device_kind} ({platform.machine()})",
        **host(),
        "versions": {"jax": jax.__version__},
        "base": dataclasses.asdict(base),
        "rounds": rounds,
        "sweeps": {},
    }
    for name, values in sweeps.items():
        report["sweeps"][name] = sweep(base, name, values, rounds)
        print(name, report["sweeps"][name]["exponents"], flush=True)
        given.out.write_text(json.dumps(report, indent=2) + "\n")
    draw(report, given.picture)


if __name__ == "__main__":
    main()

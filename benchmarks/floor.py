"""What this machine's matrix product reaches, and what else was tried on CPU.

    python benchmarks/floor.py [OUT.json]       pip install torch for its products, too

Rates are of one matrix product of 2048^3, in billions of multiplications and additions
a second. Choices are timed in turns against what is used: above 1, what is used is
faster. Winograd's F(2x2, 3x3) (Lavin and Gray 2015) needs 16 products for four results
in place of 36, and moves more memory.
"""

import datetime
import importlib.util
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from hourglass_jax.compile_options import compiler_options
from hourglass_jax.config import Config, ModelConfig, TrainConfig
from hourglass_jax.diagnosis.machine import cores, host
from hourglass_jax.diagnosis.timing import spread
from hourglass_jax.models import StackedHourglass, init, onednn
from hourglass_jax.models.folding import fold, fuse_relu, narrow_kernels
from hourglass_jax.models.hourglass import Variables
from hourglass_jax.models.repeat import join_stacks, part_stacks
from hourglass_jax.training.state import make_network

SIDE, ROUNDS = 2048, 11
TORCH = """
import time, torch
for dtype in torch.float32, torch.bfloat16:
    x = torch.randn(2048, 2048).to(dtype)
    times = []
    for _ in range(22):
        began = time.perf_counter(); x @ x; times.append(time.perf_counter() - began)
    print(sorted(times)[11])
"""


def seconds(run: Callable[[], Any]) -> float:
    """Time one call."""
    began = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - began


def product_rates() -> dict[str, dict[str, float]]:
    """Billions of floating-point operations a second, by library and type."""
    operations = 2 * SIDE**3 / 1e9
    rates: dict[str, dict[str, float]] = {"jax": {}, "oneDNN": {}}
    for dtype in (jnp.float32, jnp.bfloat16):
        x = jax.random.normal(jax.random.key(0), (SIDE, SIDE)).astype(dtype)
        multiply = jax.jit(partial(jnp.matmul, preferred_element_type=jnp.float32))
        taken = [seconds(partial(multiply, x, x)) for _ in range(2 * ROUNDS)]
        rate = operations / statistics.median(taken)
        rates["jax"][jnp.dtype(dtype).name] = round(rate)
        if onednn.serves(dtype):
            multiply = jax.jit(onednn.multiply_turned)
            taken = [seconds(partial(multiply, x, x)) for _ in range(2 * ROUNDS)]
            rate = operations / statistics.median(taken)
            rates["oneDNN"][jnp.dtype(dtype).name] = round(rate)
    if importlib.util.find_spec("torch") is not None:
        said = subprocess.run(
            [sys.executable, "-c", TORCH], capture_output=True, text=True, check=True
        )
        times = [float(line) for line in said.stdout.split()]
        names = ("float32", "bfloat16")
        rates["torch"] = {
            name: round(operations / taken)
            for name, taken in zip(names, times, strict=True)
        }
    return rates


def race(used: Callable[[], Any], other: Callable[[], Any]) -> dict[str, Any]:
    """Time both in turns; both are called once before."""
    for run in (used, other):
        seconds(run)
    turns = [(seconds(used), seconds(other)) for _ in range(ROUNDS)]
    return sum_up(turns)


def sum_up(turns: list[tuple[float, float]]) -> dict[str, Any]:
    """Medians and quartiles of the seconds of both, and of their ratio."""
    return {
        "ratio": spread(theirs / ours for ours, theirs in turns),
        "used_ms": spread(1e3 * ours for ours, _ in turns),
        "other_ms": spread(1e3 * theirs for _, theirs in turns),
    }


def without_options(batch: int, dtype: str) -> dict[str, Any]:
    """Inference of two stacks: our options of XLA's compiler against its own."""
    config = Config(model=ModelConfig(stacks=2, dtype=dtype), train=TrainConfig())
    net = make_network(config, 16)
    variables = init(net, jax.random.key(0))
    images = jax.random.normal(jax.random.key(1), (batch, 256, 256, 3))
    apply = partial(net.apply, train=False)
    ours = jax.jit(apply, compiler_options=compiler_options("cpu"))
    plain = jax.jit(apply)
    return race(partial(ours, variables, images), partial(plain, variables, images))


def without_onednn(batch: int, dtype: str) -> dict[str, Any]:
    """Folded inference of two stacks: oneDNN's convolutions against our products."""
    net, variables = _folded(2, dtype)
    images = jax.random.normal(jax.random.key(1), (batch, 256, 256, 3))
    fast = onednn.use_onednn(net, ["cpu"])
    return race(_forward(fast, variables, images), _forward(net, variables, images))


def with_whole_stacks(batch: int, dtype: str) -> dict[str, Any]:
    """Folded inference of 8 stacks: each with its own kernels, or all in one array."""
    net, variables = _folded(8, dtype)
    images = jax.random.normal(jax.random.key(1), (batch, 256, 256, 3))
    fast = onednn.use_onednn(net, ["cpu"])
    parts = jax.device_put(part_stacks(variables))
    return race(_forward(fast, parts, images), _forward(fast, variables, images))


def _folded(stacks: int, dtype: str) -> tuple[StackedHourglass, Variables]:
    config = Config(model=ModelConfig(stacks=stacks, dtype=dtype), train=TrainConfig())
    net = make_network(config, 16)
    return net, narrow_kernels(net, fold(net, init(net, jax.random.key(0))))


def _forward(
    net: StackedHourglass, variables: Variables, images: jax.Array
) -> Callable[[], Any]:
    def apply(variables: Variables, images: jax.Array) -> Any:
        with fuse_relu():
            return net.apply(join_stacks(variables), images, train=False)

    run = jax.jit(apply, compiler_options=compiler_options("cpu"))
    return partial(run, variables, images)


def with_threads(count: int, dtype: str) -> dict[str, Any]:
    """Inference of one image: as many threads as XLA takes by itself, or `count`.

    A process each, as XLA reads NPROC once.
    """

    def run(**environment: str) -> float:
        said = subprocess.run(
            [sys.executable, "-c", f"import floor; floor.print_forward({dtype!r})"],
            cwd=Path(__file__).parent,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return float(said.stdout)

    turns = [(run(), run(NPROC=str(count))) for _ in range(5)]
    return sum_up(turns)


def print_forward(dtype: str) -> None:
    """Print the median seconds of folded inference of two stacks, one image."""
    net, variables = _folded(2, dtype)
    images = jax.random.normal(jax.random.key(1), (1, 256, 256, 3))
    run = _forward(onednn.use_onednn(net, ["cpu"]), variables, images)
    print(statistics.median([seconds(run) for _ in range(3 * ROUNDS)][ROUNDS:]))


def channels_first(side: int, channels: int, dtype: str) -> dict[str, Any]:
    """A 3x3 convolution of one image's maps: oneDNN's against XLA's of [b c h w]."""
    x = jax.random.normal(jax.random.key(0), (1, side, side, channels), dtype)
    kernel = jax.random.normal(jax.random.key(1), (3, 3, channels, channels), dtype)
    ours = jax.jit(_by_onednn, compiler_options=compiler_options("cpu"))
    other = jax.jit(
        partial(_direct, numbers=("NCHW", "OIHW", "NCHW")),
        compiler_options=compiler_options("cpu"),
    )
    turned, kernel_turned = x.transpose(0, 3, 1, 2), kernel.transpose(3, 2, 0, 1)
    return race(partial(ours, x, kernel), partial(other, turned, kernel_turned))


def winograd(side: int, channels: int, *, by_onednn: bool) -> dict[str, Any]:
    """A 3x3 convolution of one image's maps: oneDNN's or XLA's against Winograd's."""
    x = jax.random.normal(jax.random.key(0), (1, side, side, channels))
    kernel = jax.random.normal(jax.random.key(1), (3, 3, channels, channels)) / 30
    convolve = _by_onednn if by_onednn else _direct
    direct = jax.jit(convolve, compiler_options=compiler_options("cpu"))
    other = jax.jit(_winograd, compiler_options=compiler_options("cpu"))
    difference = jnp.abs(direct(x, kernel) - other(x, kernel)).max()
    assert difference < 1e-4, "not the same convolution"
    return race(partial(direct, x, kernel), partial(other, x, kernel))


def _direct(
    x: jax.Array,
    kernel: jax.Array,
    numbers: tuple[str, str, str] = ("NHWC", "HWIO", "NHWC"),
) -> jax.Array:
    return lax.conv_general_dilated(
        x, kernel, (1, 1), [(1, 1)] * 2, dimension_numbers=numbers
    )


def _by_onednn(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return onednn.convolve(x, kernel, None, None, 1, 1, relu=False)


def _winograd(x: jax.Array, kernel: jax.Array) -> jax.Array:
    b, h, w, c = x.shape
    x = jnp.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    tiles = [v.reshape(-1, c) for row in _spread(x, 1) for v in _spread(row, 2)]
    kernels = [k for row in _widen(*kernel) for k in _widen(*row)]
    sums = [
        (tile @ k).reshape(b, h // 2, w // 2, -1)
        for tile, k in zip(tiles, kernels, strict=True)
    ]
    columns = [_gather(*sums[i : i + 4]) for i in range(0, 16, 4)]
    rows = [_gather(*(column[j] for column in columns)) for j in (0, 1)]
    cells = [jnp.stack([rows[0][i], rows[1][i]], axis=3) for i in (0, 1)]
    return jnp.stack(cells, axis=2).reshape(b, h, w, -1)


def _spread(x: jax.Array, axis: int) -> list[jax.Array]:
    count = x.shape[axis] - 2
    views = [lax.slice_in_dim(x, i, i + count - 1, 2, axis) for i in range(4)]
    a, b, c, d = views
    return [a - c, b + c, c - b, b - d]


def _widen(a: jax.Array, b: jax.Array, c: jax.Array) -> list[jax.Array]:
    return [a, (a + b + c) / 2, (a - b + c) / 2, c]


def _gather(a: jax.Array, b: jax.Array, c: jax.Array, d: jax.Array) -> list[jax.Array]:
    return [a + b + c, b - c - d]


def main() -> None:
    """Print and, given a path, keep as JSON."""
    choices = {
        f"XLA's own options, inference {batch} {dtype}": without_options(batch, dtype)
        for batch, dtype in ((1, "float32"), (8, "float32"), (1, "bfloat16"))
    }
    choices |= {
        f"without oneDNN, inference {batch} {dtype}": without_onednn(batch, dtype)
        for batch, dtype in itertools.product((1, 8), ("float32", "bfloat16"))
        if onednn.serves(dtype)
    }
    choices |= {
        f"8 stacks in one array, inference 1 {dtype}": with_whole_stacks(1, dtype)
        for dtype in ("float32", "bfloat16")
        if onednn.serves(dtype)
    }
    choices |= {
        f"{count} threads, inference 1 {dtype}": with_threads(count, dtype)
        for count in (1, 2 * cores())
        for dtype in ("float32", "bfloat16")
        if onednn.serves(dtype)
    }
    choices |= {
        f"channels first, 3x3 {channels} at {side}x{side} {dtype}": channels_first(
            side, channels, dtype
        )
        for side, channels in ((64, 128), (16, 128))
        for dtype in ("float32", "bfloat16")
        if onednn.serves(dtype)
    }
    serves = onednn.serves(jnp.float32)
    library = "oneDNN" if serves else "XLA"
    choices |= {
        f"Winograd for {library}, 3x3 {channels} at {side}x{side} float32": winograd(
            side, channels, by_onednn=serves
        )
        for side, channels in ((128, 64), (64, 128), (32, 128), (16, 128))
    }
    report = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **host(),
        "versions": {"jax": jax.__version__},
        "rounds": ROUNDS,
        "product_gflops": product_rates(),
        "choices": choices,
    }
    print(json.dumps(report["product_gflops"]))
    for name, found in choices.items():
        print(f"{name:52s} ratio {found['ratio']['median']:.2f}")
    for path in sys.argv[1:]:
        Path(path).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

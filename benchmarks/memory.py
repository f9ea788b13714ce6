"""Temporary memory of the train step by recomputation policy, and how long it compiles.

    python benchmarks/memory.py [OUT.json]

The paper's network at 256 x 256, compiled for CPU and not run. "scan" is the form that
GPU and TPU get, one stack in a loop; "unrolled" is what training on CPU uses, since
products inside a loop are slow there. Written out, XLA finds what is computed twice and
does it once: on CPU recomputation saves nothing. With two stacks the loop has one
round, which XLA writes out, too. On GPU and TPU themselves convolutions differ
(benchmarks/gpu_train.py, benchmarks/tpu_aot.py).

Seconds depend on what else the machine does; those of the processor do so less.
"""

import contextlib
import datetime
import itertools
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import jaxlib

from hourglass_jax.config import Config, TrainConfig
from hourglass_jax.diagnosis.cost import variable_shapes
from hourglass_jax.diagnosis.machine import host
from hourglass_jax.models import StackedHourglass
from hourglass_jax.training.optim import make_optimiser
from hourglass_jax.training.sharding import make_mesh
from hourglass_jax.training.state import TrainState
from hourglass_jax.training.step import jit_train_step

BATCH, SIDE, FEATURES, KEYPOINTS = 4, 256, 256, 16
STACKS, DTYPES = (8, 2), ("float32", "bfloat16")
POLICIES = ("none", "stack", "residual")
CASES = [
    *itertools.product(STACKS, ("scan",), POLICIES, DTYPES),
    *itertools.product(STACKS, ("unrolled",), POLICIES, ("float32",)),
    *itertools.product(STACKS, ("unrolled",), ("none",), ("bfloat16",)),
]


def lower_step(stacks: int, form: str, policy: str, dtype: str) -> jax.stages.Lowered:
    """The train step with RMSprop, traced for one CPU device."""
    config = Config(train=TrainConfig(batch_size=BATCH))
    net = StackedHourglass(
        stacks=stacks,
        features=FEATURES,
        keypoints=KEYPOINTS,
        remat=policy,
        dtype=jnp.dtype(dtype),
    )
    optimiser = make_optimiser(config.optim, config.train.steps)
    mesh = make_mesh(config, jax.devices("cpu")[:1])
    describe = jax.ShapeDtypeStruct
    variables = variable_shapes(net, (SIDE, SIDE))
    state = TrainState(
        step=describe((), jnp.int32),
        variables=variables,
        opt_state=jax.eval_shape(optimiser.init, variables["params"]),
        ema=None,
    )
    batch = {
        "image": describe((BATCH, SIDE, SIDE, 3), jnp.uint8),
        "keypoints_crop": describe((BATCH, KEYPOINTS, 2), jnp.float32),
        "visibility": describe((BATCH, KEYPOINTS), jnp.uint8),
    }
    # The network looks at the backend to choose between loop and written out.
    looped = mock.patch.object(jax, "default_backend", return_value="an accelerator")
    with looped if form == "scan" else contextlib.nullcontext():
        return jit_train_step(net, optimiser, config, mesh).lower(state, batch)


def measure(stacks: int, form: str, policy: str, dtype: str) -> dict[str, Any]:
    """Compile one step; seconds by the clock, and of all cores together."""
    began, used = time.perf_counter(), time.process_time()
    lowered = lower_step(stacks, form, policy, dtype)
    traced = time.perf_counter()
    compiled = lowered.compile()
    ended = time.perf_counter()
    memory = compiled.memory_analysis()
    return {
        "stacks": stacks,
        "form": form,
        "remat": policy,
        "dtype": dtype,
        "temporary_mib": round(memory.temp_size_in_bytes / 2**20, 1),
        "state_and_batch_mib": round(memory.argument_size_in_bytes / 2**20, 1),
        "donated_mib": round(memory.alias_size_in_bytes / 2**20, 1),
        "lower_seconds": round(traced - began, 1),
        "compile_seconds": round(ended - traced, 1),
        "processor_seconds": round(time.process_time() - used, 1),
    }


def main() -> None:
    """Print a line a case and, given a path, keep them as JSON after each."""
    jax.config.update("jax_enable_compilation_cache", False)
    report: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": f"{jax.devices('cpu')[0].device_kind} ({platform.machine()})",
        **host(),
        "versions": {"jax": jax.__version__, "jaxlib": jaxlib.__version__},
        "batch": BATCH,
        "side": SIDE,
        "features": FEATURES,
        "load_average_at_start": round(os.getloadavg()[0], 1),
        "steps": [],
    }
    for case in CASES:
        report["steps"].append(measure(*case))
        print(json.dumps(report["steps"][-1]), flush=True)
        for path in sys.argv[1:]:
            Path(path).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

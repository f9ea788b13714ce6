"""Our side of the comparison with PyTorch; runs in a process of its own."""

import os
import platform
import time
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np

from hourglass_jax.compile_options import compiler_options
from hourglass_jax.config import Config, DataConfig, ModelConfig, TrainConfig
from hourglass_jax.diagnosis.cases import Case
from hourglass_jax.diagnosis.contenders import (
    IMAGES,
    TARGETS,
    TRIALS,
    WEIGHTS,
    Prepared,
)
from hourglass_jax.diagnosis.timing import Run, fastest
from hourglass_jax.diagnosis.torch_names import flatten
from hourglass_jax.heatmaps import make_targets
from hourglass_jax.models import STRIDE, normalise
from hourglass_jax.models.folding import fold, fuse_relu, narrow_kernels
from hourglass_jax.models.onednn import use_onednn
from hourglass_jax.models.repeat import join_stacks, part_stacks
from hourglass_jax.training.optim import make_optimiser
from hourglass_jax.training.sharding import make_mesh, put_batch, replicated
from hourglass_jax.training.state import Variables, create_state, make_network
from hourglass_jax.training.step import jit_train_step

Ways = tuple[dict[str, Run], dict[str, np.ndarray]]
"""By name: how to run a case, and its answer."""


def prepare(case: Case, folder: Path) -> Prepared:
    """Draw weights and images, leave them in ``folder``, and be ready to be timed."""
    # PyTorch is to have its share of a GPU that both use.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    config = _config(case)
    make = _inference if case.kind == "inference" else _training
    began = time.perf_counter()
    ways, answers = make(case, config, folder)
    best, medians = fastest(ways, TRIALS)
    device = jax.devices()[0]
    return Prepared(
        run=ways[best],
        answer=answers[best],
        about={
            "best": best,
            "ways_ms": medians,
            "seconds_until_ready": round(time.perf_counter() - began, 1),
            "device": device.device_kind,
            "versions": {
                "jax": jax.__version__,
                "jaxlib": jaxlib.__version__,
                "python": platform.python_version(),
            },
        },
    )


def _config(case: Case) -> Config:
    return Config(
        seed=case.seed,
        model=ModelConfig(
            stacks=case.stacks,
            features=case.features,
            depth=case.depth,
            dtype=case.dtype,
        ),
        data=DataConfig(input_size=case.side),
        train=TrainConfig(batch_size=case.batch),
    )


def _inference(case: Case, config: Config, folder: Path) -> Ways:
    net = make_network(config, case.keypoints)
    optimiser = make_optimiser(config.optim, config.train.steps)
    variables = lively(create_state(config, net, optimiser).variables, case.seed)
    batch = draw_batch(case)
    images = normalise(jnp.asarray(batch["image"]), config.model.mean)
    _leave(folder, variables, images)

    def apply(variables: Variables, images: jax.Array) -> Any:
        with fuse_relu():
            fast = use_onednn(net, [jax.default_backend()])
            return fast.apply(join_stacks(variables), images, train=False)

    folded = narrow_kernels(net, fold(net, variables))
    options = compiler_options(jax.default_backend())
    forward = jax.jit(apply, compiler_options=options)
    ways: dict[str, Run] = {
        name: partial(_block, forward, jax.device_put(part_stacks(each)), images)
        for name, each in (("plain", variables), ("folded", folded))
    }
    maps = {name: np.asarray(run(), np.float32) for name, run in ways.items()}
    return ways, {name: each.transpose(0, 1, 4, 2, 3) for name, each in maps.items()}


def _training(case: Case, config: Config, folder: Path) -> Ways:
    net = make_network(config, case.keypoints)
    optimiser = make_optimiser(config.optim, config.train.steps)
    mesh = make_mesh(config)
    state = create_state(config, net, optimiser)
    batch = draw_batch(case)
    images = normalise(jnp.asarray(batch["image"]), config.model.mean)
    targets, _ = make_targets(
        jnp.asarray(batch["keypoints_crop"]),
        jnp.asarray(batch["visibility"]),
        (case.side // STRIDE,) * 2,
        STRIDE,
        config.target,
    )
    _leave(folder, state.variables, images)
    np.save(folder / TARGETS, np.asarray(targets).transpose(0, 3, 1, 2))
    step = jit_train_step(net, optimiser, config, mesh)
    state = jax.device_put(state, replicated(mesh))
    placed = put_batch(batch, mesh)

    def run() -> dict[str, jax.Array]:
        nonlocal state
        state, metrics = step(state, placed)
        return jax.block_until_ready((state, metrics))[1]

    first = run()
    answer = np.array([first["loss"], first["gradient_norm"]])
    return {"plain": run}, {"plain": answer}


def lively(variables: Variables, seed: int) -> Variables:
    """Random statistics: those of the start would make BatchNorm do nothing.

    Means are about 0, so that ReLU lets about half of every map through.
    """
    rng = np.random.default_rng(seed)

    def draw(path: Any, leaf: jax.Array) -> np.ndarray:
        low, high = (-0.3, 0.3) if path[-1].key == "mean" else (0.5, 1.5)
        return rng.uniform(low, high, leaf.shape).astype(np.float32)

    statistics = jax.tree.map_with_path(draw, variables["batch_stats"])
    return {"params": variables["params"], "batch_stats": statistics}


def draw_batch(case: Case) -> dict[str, np.ndarray]:
    """Noise with every keypoint visible and inside, as training takes it."""
    rng = np.random.default_rng(case.seed)
    points = (case.batch, case.keypoints, 2)
    return {
        "image": rng.integers(0, 256, (case.batch, case.side, case.side, 3), np.uint8),
        "keypoints_crop": rng.uniform(0, case.side - 1, points).astype(np.float32),
        "visibility": np.full(points[:2], 2, np.uint8),
    }


def _leave(folder: Path, variables: Variables, images: jax.Array) -> None:
    arrays: dict[str, Any] = flatten(variables)
    np.savez(folder / WEIGHTS, **arrays)
    np.save(folder / IMAGES, np.asarray(images).transpose(0, 3, 1, 2))


def _block(forward: Any, variables: Variables, images: jax.Array) -> jax.Array:
    return jax.block_until_ready(forward(variables, images))

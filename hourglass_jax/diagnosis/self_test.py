"""Does it compute rightly here? Small enough to be asked whenever one doubts it."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from hourglass_jax.config import Config, DataConfig, ModelConfig, TrainConfig
from hourglass_jax.decoding import decode
from hourglass_jax.heatmaps import render
from hourglass_jax.training.optim import make_optimiser
from hourglass_jax.training.sharding import make_mesh, put_batch, replicated
from hourglass_jax.training.state import create_state, make_network
from hourglass_jax.training.step import jit_train_step

_SIDE, _KEYPOINTS = 16, 3
_WORST_CELLS = 0.02
_STEPS = 5


class WrongAnswerError(Exception):
    """Something gives a wrong answer on this machine."""


def render_and_decode() -> str:
    """Keypoints survive the way to heatmaps and back."""
    keypoints_hm = np.random.default_rng(0).uniform(5, 26, (4, 6, 2))

    @jax.jit  # one program in place of dozens
    def there_and_back(points: jax.Array) -> tuple[jax.Array, jax.Array]:
        return decode(render(points, 2.0, (32, 32)), "dark", 2.0)

    found, scores = there_and_back(jnp.asarray(keypoints_hm, jnp.float32))
    error = float(np.abs(np.asarray(found) - keypoints_hm).max())
    if not (error < _WORST_CELLS and np.isfinite(np.asarray(scores)).all()):
        raise WrongAnswerError(f"off by {error:.3f} cells; at most {_WORST_CELLS}")
    return f"off by {error:.4f} cells at most"


def train_a_little() -> str:
    """A tiny network learns one batch, on all devices of this process."""
    count = jax.local_device_count()
    config = Config(
        model=ModelConfig(stacks=1, features=4, depth=1, stem_width=4),
        data=DataConfig(input_size=_SIDE),
        train=TrainConfig(batch_size=count),
    )
    net = make_network(config, _KEYPOINTS)
    optimiser = make_optimiser(config.optim, _STEPS)
    mesh = make_mesh(config, jax.local_devices())
    step = jit_train_step(net, optimiser, config, mesh)
    state = jax.device_put(create_state(config, net, optimiser), replicated(mesh))
    batch = put_batch(_batch(count), mesh)
    losses = []
    for _ in range(_STEPS):
        state, metrics = step(state, batch)
        losses.append(float(metrics["loss"]))
    if not (math.isfinite(losses[-1]) and losses[-1] < losses[0]):
        raise WrongAnswerError(f"the loss went from {losses[0]} to {losses[-1]}")
    return f"loss {losses[0]:.3f} to {losses[-1]:.3f} in {_STEPS} steps"


def _batch(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    points = (count, _KEYPOINTS, 2)
    return {
        "image": rng.integers(0, 256, (count, _SIDE, _SIDE, 3), np.uint8),
        "keypoints_crop": rng.uniform(0, _SIDE - 1, points).astype(np.float32),
        "visibility": np.full(points[:2], 2, np.uint8),
    }


CHECKS: dict[str, Callable[[], str]] = {
    "heatmaps": render_and_decode,
    "training": train_a_little,
}

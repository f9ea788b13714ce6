"""Optimisers against their recurrences written out, schedules against known values."""

import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.config import OptimConfig
from hourglass_jax.training.optim import make_optimiser, make_schedule

GRADIENTS = [np.array([0.5, -2.0, 1e-3]), np.array([-0.1, 1.0, 2e-3])]


def run(config, start):
    optimiser = make_optimiser(config, steps=10)
    params = {"layer": {"kernel": jnp.asarray(start), "bias": jnp.asarray(start)}}
    state = optimiser.init(params)
    for gradient in GRADIENTS:
        grads = {"layer": dict.fromkeys(("kernel", "bias"), jnp.asarray(gradient))}
        updates, state = optimiser.update(grads, state, params)
        params = {
            "layer": {
                name: params["layer"][name] + updates["layer"][name]
                for name in ("kernel", "bias")
            }
        }
    return params["layer"]


def test_rmsprop_is_torchs():
    start = np.array([1.0, 2.0, 3.0])
    found = run(OptimConfig(name="rmsprop", learning_rate=0.01), start)
    square, expected = np.zeros(3), start.copy()
    for gradient in GRADIENTS:
        square = 0.99 * square + 0.01 * gradient**2
        expected -= 0.01 * gradient / (np.sqrt(square) + 1e-8)
    np.testing.assert_allclose(found["kernel"], expected, rtol=1e-5)


def test_adamw_decays_kernels_only():
    start = np.array([1.0, 2.0, 3.0])
    config = OptimConfig(name="adamw", learning_rate=0.01, weight_decay=0.1)
    found = run(config, start)
    first, second = np.zeros(3), np.zeros(3)
    plain, decayed = start.copy(), start.copy()
    for t, gradient in enumerate(GRADIENTS, 1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        rule = (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        decayed -= 0.01 * (rule + 0.1 * decayed)
        plain -= 0.01 * rule
    np.testing.assert_allclose(found["bias"], plain, rtol=1e-5)
    np.testing.assert_allclose(found["kernel"], decayed, rtol=1e-5)


def test_clipping_bounds_the_first_update_by_the_global_norm():
    start = np.zeros(3)
    config = OptimConfig(name="rmsprop", learning_rate=1.0, clip_norm=1e-9)
    unclipped = run(OptimConfig(name="rmsprop", learning_rate=1.0), start)
    clipped = run(config, start)
    # Below epsilon RMSprop no longer makes up for the gradient's length.
    assert np.abs(clipped["kernel"]).max() < 0.5 * np.abs(unclipped["kernel"]).max()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (OptimConfig(learning_rate=1.0), {0: 1.0, 50: 1.0, 99: 1.0}),
        (
            OptimConfig(learning_rate=1.0, schedule="step", milestones=(0.5, 0.75)),
            {0: 1.0, 49: 1.0, 51: 0.1, 74: 0.1, 76: 0.01},
        ),
        (
            OptimConfig(learning_rate=1.0, schedule="cosine"),
            {0: 1.0, 50: 0.5, 100: 0.0},
        ),
        (
            OptimConfig(learning_rate=1.0, warmup_steps=10),
            {0: 0.1, 5: 0.55, 10: 1.0, 50: 1.0},
        ),
    ],
    ids=["constant", "step", "cosine", "warm-up"],
)
def test_schedules_pass_through_known_values(config, expected):
    schedule = make_schedule(config, steps=100)
    found = [float(schedule(step)) for step in expected]
    np.testing.assert_allclose(found, list(expected.values()), rtol=1e-5, atol=1e-7)

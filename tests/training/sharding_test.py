"""The step on several devices is the step on one."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.training.sharding import make_mesh, put_batch, replicated
from hourglass_jax.training.state import make_network
from hourglass_jax.training.step import loss_of

ROOT = Path(__file__).resolve().parents[2]
several = pytest.mark.skipif(
    jax.device_count() == 1, reason="one device; run again below with eight"
)


@several
def test_a_split_batch_gives_the_gradients_of_one_device(tiny):
    generator = np.random.default_rng(0)
    batch = {
        "image": generator.integers(0, 256, (8, 32, 32, 3), np.uint8),
        "keypoints_crop": generator.uniform(0, 31, (8, 16, 2)).astype(np.float32),
        "visibility": generator.integers(0, 3, (8, 16)).astype(np.uint8),
    }
    net = make_network(tiny, 16)
    images = jnp.zeros((1, 32, 32, 3))
    variables = net.init(jax.random.key(0), images, train=False)
    gradient = jax.jit(
        jax.value_and_grad(partial(loss_of, net=net, config=tiny), has_aux=True)
    )
    mesh = make_mesh()
    put = jax.device_put(variables, replicated(mesh))
    split = put_batch(batch, mesh)
    assert len(split["image"].sharding.device_set) == jax.device_count()
    found = gradient(put["params"], put["batch_stats"], split)
    alone = {name: jnp.asarray(array) for name, array in batch.items()}
    expected = gradient(variables["params"], variables["batch_stats"], alone)
    # Sums over the batch are taken in another order: float32 rounding, no more.
    largest = max(float(jnp.abs(x).max()) for x in jax.tree.leaves(expected[1]))
    compare = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5 * largest)
    jax.tree.map(compare, found, expected)


@pytest.mark.slow
def test_on_eight_devices_what_needs_several_holds():
    """One process has as many devices as it started with: hence another one."""
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *(__file__, "tests/models/hourglass_test.py", "-k", "split or sharded"),
    ]
    flags = "--xla_force_host_platform_device_count=8"
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"XLA_FLAGS": flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert "skipped" not in done.stdout

"""Precise statistics against NumPy on everything that entered each layer."""

from collections import defaultdict
from functools import partial

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.config import Config, DataConfig, ModelConfig, TrainConfig
from hourglass_jax.models.hourglass import init, normalise
from hourglass_jax.models.layers import BatchNorm
from hourglass_jax.training.sharding import make_mesh
from hourglass_jax.training.state import make_network
from hourglass_jax.training.statistics import pool, precise_statistics

CONFIG = Config(
    model=ModelConfig(stacks=3, features=8, depth=1, stem_width=4, remat="stack"),
    data=DataConfig(input_size=16),
    train=TrainConfig(batch_size=2),
)


def test_pooled_moments_are_those_of_all_values_together():
    samples = np.random.default_rng(0).normal(3, 2, (5, 7, 4))
    samples[1] += 10  # samples differ: the spread between them counts, too
    mean, variance = pool(samples.mean(1), samples.var(1, ddof=1), count=7)
    together = samples.reshape(-1, 4)
    np.testing.assert_allclose(mean, together.mean(0), rtol=1e-12)
    np.testing.assert_allclose(variance, together.var(0, ddof=1), rtol=1e-12)


@pytest.fixture(scope="module")
def network():
    net = make_network(CONFIG, 3)
    return net, init(net, jax.random.key(0))


@pytest.fixture(scope="module")
def batches():
    generator = np.random.default_rng(0)
    brightness = (40, 120, 256)  # batches that differ
    return [
        {"image": generator.integers(0, top, (2, 16, 16, 3), np.uint8)}
        for top in brightness
    ]


def entered(net, variables, batches):
    """All values [n c] that came into a layer, by its path and the turn of the call.

    The stacks are written out for this: they share their layers' paths.
    """

    @jax.jit
    def run(images):
        inputs = defaultdict(list)

        def note(call, args, kwargs, context):
            layer = context.module
            if isinstance(layer, BatchNorm) and context.method_name == "__call__":
                inputs[layer.path].append(args[0])
            return call(*args, **kwargs)

        with nn.intercept_methods(note):
            net.clone(scan=False, remat="none").apply(
                variables, images, train=True, mutable=["batch_stats"]
            )
        return {(p, i): x for p, maps in inputs.items() for i, x in enumerate(maps)}

    images = [normalise(jnp.asarray(b["image"]), (0.0, 0.0, 0.0)) for b in batches]
    found = [jax.device_get(run(each)) for each in images]
    return {
        key: np.concatenate([f[key].reshape(-1, f[key].shape[-1]) for f in found])
        for key in found[0]
    }


def test_statistics_are_those_of_everything_that_entered_each_layer(network, batches):
    net, variables = network
    found = precise_statistics(variables, batches, net, CONFIG, make_mesh(CONFIG))
    assert found["params"] is variables["params"]
    inputs = entered(net, variables, batches)
    oracle = {"mean": partial(np.mean, axis=0), "var": partial(np.var, axis=0, ddof=1)}
    statistics = flax.traverse_util.flatten_dict(jax.device_get(found["batch_stats"]))
    unseen = set(inputs)
    for (*path, name), actual in statistics.items():
        if path[0] == "stacks":
            keys = [(tuple(path[1:]), stack) for stack in range(len(actual))]
        else:
            keys, actual = [(tuple(path), 0)], actual[None]
        unseen -= set(keys)
        expected = [oracle[name](inputs[key].astype(np.float64)) for key in keys]
        # One batch's variance is a difference of float32 means.
        np.testing.assert_allclose(actual, np.stack(expected), rtol=2e-4, atol=1e-5)
    assert not unseen


def test_a_network_without_statistics_stays_as_it_is(batches):
    variables = {"params": {"kernel": np.ones(3)}, "batch_stats": {}}
    net = make_network(CONFIG, 3)
    found = precise_statistics(variables, batches, net, CONFIG, make_mesh(CONFIG))
    assert found is variables

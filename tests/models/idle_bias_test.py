"""Biases that normalisation by the batch takes out again, and that are not taught."""

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.models import StackedHourglass, init

SIZES = {"stacks": 2, "features": 16, "keypoints": 3, "depth": 1, "stem_width": 8}
NETWORKS = {
    "newell": {"supervise": "inside", "blocks": 2, "depth": 2},
    "bearpaw": {"stem": "bearpaw"},
    "fan": {"variant": "fan"},
}
flat = flax.traverse_util.flatten_dict


@pytest.fixture(scope="module")
def images():
    return jnp.asarray(np.random.default_rng(0).random((4, 32, 48, 3), np.float32))


def biases(params):
    """Paths of what convolutions add; those of heatmaps are theirs to keep."""
    known = flat(params)
    return {
        path: path[-2] == "heatmaps"
        for path in known
        if path[-1] == "bias" and (*path[:-1], "kernel") in known
    }


def answer(net, variables, images):
    return net.apply(variables, images, train=True, mutable=["batch_stats"])[0]


def gradients(net, variables, images):
    def loss(params):
        heatmaps = answer(net, {**variables, "params": params}, images)
        return jnp.mean(jnp.square(heatmaps - 0.1))

    return flat(jax.jit(jax.grad(loss))(variables["params"]))


@pytest.mark.parametrize("kind", NETWORKS)
def test_what_has_no_gradient_changes_no_answer(kind, images):
    """Whatever the idle biases are, the same heatmaps come out."""
    net = StackedHourglass(**SIZES | NETWORKS[kind])
    variables = init(net, jax.random.key(0))
    found = gradients(net, variables, images)
    kept = biases(variables["params"])
    assert {path: bool(np.any(found[path])) for path in kept} == kept
    moved = flat(variables["params"])
    rng = np.random.default_rng(1)
    for path, kept_one in kept.items():
        if not kept_one:
            moved[path] = rng.normal(size=moved[path].shape).astype(np.float32)
    other = {**variables, "params": flax.traverse_util.unflatten_dict(moved)}
    expected = answer(net, variables, images)
    np.testing.assert_allclose(answer(net, other, images), expected, atol=2e-4)
    assert np.std(expected) > 0.01


@pytest.mark.parametrize(
    "options",
    [{"norm": "group"}, {"trunk": "fpn"}, {"trunk": "unet"}],
    ids=["group", "fpn", "unet"],
)
def test_where_a_bias_counts_it_is_taught(options, images):
    net = StackedHourglass(**SIZES, **options)
    variables = init(net, jax.random.key(0))
    found = gradients(net, variables, images)
    assert all(np.any(found[path]) for path in biases(variables["params"]))

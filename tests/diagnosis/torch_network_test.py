"""PyTorch's network and ours, with one set of weights; skipped without PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.diagnosis.ours import lively
from hourglass_jax.diagnosis.torch_names import flatten
from hourglass_jax.models import StackedHourglass, init

torch = pytest.importorskip("torch")

SIZES = {"stacks": 3, "features": 8, "keypoints": 5, "depth": 2, "blocks": 2}


def test_both_networks_give_the_same_heatmaps():
    from hourglass_jax.diagnosis import torch_network

    net = StackedHourglass(**SIZES, stem_width=4)
    variables = lively(init(net, jax.random.key(0)), seed=0)
    theirs = torch_network.StackedHourglass(**SIZES, stem_width=4).eval()
    torch_network.load_weights(theirs, flatten(variables))
    images = np.random.default_rng(1).random((2, 32, 48, 3), np.float32)
    with torch.no_grad():
        found = theirs(torch.from_numpy(images.transpose(0, 3, 1, 2))).numpy()
    expected = net.apply(variables, jnp.asarray(images), train=False)
    np.testing.assert_allclose(
        found.transpose(0, 1, 3, 4, 2), expected, atol=1e-5 * np.abs(found).max()
    )


def test_both_networks_give_the_same_gradients():
    """For most pictures: rounding may turn a ReLU, and then a gradient jumps.

    The fewer there are, the less often; hence so small a network.
    """
    from hourglass_jax.diagnosis import torch_network

    sizes = {"stacks": 2, "features": 4, "keypoints": 3, "depth": 1, "stem_width": 2}
    net = StackedHourglass(**sizes)
    variables = init(net, jax.random.key(0))
    theirs = torch_network.StackedHourglass(**sizes).train()
    torch_network.load_weights(theirs, flatten(variables))

    @jax.jit
    @jax.grad
    def differentiate(params, images, weights):
        stacks, _ = net.apply(
            variables | {"params": params}, images, train=True, mutable=["batch_stats"]
        )
        return jnp.vdot(stacks, weights)

    def agree(seed):
        rng = np.random.default_rng(seed)
        images = rng.random((4, 16, 24, 3), np.float32)
        weights = rng.standard_normal((2, 4, 4, 6, 3), np.float32)
        gradients = differentiate(variables["params"], images, weights)
        expected = flatten({"params": gradients})
        theirs.zero_grad()
        heatmaps = theirs(torch.from_numpy(images.transpose(0, 3, 1, 2)))
        turned = torch.from_numpy(weights.transpose(0, 1, 4, 2, 3).copy())
        torch.vdot(heatmaps.flatten(), turned.flatten()).backward()
        found = {name: each.grad.numpy() for name, each in theirs.named_parameters()}
        largest = max(np.abs(each).max() for each in found.values())
        assert found.keys() == expected.keys()
        return all(
            np.allclose(gradient, expected[name], rtol=0, atol=1e-4 * largest)
            for name, gradient in found.items()
        )

    assert sum(map(agree, range(10))) > 5


def test_weights_of_another_network_are_refused():
    from hourglass_jax.diagnosis import torch_network

    net = torch_network.StackedHourglass(**SIZES)
    with pytest.raises(RuntimeError, match="not expected"):
        torch_network.load_weights(net, {"foreign": np.zeros(1, np.float32)})

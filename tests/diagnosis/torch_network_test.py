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


def test_weights_of_another_network_are_refused():
    from hourglass_jax.diagnosis import torch_network

    net = torch_network.StackedHourglass(**SIZES)
    with pytest.raises(RuntimeError, match="not expected"):
        torch_network.load_weights(net, {"foreign": np.zeros(1, np.float32)})

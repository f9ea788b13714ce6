import jax.numpy as jnp
import numpy as np

from hourglass_jax.losses import heatmap_loss


def numpy_loss(heatmaps, targets, weights):
    stacks, batch, _, _, count = heatmaps.shape
    losses = []
    for s in range(stacks):
        total = 0.0
        for b in range(batch):
            for k in range(count):
                error = heatmaps[s, b, :, :, k] - targets[b, :, :, k]
                total += weights[b, k] * np.mean(error**2)
        losses.append(total / weights.sum())
    return losses


def test_the_loss_is_the_weighted_mean_square_of_every_stack():
    generator = np.random.default_rng(0)
    heatmaps = generator.normal(size=(3, 2, 5, 7, 4)).astype(np.float32)
    targets = generator.normal(size=(2, 5, 7, 4)).astype(np.float32)
    weights = np.array([[1, 0, 1, 1], [0, 0, 1, 0]], np.float32)
    np.testing.assert_allclose(
        heatmap_loss(*map(jnp.asarray, (heatmaps, targets, weights))),
        numpy_loss(heatmaps, targets, weights),
        rtol=1e-5,
    )


def test_what_does_not_count_does_not_matter():
    generator = np.random.default_rng(1)
    heatmaps = jnp.asarray(generator.normal(size=(1, 1, 4, 4, 2)), jnp.float32)
    targets = jnp.zeros((1, 4, 4, 2))
    weights = jnp.array([[1.0, 0.0]])
    changed = heatmaps.at[..., 1].set(1e3)
    np.testing.assert_array_equal(
        heatmap_loss(heatmaps, targets, weights),
        heatmap_loss(changed, targets, weights),
    )


def test_nothing_labelled_costs_nothing():
    loss = heatmap_loss(
        jnp.ones((2, 1, 4, 4, 1)), jnp.zeros((1, 4, 4, 1)), jnp.zeros((1, 1))
    )
    assert loss.tolist() == [0.0, 0.0]

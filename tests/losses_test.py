import jax
import jax.numpy as jnp
import numpy as np
import pytest

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


def peak_at(row, column):
    rows, columns = jnp.mgrid[:32, :32]
    return jnp.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * 2.0**2))


def forgiving_loss(answer, target):
    return heatmap_loss(
        answer[None, None, ..., None], target[None, ..., None], jnp.ones((1, 1)), 2.0
    )[0]


@pytest.mark.parametrize(
    ("there", "elsewhere", "loss"),
    [(1.0, 0.1, 0.01 / 1.01), (0.0, 0.0, 1 / 2), (0.0, 1.0, 2 / 3)],
)
def test_a_forgiving_loss_is_that_of_geman_and_mcclure(there, elsewhere, loss):
    """Heights of the answer's peaks; the loss in units of a peak's mean square."""
    target = peak_at(16, 16)
    answer = there * target + elsewhere * peak_at(6, 6)
    unit = jnp.mean(jnp.square(target))
    np.testing.assert_allclose(forgiving_loss(answer, target), loss * unit, rtol=1e-3)


def test_a_forgiving_loss_hardly_pulls_at_a_peak_far_from_its_label():
    answer, target = peak_at(6, 6), peak_at(16, 16)
    plain = jax.grad(lambda a: jnp.mean(jnp.square(a - target)))(answer)
    forgiving = jax.grad(forgiving_loss)(answer, target)
    np.testing.assert_allclose(forgiving, plain / 9, rtol=1e-3, atol=1e-9)


def test_nothing_labelled_costs_nothing():
    loss = heatmap_loss(
        jnp.ones((2, 1, 4, 4, 1)), jnp.zeros((1, 4, 4, 1)), jnp.zeros((1, 1))
    )
    assert loss.tolist() == [0.0, 0.0]

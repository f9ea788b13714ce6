"""Learning in parts and on shards, on a model whose answers are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.config import Config
from hourglass_jax.training.gradients import Lesson, in_parts, per_shard
from hourglass_jax.training.sharding import make_mesh


def learn(variables, batch):
    """Two "stacks" of linear regression; batches differ in how many rows count."""

    def loss(slope):
        errors = jnp.square(slope[:, None] * batch["x"][None] - batch["y"][None])
        total = jnp.sum(errors * batch["weight"][None], axis=1)
        losses = total / jnp.maximum(jnp.sum(batch["weight"]), 1.0)
        return jnp.sum(losses), losses

    (total, losses), gradients = jax.value_and_grad(loss, has_aux=True)(
        variables["params"]
    )
    statistics = {"batch_stats": jnp.mean(batch["x"])}
    return Lesson(gradients, total, losses, statistics, jnp.sum(batch["weight"]))


@pytest.fixture
def variables():
    return {"params": jnp.array([0.5, -1.0]), "batch_stats": jnp.zeros(())}


@pytest.fixture
def batch():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, 12)).astype(np.float32)
    # Rows n, n + 4 and n + 8 are part n of 4: the parts have 3, 2, 1 and 0 that count.
    weight = np.array([1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0], np.float32)
    return {n: jnp.asarray(a) for n, a in (("x", x), ("y", y), ("weight", weight))}


def expected(batch):
    x, y, weight = (np.asarray(batch[n], np.float64) for n in ("x", "y", "weight"))
    slopes = np.array([0.5, -1.0])[:, None]
    losses = (weight * (slopes * x - y) ** 2).sum(1) / weight.sum()
    gradients = (weight * 2 * x * (slopes * x - y)).sum(1) / weight.sum()
    return losses, gradients


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("count", [1, 3, 4])
def test_parts_together_teach_what_the_whole_batch_does(
    variables, batch, count, unroll
):
    lesson = in_parts(learn, count, unroll=unroll)(variables, batch)
    losses, gradients = expected(batch)
    np.testing.assert_allclose(lesson.losses, losses, rtol=1e-6)
    np.testing.assert_allclose(lesson.gradients, gradients, rtol=1e-6)
    np.testing.assert_allclose(lesson.loss, losses.sum(), rtol=1e-6)
    assert lesson.weight == 6
    mean = np.asarray(batch["x"], np.float64).mean()
    np.testing.assert_allclose(lesson.statistics["batch_stats"], mean, rtol=1e-5)


def test_parts_in_which_nothing_counts_teach_nothing(variables, batch):
    batch |= {"weight": jnp.zeros(12)}
    lesson = in_parts(learn, 4, unroll=False)(variables, batch)
    assert lesson.loss == 0
    assert not lesson.gradients.any()


@pytest.mark.parametrize("of_shard", [learn, in_parts(learn, 3, unroll=True)])
def test_one_shard_is_the_whole_batch(variables, batch, of_shard):
    mesh = make_mesh(Config(), jax.devices()[:1])
    lesson = jax.jit(per_shard(of_shard, mesh))(variables, batch)
    losses, gradients = expected(batch)
    np.testing.assert_allclose(lesson.losses, losses, rtol=1e-6)
    np.testing.assert_allclose(lesson.gradients, gradients, rtol=1e-6)

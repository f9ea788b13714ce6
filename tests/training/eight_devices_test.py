"""The step on eight devices; `sharding_test` runs this in a process that has them.

Where gradients are compared, tolerances are shares of the largest gradient. Devices add
up in another order, and BatchNorm's variance is a difference of two such sums: float32
keeps about four digits of what is left.
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec

from hourglass_jax.config import (
    Config,
    DataConfig,
    MeshConfig,
    ModelConfig,
    TrainConfig,
)
from hourglass_jax.inference import find_keypoints
from hourglass_jax.models import convolution
from hourglass_jax.training.collectives import count_collectives
from hourglass_jax.training.gradients import Lesson, in_parts, on_each_shard
from hourglass_jax.training.sharding import make_mesh, put_batch, replicated
from hourglass_jax.training.state import create_state, make_network
from hourglass_jax.training.statistics import precise_statistics
from hourglass_jax.training.step import jit_train_step, learn_at_once, loss_of

pytestmark = pytest.mark.skipif(
    jax.device_count() != 8, reason="not eight devices; sharding_test runs it again"
)
PEOPLE, KEYPOINTS = 8, 3
CONFIG = Config(
    model=ModelConfig(stacks=1, features=8, depth=1, stem_width=4),
    data=DataConfig(input_size=32),
    train=TrainConfig(batch_size=PEOPLE),
)
NET = make_network(CONFIG, KEYPOINTS)
SGD = optax.sgd(1.0)  # what the parameters lose is the gradient


@pytest.fixture(scope="module")
def batch():
    generator = np.random.default_rng(0)
    points = generator.uniform(0, 31, (PEOPLE, KEYPOINTS, 2))
    visibility = generator.integers(0, 3, (PEOPLE, KEYPOINTS), np.uint8)
    visibility[:2] = 0  # parts count differently many heatmaps, and the first one none
    return {
        "image": generator.integers(0, 256, (PEOPLE, 32, 32, 3), np.uint8),
        "keypoints_crop": points.astype(np.float32),
        "visibility": visibility,
    }


@pytest.fixture
def as_on_accelerators(monkeypatch):
    """XLA's own convolution, which exchanges borders; on CPU ours gathers instead."""
    monkeypatch.setattr(convolution, "_conv_by_products", convolution._conv_by_xla)
    jax.clear_caches()
    yield
    jax.clear_caches()


def spread(data, space, **train):
    """A config and its mesh."""
    mesh = MeshConfig(data=data, space=space)
    settings = dataclasses.replace(CONFIG.train, **train)
    config = dataclasses.replace(CONFIG, mesh=mesh, train=settings)
    return config, make_mesh(config, jax.devices()[: data * space])


def one_step(batch, config, mesh, net=NET):
    """Parameters, statistics and metrics after a step of SGD, and the program."""
    state = jax.device_put(create_state(config, net, SGD), replicated(mesh))
    put = put_batch(batch, mesh)
    assert len(put["image"].sharding.device_set) == mesh.size
    program = jit_train_step(net, SGD, config, mesh).lower(state, put).compile()
    state, metrics = program(state, put)
    return jax.device_get((state.variables, metrics)), program


@pytest.fixture(scope="module")
def alone(batch):
    return one_step(batch, *spread(1, 1))[0]


@pytest.fixture(scope="module")
def largest(alone):
    before = create_state(CONFIG, NET, SGD).variables["params"]
    change = jax.tree.map(lambda a, b: np.abs(a - b).max(), before, alone[0]["params"])
    return max(jax.tree.leaves(change))


def assert_close(found, expected, atol):
    compare = partial(np.testing.assert_allclose, rtol=1e-4, atol=atol)
    jax.tree.map(compare, found, expected)


def test_a_split_batch_teaches_what_it_does_on_one_device(batch, alone, largest):
    found, program = one_step(batch, *spread(8, 1))
    assert_close(found, alone, 5e-4 * largest)
    # Each layer exchanges its moments, there and back; XLA joins the gradients.
    norms = len(jax.tree.leaves(found[0]["batch_stats"])) // 2
    sent = count_collectives(program.as_text())
    assert sent.keys() == {"all-reduce"}
    assert sent["all-reduce"][0] <= 2 * norms + 8


def test_normalised_in_groups_a_split_batch_exchanges_its_gradients_alone(batch):
    net = NET.clone(norm="group")
    expected, _ = one_step(batch, *spread(1, 1), net)
    found, program = one_step(batch, *spread(8, 1), net)
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), found, expected)
    sent = count_collectives(program.as_text())
    assert sent.keys() == {"all-reduce"}
    assert sent["all-reduce"][0] <= 4


@pytest.mark.parametrize("shape", [(4, 2), (1, 8)])
@pytest.mark.usefixtures("as_on_accelerators")
def test_split_pictures_teach_what_they_do_on_one_device(batch, alone, largest, shape):
    found, program = one_step(batch, *spread(*shape))
    assert_close(found, alone, 5e-4 * largest)
    sent = count_collectives(program.as_text())
    assert sent["collective-permute"][0] > 0
    assert "all-gather" not in sent


def test_split_pictures_are_gathered_where_convolution_is_ours(batch, alone, largest):
    found, _ = one_step(batch, *spread(4, 2))
    assert_close(found, alone, 5e-4 * largest)


def apart(batch, shards):
    """The mean of what every shard teaches alone, weighted by what counts there."""
    learn = jax.jit(partial(learn_at_once, net=NET, config=CONFIG))
    variables = create_state(CONFIG, NET, SGD).variables
    parts = [
        learn(
            variables,
            {n: jnp.asarray(np.split(a, shards)[i]) for n, a in batch.items()},
        )
        for i in range(shards)
    ]
    weights = np.array([float(part.weight) for part in parts])
    assert weights.min() == 0
    assert len(set(weights)) > 1
    mean = partial(np.average, axis=0, weights=weights)
    gradients = jax.tree.map(
        lambda *parts: mean(np.stack(parts)), *[part.gradients for part in parts]
    )
    params = jax.tree.map(np.subtract, variables["params"], gradients)
    statistics = jax.tree.map(
        lambda *parts: np.stack(parts).mean(0), *[part.statistics for part in parts]
    )
    return {"params": params, **statistics}, mean([float(part.loss) for part in parts])


def test_per_shard_teaches_the_mean_of_shards_in_one_exchange(batch, largest):
    (found, metrics), program = one_step(batch, *spread(8, 1, statistics="per_shard"))
    expected, loss = apart(batch, 8)
    assert_close(found, expected, 5e-4 * largest)
    assert metrics["loss"] == pytest.approx(loss, rel=1e-5)
    ((kind, (count, _)),) = count_collectives(program.as_text()).items()
    assert (kind, count) == ("all-reduce", 1)


@pytest.mark.usefixtures("as_on_accelerators")
def test_per_shard_leaves_the_height_of_pictures_to_xla(batch, largest):
    (found, metrics), _ = one_step(batch, *spread(4, 2, statistics="per_shard"))
    expected, loss = apart(batch, 4)
    assert_close(found, expected, 5e-4 * largest)
    assert metrics["loss"] == pytest.approx(loss, rel=1e-5)


def test_per_shard_sends_nothing_forward(batch):
    config, mesh = spread(8, 1)

    def forward(variables, batch):
        statistics = {"batch_stats": variables["batch_stats"]}
        loss, rest = loss_of(variables["params"], statistics, batch, NET, config)
        return jax.tree.map(lambda x: x[None], (loss, rest))

    variables = create_state(config, NET, SGD).variables
    run = jax.jit(on_each_shard(forward, mesh, PartitionSpec("data")))
    put = put_batch(batch, mesh)
    program = run.lower(jax.device_put(variables, replicated(mesh)), put).compile()
    assert not count_collectives(program.as_text())


def test_parts_of_a_split_batch_stay_where_they_are():
    _, mesh = spread(8, 1)
    rows = jax.device_put(
        np.arange(32.0), jax.NamedSharding(mesh, PartitionSpec("data"))
    )

    def learn(variables, batch):
        total = jnp.sum(variables["slope"] * batch["x"])
        return Lesson(total, total, total[None], {}, jnp.float32(1))

    run = jax.jit(in_parts(learn, 4, unroll=False), out_shardings=replicated(mesh))
    program = run.lower({"slope": jnp.float32(2)}, {"x": rows}).compile()
    assert count_collectives(program.as_text()).keys() == {"all-reduce"}
    assert (
        program({"slope": jnp.float32(2)}, {"x": rows}).loss
        == 2 * np.arange(32).sum() / 4
    )


@pytest.mark.usefixtures("as_on_accelerators")
def test_split_pictures_are_understood_as_on_one_device(batch):
    how = {"flip": True, "decoder": "quarter", "sigma_hm": 1.0}
    mean, partners = CONFIG.model.mean, (1, 0, 2)
    predict = jax.jit(
        partial(find_keypoints, net=NET, mean=mean, partners=partners, **how)
    )
    variables = create_state(CONFIG, NET, SGD).variables
    expected = predict(variables, jnp.asarray(batch["image"]))
    _, mesh = spread(4, 2)
    images = put_batch({"image": batch["image"]}, mesh)["image"]
    found = predict(jax.device_put(variables, replicated(mesh)), images)
    assert_close(found, expected, 1e-5)


def test_precise_statistics_are_those_of_one_device(batch):
    variables = create_state(CONFIG, NET, SGD).variables
    found = [
        precise_statistics(
            jax.device_put(variables, replicated(mesh)), [batch], NET, config, mesh
        )["batch_stats"]
        for config, mesh in (spread(1, 1), spread(8, 1))
    ]
    assert_close(*jax.device_get(found), 1e-6)

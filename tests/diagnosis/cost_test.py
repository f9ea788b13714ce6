"""Costs against the published tables, and against what XLA says of a program."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from hourglass_jax.config import (
    Config,
    DataConfig,
    MeshConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)
from hourglass_jax.diagnosis.cost import (
    count_parameters,
    count_products,
    training_cost,
    variable_shapes,
)
from hourglass_jax.models import StackedHourglass
from hourglass_jax.training.optim import make_optimiser
from hourglass_jax.training.state import create_state, make_network

SIZE = (256, 256)
SMALL = Config(
    model=ModelConfig(stacks=1, features=8, depth=1, stem_width=4),
    data=DataConfig(input_size=64),
    train=TrainConfig(batch_size=8),
)


@pytest.mark.parametrize(
    ("stacks", "parameters", "giga"),
    [
        (1, 3_426_448, 5.150),
        (8, 25_434_112, 27.440),
    ],
)
def test_counts_are_those_of_the_papers_network(stacks, parameters, giga):
    net = StackedHourglass(stacks=stacks, features=256, keypoints=16)
    assert count_products(net, SIZE).total() / 1e9 == pytest.approx(giga, abs=6e-4)
    counted = count_parameters(variable_shapes(net, SIZE))
    assert counted.total() == parameters


def test_products_are_counted_where_they_are_made():
    net = StackedHourglass(stacks=3, features=8, keypoints=5, depth=1, stem_width=4)
    counted = count_products(net, (32, 64))
    assert counted["stem", "conv"] == 16 * 32 * 4 * 7 * 7 * 3
    assert counted["stacks", "heatmaps"] == 2 * 8 * 16 * 5 * 8
    assert counted["last", "heatmaps"] == 8 * 16 * 5 * 8
    assert counted["last", "hourglass", "skip", "block1", "conv2"] == 8 * 16 * 9 * 4**2


def test_every_device_holds_state_and_a_share_of_the_activations():
    parts = dataclasses.replace(
        SMALL,
        mesh=MeshConfig(data=2, space=2),
        train=TrainConfig(batch_size=8, accumulate=2),
    )
    whole, part = training_cost(SMALL, 5, devices=1), training_cost(parts, 5, devices=4)
    assert part.parameters == whole.parameters
    assert part.products == whole.products
    assert part.activations == pytest.approx(whole.activations / 8, rel=0.01)


def test_state_is_counted_to_the_byte():
    config = dataclasses.replace(SMALL, optim=OptimConfig(name="adamw", ema=0.9))
    net, optimiser = make_network(config, 5), make_optimiser(config.optim, 10)
    state = create_state(config, net, optimiser)
    cost = training_cost(config, 5, devices=1)
    assert cost.parameters == _bytes(state.variables)
    assert cost.optimiser == _bytes(state.opt_state)
    assert cost.average == _bytes(state.ema)


@pytest.mark.parametrize(
    ("stacks", "remat"),
    [(1, "none"), pytest.param(3, "stack", marks=pytest.mark.slow)],
)
def test_activations_are_what_the_compiled_step_needs(stacks, remat):
    model = dataclasses.replace(SMALL.model, stacks=stacks, remat=remat)
    config = dataclasses.replace(SMALL, model=model)
    net = make_network(config, 5)
    optimiser = make_optimiser(config.optim, 10)
    state = create_state(config, net, optimiser)
    images = jnp.zeros((8, 64, 64, 3))

    def step(variables, opt_state):
        def loss(params):
            given = variables | {"params": params}
            maps, new = net.apply(given, images, train=True, mutable=["batch_stats"])
            return jnp.mean(jnp.square(maps)), new

        gradients, new = jax.grad(loss, has_aux=True)(variables["params"])
        updates, opt_state = optimiser.update(gradients, opt_state)
        return optax.apply_updates(variables["params"], updates), opt_state, new

    compiled = jax.jit(step).lower(state.variables, state.opt_state).compile()
    needed = compiled.memory_analysis().temp_size_in_bytes
    cost = training_cost(config, 5, devices=1)
    assert 1 / 1.5 < needed / (cost.activations + cost.gradients) < 1.5


def _bytes(tree):
    return sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(tree))

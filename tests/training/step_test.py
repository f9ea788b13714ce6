"""The step: what it lowers, what it averages, and that it is the same every time."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.config import OptimConfig, TargetConfig
from hourglass_jax.models.hourglass import init
from hourglass_jax.training.optim import make_optimiser
from hourglass_jax.training.sharding import make_mesh, put_batch, replicated
from hourglass_jax.training.state import create_state, make_network
from hourglass_jax.training.step import jit_train_step, learn_at_once, make_learn


@pytest.fixture(scope="module")
def batch():
    generator = np.random.default_rng(0)
    return {
        "image": generator.integers(0, 256, (4, 32, 32, 3), np.uint8),
        "keypoints_crop": generator.uniform(0, 31, (4, 16, 2)).astype(np.float32),
        "visibility": np.full((4, 16), 2, np.uint8),
    }


@pytest.fixture(scope="module")
def trained(tiny, batch):
    """Takes steps from a seed; gives what there was before each and after the last."""
    optim = OptimConfig(name="adamw", learning_rate=1e-2, ema=0.99)
    config = dataclasses.replace(tiny, optim=optim)
    mesh = make_mesh(config)
    net = make_network(config, 16)
    optimiser = make_optimiser(config.optim, config.train.steps)
    start = jax.device_put(create_state(config, net, optimiser), replicated(mesh))
    jitted = jit_train_step(net, optimiser, config, mesh)
    step = jitted.lower(start, put_batch(batch, mesh)).compile()

    def run(count, seed=0, **changed):
        config_now = dataclasses.replace(config, seed=seed)
        state = create_state(config_now, net, optimiser)
        state = jax.device_put(state, replicated(mesh))
        states, losses = [], []
        for _ in range(count):
            # The step takes its state's memory over: keep a copy.
            states.append(jax.tree.map(np.array, (state.variables, state.ema)))
            state, metrics = step(state, put_batch(batch | changed, mesh))
            losses.append({name: float(value) for name, value in metrics.items()})
        assert int(state.step) == count
        last = jax.tree.map(np.array, (state.variables, state.ema))
        return [*states, last], losses

    run.program, run.start = step, start
    return run


def test_training_lowers_the_loss_and_logs_every_stack(trained):
    _, losses = trained(8)
    assert losses[-1]["loss"] < 0.5 * losses[0]["loss"]
    assert losses[0]["loss"] == pytest.approx(
        losses[0]["loss_stack1"] + losses[0]["loss_stack2"], rel=1e-6
    )


def test_the_loss_of_the_config_is_what_is_learnt_by(tiny, batch):
    net = make_network(tiny, 16)
    variables = init(net, jax.random.key(0))
    losses = {
        loss: learn_at_once(
            variables,
            jax.tree.map(jnp.asarray, batch),
            net=net,
            config=dataclasses.replace(tiny, target=TargetConfig(loss=loss)),
        ).loss
        for loss in ("squares", "forgiving")
    }
    assert losses["forgiving"] < 0.9 * losses["squares"]


def test_the_same_seed_gives_the_same_bits_and_another_one_others(trained):
    (first, second, other), _ = zip(trained(2), trained(2), trained(2, 1), strict=True)
    assert all(map(np.array_equal, *map(jax.tree.leaves, (first, second))))
    kernels = [s[0][0]["params"]["stem"]["conv"]["kernel"] for s in (first, other)]
    assert not np.array_equal(*kernels)


def test_the_average_follows_parameters_and_statistics(trained):
    states, _ = trained(3)
    expected = states[0][0]
    for step, (variables, _) in enumerate(states[1:]):
        decay = min(0.99, (1 + step) / (10 + step))
        expected = jax.tree.map(
            lambda old, new, decay=decay: decay * old + (1 - decay) * new,
            expected,
            variables,
        )
    averages = states[-1][1]
    for found, wanted in zip(*map(jax.tree.leaves, (averages, expected)), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)


def test_the_step_writes_the_new_state_over_the_old_one(trained, tiny, batch):
    size = sum(x.nbytes for x in jax.tree.leaves(trained.start))
    # Some of the smallest arrays may not be worth it.
    assert trained.program.memory_analysis().alias_size_in_bytes > 0.95 * size
    state = jax.tree.map(jnp.copy, trained.start)
    trained.program(state, put_batch(batch, make_mesh(tiny)))
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(state.variables))


@pytest.fixture(scope="module")
def taught(tiny, batch):
    """What a batch teaches a net without BatchNorm, in how many parts."""
    model = dataclasses.replace(tiny.model, stacks=1, norm="group")
    # Of two parts, one counts 16 heatmaps and the other 26.
    visibility = np.array([[2] * 16, [2] * 10 + [0] * 6, [0] * 16, [1] * 16], np.uint8)

    def learn(accumulate):
        settings = dataclasses.replace(tiny.train, accumulate=accumulate)
        config = dataclasses.replace(tiny, model=model, train=settings)
        mesh, net = make_mesh(config), make_network(config, 16)
        variables = init(net, jax.random.key(0))
        run = jax.jit(make_learn(net, config, mesh))
        return run(variables, put_batch(batch | {"visibility": visibility}, mesh))

    return learn


@pytest.mark.slow  # two compilations; gradients_test shows the same of a small model
def test_accumulated_parts_teach_what_the_whole_batch_does(taught):
    whole, parts = taught(1), taught(2)
    largest = max(float(jnp.abs(x).max()) for x in jax.tree.leaves(whole.gradients))
    # Nothing but the order of the sums differs.
    compare = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6 * largest)
    jax.tree.map(compare, parts, whole)


def test_keypoints_that_are_absent_teach_nothing(trained):
    _, losses = trained(1, visibility=np.zeros((4, 16), np.uint8))
    assert losses[0]["loss"] == 0.0
    assert losses[0]["gradient_norm"] == 0.0


def test_without_an_average_the_parameters_themselves_are_evaluated(tiny):
    config = dataclasses.replace(tiny, optim=OptimConfig())
    net = make_network(config, 16)
    state = create_state(config, net, make_optimiser(config.optim, 1))
    assert state.ema is None
    assert state.evaluated is state.variables


def test_the_state_is_float32_throughout(tiny):
    config = dataclasses.replace(
        tiny, model=dataclasses.replace(tiny.model, dtype="bfloat16")
    )
    net = make_network(config, 16)
    state = create_state(config, net, make_optimiser(config.optim, 1))
    kinds = {x.dtype for x in jax.tree.leaves(state.variables)}
    assert kinds == {jnp.dtype("float32")}

"""Normalisation by the batch's moments: its own gradient, and what XLA makes of it."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.models.batch_norm import batch_norm
from hourglass_jax.models.hourglass import Residual
from hourglass_jax.models.layers import BatchNorm, Conv

EPSILON = 1e-5


def _formula(x, scale, bias, relu):
    scale, bias = (a.reshape(1, 1, 1, -1) for a in (scale, bias))
    mean = x.mean((0, 1, 2), keepdims=True)
    var = ((x - mean) ** 2).mean((0, 1, 2), keepdims=True)
    y = (x - mean) / jnp.sqrt(var + EPSILON) * scale + bias
    return jax.nn.relu(y) if relu else y


def _draw(shape):
    rng = np.random.default_rng(0)
    x = rng.normal(1, 2, shape).astype(np.float32)
    scale, bias = rng.normal(size=(2, shape[-1])).astype(np.float32)
    return x, scale, bias, rng.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("shape", [(2, 4, 6, 5), (3, 5, 7, 16), (1, 3, 1, 1)])
def test_it_and_its_gradients_are_those_of_the_formula(shape, relu):
    *given, weights = map(jnp.asarray, _draw(shape))

    def ours(x, scale, bias):
        return batch_norm(x, scale, bias, EPSILON, relu)[0]

    y, pull = jax.vjp(ours, *given)
    expected, pull_formula = jax.vjp(partial(_formula, relu=relu), *given)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    for mine, formulas in zip(pull(weights), pull_formula(weights), strict=True):
        np.testing.assert_allclose(mine, formulas, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("relu", [False, True])
def test_in_bfloat16_only_the_maps_are_rounded(relu):
    x, scale, bias, weights = map(jnp.asarray, _draw((4, 8, 8, 16)))
    x, weights = x.astype(jnp.bfloat16), weights.astype(jnp.bfloat16)

    def ours(x, scale, bias):
        return batch_norm(x, scale, bias, EPSILON, relu)[0]

    y, pull = jax.vjp(ours, x, scale, bias)
    wide = (x.astype(jnp.float32), scale, bias)
    expected, pull_wide = jax.vjp(ours, *wide)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_array_equal(y, expected.astype(jnp.bfloat16))
    found, wide_found = pull(weights), pull_wide(weights.astype(jnp.float32))
    assert [a.dtype.name for a in found] == ["bfloat16", "float32", "float32"]
    np.testing.assert_array_equal(found[0], wide_found[0].astype(jnp.bfloat16))
    for mine, wide in zip(found[1:], wide_found[1:], strict=True):
        np.testing.assert_allclose(mine, wide, rtol=1e-5, atol=1e-4)


def test_a_nan_is_not_hidden_by_the_relu():
    x, scale, bias, _ = map(jnp.asarray, _draw((1, 2, 2, 3)))
    x = x.at[0, 0, 0, 1].set(jnp.nan)
    y = batch_norm(x, scale, bias, EPSILON, True)[0]
    np.testing.assert_array_equal(np.isnan(y).all((0, 1, 2)), [False, True, False])


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="of XLA for CPU")
def test_training_in_bfloat16_writes_no_map_in_float32():
    norm = partial(BatchNorm, train=True, dtype=jnp.bfloat16)
    block = Residual(32, partial(Conv, dtype=jnp.bfloat16), norm)
    x = jnp.ones((2, 16, 16, 32), jnp.bfloat16)
    variables = block.init(jax.random.key(0), x)

    def loss(variables, x):
        y, updates = block.apply(variables, x, mutable=["batch_stats"])
        return jnp.sum(y, dtype=jnp.float32), updates

    step = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
    program = step.lower(variables, x).compile().as_text()
    written = program[program.index("\nENTRY") :]
    maps = re.findall(r"= f32\[2,16,16,\d+\]", written)
    assert re.search(r"= bf16\[2,16,16,32\]", written)
    assert not maps

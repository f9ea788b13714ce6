"""Layers against plain NumPy and the formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.errors import ScopeCollectionNotFound, ScopeParamNotFoundError

from hourglass_jax.models import layers, rearranging
from hourglass_jax.models.batch_norm import batch_norm


def test_conv_parameters_are_uniform_within_one_over_root_fan_in():
    module = layers.Conv(64, size=3, padding=1)
    params = module.init(jax.random.key(0), jnp.zeros((1, 4, 4, 16)))["params"]
    bound = 1 / np.sqrt(9 * 16)
    for name in ("kernel", "bias"):
        largest = float(jnp.abs(params[name]).max())
        assert 0.9 * bound < largest <= bound
    assert abs(float(params["kernel"].mean())) < 0.02 * bound


def _batch_norm(x, train, dtype=jnp.float32):
    x = jnp.asarray(x)
    module = layers.BatchNorm(train=train, dtype=dtype)
    variables = module.init(jax.random.key(0), x)
    return *module.apply(variables, x, mutable=["batch_stats"]), variables


def test_batch_norm_stores_torchs_running_statistics():
    x = np.random.default_rng(0).normal(2, 3, (2, 3, 4, 5)).astype(np.float32)
    y, updates, _ = _batch_norm(x, train=True)
    flat = x.reshape(-1, 5).astype(np.float64)
    expected = (flat - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-5)
    np.testing.assert_allclose(y.reshape(-1, 5), expected, atol=1e-5)
    stats = updates["batch_stats"]
    np.testing.assert_allclose(stats["mean"], 0.1 * flat.mean(0), rtol=1e-5)
    var = 0.9 + 0.1 * flat.var(0, ddof=1)
    np.testing.assert_allclose(stats["var"], var, rtol=1e-5)


def test_batch_norm_in_evaluation_uses_and_keeps_running_statistics():
    x = np.random.default_rng(0).normal(2, 3, (2, 3, 4, 5)).astype(np.float32)
    y, updates, variables = _batch_norm(x, train=False)
    np.testing.assert_allclose(y, x / np.sqrt(1 + 1e-5), rtol=1e-6)
    for before, after in zip(
        jax.tree.leaves(variables["batch_stats"]),
        jax.tree.leaves(updates["batch_stats"]),
        strict=True,
    ):
        np.testing.assert_array_equal(before, after)


def test_batch_norm_gradient_equals_that_of_the_formula():
    x = np.random.default_rng(0).normal(1, 2, (2, 3, 3, 4)).astype(np.float32)
    weights = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)

    def formula(x):
        mean = x.mean((0, 1, 2), keepdims=True)
        var = ((x - mean) ** 2).mean((0, 1, 2), keepdims=True)
        return jnp.sum(weights * (x - mean) / jnp.sqrt(var + 1e-5))

    ours = jax.grad(lambda x: jnp.sum(weights * _batch_norm(x, train=True)[0]))(
        jnp.asarray(x)
    )
    np.testing.assert_allclose(ours, jax.grad(formula)(x), atol=2e-6)


def test_batch_norm_keeps_float32_statistics_under_bfloat16():
    x = jnp.full((1, 4, 4, 2), 3, jnp.bfloat16)
    y, updates, variables = _batch_norm(x, train=True, dtype=jnp.bfloat16)
    assert y.dtype == jnp.bfloat16
    assert {a.dtype for a in jax.tree.leaves((updates, variables))} == {np.dtype("f4")}


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_max_pool_equals_numpy_and_sends_the_gradient_to_the_maximum(dtype):
    x = np.random.default_rng(0).permutation(2 * 4 * 6 * 3).astype(np.float32)
    x = x.reshape(2, 4, 6, 3)
    blocks = x.reshape(2, 2, 2, 3, 2, 3)
    expected = blocks.max((2, 4))
    y, pull = jax.vjp(layers.max_pool, jnp.asarray(x, dtype))
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, expected)
    winners = (blocks == expected[:, :, None, :, None]).reshape(x.shape)
    np.testing.assert_array_equal(pull(jnp.ones_like(y))[0], winners)


def test_max_pool_shares_the_gradient_among_equals():
    x = np.array([[7, 7, 3, 9], [7, 7, 9, 9], [5, 1, 2, 2], [5, 0, 1, 0]], np.float32)
    share = [[1, 1, 0, 2], [1, 1, 2, 2], [6, 0, 9, 9], [6, 0, 0, 0]]  # 4, 6, 12, 18
    _, pull = jax.vjp(layers.max_pool, jnp.asarray(x)[None, :, :, None])
    grad = jnp.array([[4.0, 6.0], [12.0, 18.0]])[None, :, :, None]
    np.testing.assert_array_equal(pull(grad)[0][0, :, :, 0], share)


def test_one_value_a_channel_has_no_variance_to_learn_from():
    with pytest.raises(ValueError, match=r"\(1, 1, 1, 4\) have one value a channel"):
        _batch_norm(np.ones((1, 1, 1, 4), np.float32), train=True)


def test_a_normalisation_with_a_part_of_its_variables_is_not_taken_for_folded():
    norm = layers.BatchNorm(train=False)
    x = jnp.ones((1, 2, 2, 3))
    variables = norm.init(jax.random.key(0), x)
    np.testing.assert_array_equal(norm.apply({}, x), x)
    for kept in ("params", "batch_stats"):
        with pytest.raises((ScopeParamNotFoundError, ScopeCollectionNotFound)):
            norm.apply({kept: variables[kept]}, x)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_what_is_moved_as_bits_has_a_derivative(dtype):
    """Needed by gradients of gradients: bits alone would have one of 0."""
    x = jnp.asarray(np.random.default_rng(0).integers(1, 9, (1, 3, 2, 2)), dtype)
    mask = x > 4

    def moved(x):
        kept = rearranging.keep_where(x * x, mask)
        return jnp.sum(rearranging.beside(rearranging.pad(kept, 1, 0), 2, along=1))

    # Every row is in two views, and padded by one.
    np.testing.assert_array_equal(jax.grad(moved)(x), jnp.where(mask, 4 * x, 0))


def test_a_gradient_of_a_gradient_in_bfloat16_is_near_that_in_float32():
    rng = np.random.default_rng(0)
    x, weights = jnp.asarray(rng.normal(size=(2, 2, 4, 4, 8)), jnp.float32)

    def penalty(scale, dtype):
        def loss(x):
            y = batch_norm(x, scale, jnp.zeros(8), 1e-5, True)[0]
            pooled = layers.max_pool(y.astype(dtype))
            return jnp.sum(layers.upsample(pooled).astype(jnp.float32) * weights)

        return jnp.sum(jnp.square(jax.grad(loss)(x.astype(dtype)).astype(jnp.float32)))

    scale = jnp.linspace(0.5, 1.5, 8)
    wide, narrow = (
        jax.grad(penalty)(scale, dtype) for dtype in (jnp.float32, jnp.bfloat16)
    )
    assert jnp.abs(wide).min() > 0.1
    np.testing.assert_allclose(narrow, wide, rtol=0.1)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_upsample_repeats_cells_and_its_gradient_sums_them(dtype):
    """On CPU and as on other platforms, of which both ways run here."""
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 9, (2, 3, 2, 4))
    y, pull = jax.vjp(layers.upsample, jnp.asarray(x, dtype))
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, x.repeat(2, axis=1).repeat(2, axis=2))
    grad = rng.integers(-9, 9, y.shape)  # sums of so small numbers are exact
    expected = grad.reshape(2, 3, 2, 2, 2, 4).sum((2, 4))
    (found,) = pull(jnp.asarray(grad, dtype))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)
    blocks = layers._sum_blocks(jnp.asarray(grad, dtype))
    np.testing.assert_array_equal(blocks, expected)


def test_group_norm_equals_numpy_in_groups_of_16_channels_or_their_divisor():
    for channels, group in ((32, 16), (24, 8), (6, 2)):
        x = np.random.default_rng(0).normal(2, 3, (2, 4, 3, channels))
        module = layers.GroupNorm()
        variables = module.init(jax.random.key(0), jnp.asarray(x, jnp.float32))
        assert set(variables) == {"params"}
        shift = jnp.arange(channels, dtype=jnp.float32)
        params = {"scale": shift + 1, "bias": shift}
        y = module.apply({"params": params}, jnp.asarray(x, jnp.float32))
        cut = x.reshape(2, 4, 3, -1, group)
        axes = (1, 2, 4)
        cut = (cut - cut.mean(axes, keepdims=True)) / cut.std(axes, keepdims=True)
        expected = cut.reshape(x.shape) * (np.arange(channels) + 1) + np.arange(
            channels
        )
        np.testing.assert_allclose(y, expected, atol=2e-4)


def test_average_pool_equals_numpy():
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype(np.float32)
    expected = x.reshape(2, 2, 2, 3, 2, 3).mean((2, 4))
    np.testing.assert_allclose(layers.average_pool(jnp.asarray(x)), expected, atol=1e-6)


def test_conv_without_a_bias_is_linear():
    module = layers.Conv(4, size=3, padding=1, use_bias=False)
    params = module.init(jax.random.key(0), jnp.zeros((1, 4, 4, 2)))["params"]
    assert set(params) == {"kernel"}
    assert not module.apply({"params": params}, jnp.zeros((1, 4, 4, 2))).any()

"""Layers against XLA's own convolution and plain NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.models import layers

CONVOLUTIONS = {
    "1x1": (8, 6, 5, 4, 1, 1, 0),
    "3x3": (8, 8, 4, 6, 3, 1, 1),
    "3x3 odd": (9, 7, 3, 4, 3, 1, 1),
    "3x3 smaller than its kernel": (2, 1, 3, 4, 3, 1, 1),
    "3x3 without padding": (7, 9, 3, 4, 3, 1, 0),
    "3x3 strided": (8, 9, 3, 4, 3, 2, 1),
    "7x7 stem": (16, 12, 3, 4, 7, 2, 3),
    "7x7 stem odd": (15, 13, 3, 4, 7, 2, 3),
    "1x1 strided": (9, 8, 3, 2, 1, 2, 0),
}


@pytest.mark.parametrize("case", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_conv_and_both_gradients_equal_xla(case):
    h, w, c, o, side, stride, padding = case
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, h, w, c)), jnp.float32)
    kernel = jnp.asarray(rng.normal(size=(side, side, c, o)), jnp.float32)

    def plain(x, kernel):
        return jax.lax.conv_general_dilated(
            x,
            kernel,
            (stride, stride),
            [(padding, padding)] * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )

    expected, plain_pull = jax.vjp(plain, x, kernel)
    actual, pull = jax.vjp(lambda x, k: layers.conv(x, k, stride, padding), x, kernel)
    grad = jnp.asarray(rng.normal(size=expected.shape), jnp.float32)
    for got, want in zip(
        (actual, *pull(grad)), (expected, *plain_pull(grad)), strict=True
    ):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, atol=3e-6 * np.abs(want).max())


def test_bfloat16_conv_sums_in_float32():
    x = jnp.ones((1, 2, 2, 384), jnp.bfloat16)  # a bfloat16 sum of ones ends at 256
    y = layers.conv(x, jnp.ones((1, 1, 384, 2), jnp.bfloat16))
    assert y.dtype == jnp.bfloat16
    np.testing.assert_array_equal(y, np.full((1, 2, 2, 2), 384, np.float32))


def test_stem_padding_is_three_on_every_side():
    image = np.zeros((1, 8, 8, 1), np.float32)
    image[0, 4, 4] = 1
    kernel = np.zeros((7, 7, 1, 1), np.float32)
    kernel[3, 3] = 1
    y = np.asarray(layers.conv(jnp.asarray(image), jnp.asarray(kernel), 2, 3))
    assert y.shape == (1, 4, 4, 1)
    assert np.argwhere(y[0, :, :, 0]).tolist() == [[2, 2]]


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


def test_max_pool_equals_numpy_and_sends_the_gradient_to_the_maximum():
    x = np.random.default_rng(0).permutation(2 * 4 * 6 * 3).astype(np.float32)
    x = x.reshape(2, 4, 6, 3)
    blocks = x.reshape(2, 2, 2, 3, 2, 3)
    expected = blocks.max((2, 4))
    y, pull = jax.vjp(layers.max_pool, jnp.asarray(x))
    np.testing.assert_array_equal(y, expected)
    winners = (blocks == expected[:, :, None, :, None]).reshape(x.shape)
    np.testing.assert_array_equal(pull(jnp.ones_like(y))[0], winners)


def test_upsample_repeats_cells_and_its_gradient_sums_them():
    x = np.random.default_rng(0).normal(size=(2, 3, 2, 4)).astype(np.float32)
    y, pull = jax.vjp(layers.upsample, jnp.asarray(x))
    np.testing.assert_array_equal(y, x.repeat(2, axis=1).repeat(2, axis=2))
    np.testing.assert_array_equal(pull(jnp.ones_like(y))[0], np.full_like(x, 4))


def test_accelerators_run_the_plain_convolution():
    shapes = [
        jax.ShapeDtypeStruct(s, jnp.bfloat16) for s in ((1, 8, 8, 4), (3, 3, 4, 4))
    ]
    step = jax.jit(
        jax.value_and_grad(lambda x, k: layers.conv(x, k, 1, 1).sum(), (0, 1))
    )
    traced = step.trace(*shapes)
    on = {p: traced.lower(lowering_platforms=(p,)).as_text() for p in ("cpu", "tpu")}
    assert "stablehlo.convolution" not in on["cpu"]
    assert "stablehlo.dot_general" not in on["tpu"]
    assert on["tpu"].count("stablehlo.convolution") == 3


@pytest.mark.parametrize("side", [1, 3])
def test_bfloat16_conv_and_gradients_are_those_of_float32_within_rounding(side):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, 6, 5, 8)), jnp.bfloat16)
    kernel = jnp.asarray(rng.normal(size=(side, side, 8, 4)), jnp.bfloat16)

    def run(dtype):
        y, pull = jax.vjp(
            lambda x, k: layers.conv(x, k, 1, side // 2),
            x.astype(dtype),
            kernel.astype(dtype),
        )
        return y, *pull(y.astype(jnp.bfloat16).astype(dtype))

    for low, high in zip(run(jnp.bfloat16), run(jnp.float32), strict=True):
        assert low.dtype == jnp.bfloat16
        low = np.asarray(low, np.float32)
        np.testing.assert_allclose(low, high, atol=2**-8 * np.abs(high).max())

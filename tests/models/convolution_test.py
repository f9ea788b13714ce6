"""Our convolution against XLA's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.models.convolution import conv

CONVOLUTIONS = {
    "1x1": (8, 6, 5, 4, 1, 1, 0),
    "1x1 of many cells": (13, 11, 5, 4, 1, 1, 0),
    "3x3": (8, 8, 4, 6, 3, 1, 1),
    "3x3 odd": (9, 7, 3, 4, 3, 1, 1),
    "3x3 smaller than its kernel": (2, 1, 3, 4, 3, 1, 1),
    "3x3 without padding": (7, 9, 3, 4, 3, 1, 0),
    "3x3 wide": (9, 7, 40, 6, 3, 1, 1),
    "3x3 wide without padding": (7, 9, 33, 4, 3, 1, 0),
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
    actual, pull = jax.vjp(lambda x, k: conv(x, k, stride, padding), x, kernel)
    grad = jnp.asarray(rng.normal(size=expected.shape), jnp.float32)
    for got, want in zip(
        (actual, *pull(grad)), (expected, *plain_pull(grad)), strict=True
    ):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, atol=3e-6 * np.abs(want).max())


def test_bfloat16_conv_sums_in_float32():
    x = jnp.ones((1, 2, 2, 384), jnp.bfloat16)  # a bfloat16 sum of ones ends at 256
    y = conv(x, jnp.ones((1, 1, 384, 2), jnp.bfloat16))
    assert y.dtype == jnp.bfloat16
    np.testing.assert_array_equal(y, np.full((1, 2, 2, 2), 384, np.float32))


def test_stem_padding_is_three_on_every_side():
    image = np.zeros((1, 8, 8, 1), np.float32)
    image[0, 4, 4] = 1
    kernel = np.zeros((7, 7, 1, 1), np.float32)
    kernel[3, 3] = 1
    y = np.asarray(conv(jnp.asarray(image), jnp.asarray(kernel), 2, 3))
    assert y.shape == (1, 4, 4, 1)
    assert np.argwhere(y[0, :, :, 0]).tolist() == [[2, 2]]


def test_accelerators_run_the_plain_convolution():
    shapes = [
        jax.ShapeDtypeStruct(s, jnp.bfloat16) for s in ((1, 8, 8, 4), (3, 3, 4, 4))
    ]
    step = jax.jit(jax.value_and_grad(lambda x, k: conv(x, k, 1, 1).sum(), (0, 1)))
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
            lambda x, k: conv(x, k, 1, side // 2),
            x.astype(dtype),
            kernel.astype(dtype),
        )
        return y, *pull(y.astype(jnp.bfloat16).astype(dtype))

    for low, high in zip(run(jnp.bfloat16), run(jnp.float32), strict=True):
        assert low.dtype == jnp.bfloat16
        low = np.asarray(low, np.float32)
        np.testing.assert_allclose(low, high, atol=2**-8 * np.abs(high).max())

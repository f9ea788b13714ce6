"""Convolutions by the oneDNN inside jaxlib, against XLA's own."""

import sys
import warnings

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.models import StackedHourglass, onednn
from hourglass_jax.models.folding import fold, fuse_relu
from hourglass_jax.models.hourglass import init
from hourglass_jax.models.onednn import multiply_turned, serves, use_onednn
from hourglass_jax.models.onednn_convolution import conv_by_onednn

from .convolution_test import CONVOLUTIONS

serves_here = pytest.mark.skipif(
    not serves(jnp.float32), reason="oneDNN of this jaxlib is not known"
)
TYPES = [
    pytest.param(dtype, marks=pytest.mark.skipif(not serves(dtype), reason="no oneDNN"))
    for dtype in (jnp.float32, jnp.bfloat16)
]
EXACT = {jnp.float32: 3e-6, jnp.bfloat16: 2**-7}  # of the largest number
NETWORKS = {
    "two stacks": {"stacks": 2},
    "fan": {"variant": "fan"},
    "corner": {"variant": "corner"},
    "unet": {"trunk": "unet"},
    "rectified gaussian": {"trunk": "rectified_gaussian"},
}


def plain(x, kernel, bias, add, stride, padding):
    y = jax.lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        [(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    y = y if bias is None else y + bias.reshape(1, 1, 1, -1)
    return y if add is None else y + add


def draw(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes]


def assert_near(found, expected, share):
    expected = np.asarray(expected, np.float64)
    np.testing.assert_allclose(
        np.asarray(found, np.float64), expected, atol=share * np.abs(expected).max()
    )


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("with_add", [True, False])
@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("case", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_result_and_all_gradients_equal_xla(case, with_bias, with_add, dtype):
    h, w, c, o, side, stride, padding = case
    x, kernel, bias = draw((2, h, w, c), (side, side, c, o), (o,))
    x, kernel = (a.astype(dtype) for a in (x, kernel))
    bias = bias if with_bias else None
    # The reference computes in float32 from the same numbers.
    wide = x.astype(jnp.float32), kernel.astype(jnp.float32), bias
    shape = plain(*wide, None, stride, padding).shape
    grad, add = (a.astype(dtype) for a in draw(shape, shape, seed=1))
    add = add if with_add else None
    wide_add = add.astype(jnp.float32) if with_add else None
    expected, pull_plain = jax.vjp(
        lambda *a: plain(*a, stride, padding), *wide, wide_add
    )
    found, pull = jax.vjp(
        lambda *a: conv_by_onednn(*a, stride, padding), x, kernel, bias, add
    )
    assert found.dtype == dtype
    assert_near(found, expected, EXACT[dtype])
    wanted = pull_plain(grad.astype(jnp.float32))
    leaves = x, kernel, bias, add
    for got, want, leaf in zip(pull(grad), wanted, leaves, strict=True):
        if leaf is not None:
            assert got.dtype == leaf.dtype
            assert_near(got, want, EXACT[dtype])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("with_add", [True, False])
@pytest.mark.parametrize("side", [1, 3])
def test_a_fused_relu_is_a_relu(side, with_add, dtype):
    shapes = (2, 9, 7, 5), (side, side, 5, 11), (2, 9, 7, 11), (11,)
    x, kernel, add, bias = draw(*shapes)
    x, kernel, add = x.astype(dtype), kernel.astype(dtype), add.astype(dtype)
    window = add if with_add else None, 1, side // 2

    def separate(*given):
        return jax.nn.relu(conv_by_onednn(*given, *window))

    found, pull = jax.vjp(lambda *g: conv_by_onednn(*g, *window, True), x, kernel, bias)
    expected, pull_separate = jax.vjp(separate, x, kernel, bias)
    np.testing.assert_array_equal(found, expected)
    (grad,) = (a.astype(dtype) for a in draw(found.shape, seed=1))
    for got, want in zip(pull(grad), pull_separate(grad), strict=True):
        np.testing.assert_array_equal(got, want)
    assert (np.asarray(found, np.float32) == 0).any()


@serves_here
@pytest.mark.parametrize("side", [2, 17])
def test_bfloat16_is_added_up_in_float32(side):
    maps = (1, side, side)
    ones = jnp.ones((*maps, 384), jnp.bfloat16)  # a sum in bfloat16 ends at 256
    y = conv_by_onednn(ones, jnp.ones((1, 1, 384, 2), jnp.bfloat16), None)
    np.testing.assert_array_equal(y, np.full((*maps, 2), 384, np.float32))
    wide = jnp.ones((1000, 3), jnp.bfloat16)
    np.testing.assert_array_equal(
        multiply_turned(wide, wide), np.full((3, 3), 1000, np.float32)
    )


@pytest.mark.parametrize("dtype", TYPES)
def test_the_bits_are_the_same_however_busy_the_threads_are(dtype):
    """Calls side by side share threads, and find one or all of them free."""
    maps = draw(*[(1, 32, 32, 64)] * 6)
    kernels = draw(*[(3, 3, 64, 64)] * 6, seed=1)

    @jax.jit
    def together(maps, kernels):
        def one(x, k):
            y, pull = jax.vjp(lambda x, k: conv_by_onednn(x, k, None, None, 1, 1), x, k)
            return y, pull(y)

        pairs = zip(maps, kernels, strict=True)
        return [one(x.astype(dtype), k.astype(dtype)) for x, k in pairs]

    first = jax.device_get(together(maps, kernels))
    for _ in range(20):
        again = jax.device_get(together(maps, kernels))
        jax.tree.map(np.testing.assert_array_equal, again, first)


@serves_here
@pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)
def test_a_network_answers_and_learns_the_same(settings):
    made = {"stacks": 1, "depth": 1, "stem_width": 4} | settings
    net = StackedHourglass(features=8, keypoints=3, scan=False, **made)
    variables = init(net, jax.random.key(0))
    (images,) = draw((2, 32, 16, 3))
    fast = use_onednn(net, ["cpu"])
    assert fast.onednn

    def learn(net):
        def loss(params):
            stacks, updated = net.apply(
                variables | {"params": params},
                images,
                train=True,
                mutable=["batch_stats"],
            )
            return jnp.sum(jnp.square(stacks)), updated

        return jax.jit(jax.value_and_grad(loss, has_aux=True))(variables["params"])

    def flat(tree):
        return jax.flatten_util.ravel_pytree(tree)[0]

    ((loss, _), gradients), ((expected, _), wanted) = learn(fast), learn(net)
    assert_near(loss, expected, 1e-5)
    assert_near(flat(gradients), flat(wanted), 1e-4)

    def answer(net, variables):
        return net.apply(variables, images, train=False)

    @jax.jit
    def answer_folded(variables):
        with fuse_relu():
            return answer(fast, variables)

    answers = jax.jit(answer, static_argnums=0)
    expected = answers(net, variables)
    assert_near(answers(fast, variables), expected, 1e-5)
    assert_near(answer_folded(fold(net, variables)), expected, 1e-5)


@serves_here
def test_a_folded_networks_convolutions_bring_their_relu_with_them():
    net = StackedHourglass(1, 8, 3, depth=1, stem_width=4, scan=False, onednn=True)
    variables = fold(net, init(net, jax.random.key(0)))

    @jax.jit
    def run(variables, images):
        with fuse_relu():
            return net.apply(variables, images, train=False)

    # Not so small that a call of oneDNN would not be worth it.
    program = run.lower(variables, *draw((1, 136, 136, 3))).compile().as_text()
    calls = [line for line in program.splitlines() if "__onednn$convolution" in line]
    # Eight residuals, one of which widens; stem, features and heatmaps.
    assert len(calls) == 8 * 3 + 1 + 3
    assert sum("RELU" in line for line in calls) == 8 * 2 + 2


@serves_here
def test_where_oneDNN_is_left_out(monkeypatch):
    net = StackedHourglass(1, 8, 3, depth=1)
    cpu = ["cpu"]
    assert use_onednn(net, cpu).onednn
    assert not use_onednn(net, ["cpu", "cpu"]).onednn  # XLA cannot split its calls
    assert not use_onednn(net, ["gpu"]).onednn
    assert not use_onednn(net.clone(dtype=jnp.float16), cpu).onednn
    with monkeypatch.context() as patched:
        patched.setenv("HOURGLASS_ONEDNN", "off")
        assert not use_onednn(net, cpu).onednn
    with monkeypatch.context() as patched:
        patched.setattr(onednn, "version", lambda _: "99.0.0")
        assert not use_onednn(net, cpu).onednn
    with monkeypatch.context() as patched:
        patched.setattr(sys, "platform", "darwin")
        assert not use_onednn(net, cpu).onednn
    with monkeypatch.context() as patched:
        patched.setattr(onednn, "_processor", lambda: frozenset({"avx2"}))
        assert not use_onednn(net.clone(dtype=jnp.bfloat16), cpu).onednn
        assert use_onednn(net, cpu).onednn


@serves_here
def test_a_program_that_cannot_be_kept_on_disk_is_not_complained_of(tmp_path):
    x, kernel = draw((1, 8, 8, 3), (3, 3, 3, 5))
    settings = {
        "jax_compilation_cache_dir": str(tmp_path),
        "jax_persistent_cache_min_compile_time_secs": 0,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert use_onednn(StackedHourglass(1, 8, 3, depth=1), ["cpu"]).onednn
            y = jax.jit(lambda x, k: conv_by_onednn(x, k, None, None, 1, 1))(x, kernel)
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
    assert_near(y, plain(x, kernel, None, None, 1, 1), EXACT[jnp.float32])

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.models import StackedHourglass
from hourglass_jax.models.folding import fold, narrow_kernels
from hourglass_jax.models.layers import BatchNorm, Conv

# Of each network: its norms (those of a scan count once), and how many of them are the
# only reader of a convolution: all of corner's, of FAN's the stem's and the head's.
KINDS = {
    "plain": ({"stacks": 2}, 42, 1 + 3 * 2 + 2 * (5 * 2 + 1)),
    "fan": ({"variant": "fan"}, 27, 2),
    "corner": ({"variant": "corner"}, 16, 16),
}
EPSILON = np.float32(1e-5)


def make(**settings):
    settings = {"stacks": 1, "depth": 1, "stem_width": 4} | settings
    return StackedHourglass(features=8, keypoints=3, **settings)


def draw(net):
    """Variables in which nothing is 0 or 1."""
    images = jnp.zeros((1, 8, 8, 3))
    shapes = jax.eval_shape(lambda: net.init(jax.random.key(0), images, train=False))
    rng = np.random.default_rng(4)

    def leaf(path, shape):
        numbers = rng.uniform(-0.5, 0.5, shape.shape).astype(np.float32)
        return jnp.asarray(numbers + 1 if path[-1].key in ("scale", "var") else numbers)

    return jax.tree_util.tree_map_with_path(leaf, shapes)


def draw_images(*shape):
    numbers = np.random.default_rng(5).uniform(0, 1, shape)
    return jnp.asarray(numbers, jnp.float32)


def count_norms(variables):
    """Norms that have variables, and how many of them multiply by 1, exactly."""
    flat = flax.traverse_util.flatten_dict(variables)
    norms = [path[1:-1] for path in flat if path[-1] == "var"]
    factors = [
        flat["params", *norm, "scale"]
        * jax.lax.rsqrt(flat["batch_stats", *norm, "var"] + EPSILON)
        for norm in norms
    ]
    return len(norms), sum(bool((factor == 1).all()) for factor in factors)


def count_folded(folded, variables):
    """Norms that have gone into a convolution, but for their offset or altogether."""
    (before, _), (left, ones) = count_norms(variables), count_norms(folded)
    return before - left + ones


@pytest.mark.parametrize("kind", KINDS)
def test_a_folded_network_answers_the_same(kind):
    settings, norms, behind_convolutions = KINDS[kind]
    net = make(**settings)
    variables = draw(net)
    folded = fold(net, variables)
    images = draw_images(2, 16, 8, 3)
    run = jax.jit(lambda v: net.apply(v, images, train=False))
    expected = run(variables)
    found = run(folded)
    scale = float(jnp.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * scale)
    every, left = (
        {
            path: (x.shape, x.dtype)
            for path, x in flax.traverse_util.flatten_dict(tree).items()
        }
        for tree in (variables, folded)
    )
    assert left.items() <= every.items()
    assert count_norms(variables) == (norms, 0)
    assert count_folded(folded, variables) == behind_convolutions


def test_training_without_a_norms_variables_is_an_error():
    net = make()
    folded = fold(net, draw(net))
    with pytest.raises(flax.errors.FlaxError, match="scale"):
        net.apply(folded, draw_images(2, 8, 8, 3), train=True, mutable=["batch_stats"])


def test_a_loop_is_folded_as_a_scan_is():
    net = make(stacks=2)
    variables = draw(net)
    expected = fold(net, variables)
    found = fold(net.clone(scan=False), variables)
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_narrow_kernels_change_no_number():
    net = make(stacks=2, dtype=jnp.bfloat16)
    variables = draw(net)
    narrow = narrow_kernels(net, variables)
    kept = {
        (path[-1], x.dtype.name)
        for path, x in flax.traverse_util.flatten_dict(narrow).items()
    }
    wide = {(name, "float32") for name in ("bias", "scale", "mean", "var")}
    assert kept == wide | {("kernel", "bfloat16")}
    run = jax.jit(lambda v: net.apply(v, draw_images(2, 16, 8, 3), train=False))
    np.testing.assert_array_equal(run(narrow), run(variables))


def test_what_keeps_no_statistics_is_left_alone():
    net = make(norm="group")
    variables = draw(net)
    jax.tree.map(np.testing.assert_array_equal, fold(net, variables), variables)


class Wired(StackedHourglass):
    """One convolution and two norms, wired in a way that no network of ours is."""

    wiring: str = ""

    @nn.compact
    def __call__(self, x, train):
        conv = Conv(3, name="conv")
        norm = BatchNorm(train, name="norm")
        match self.wiring:
            case "in a row":
                return norm(conv(x))
            case "with something added":
                return norm(conv(x, add=x))
            case "also read by a sum":
                y = conv(x)
                return y + norm(y)
            case "also the answer":
                y = conv(x)
                return y, norm(y)
            case "read by two norms":
                y = conv(x)
                return norm(y) + BatchNorm(train, name="other")(y)
            case "called twice, read by one norm once":
                return norm(conv(x)) + conv(2 * x)
            case "a norm of two things":
                return norm(conv(x)) + norm(x)
            case "no bias, another epsilon":
                y = Conv(3, use_bias=False, name="bare")(x)
                return BatchNorm(train, epsilon=1e-2, name="wide")(y)


def make_wired(wiring):
    return Wired(stacks=1, features=8, keypoints=3, depth=1, wiring=wiring)


@pytest.mark.parametrize(
    ("wiring", "folded"),
    [
        ("in a row", 1),
        ("with something added", 0),
        ("also read by a sum", 0),
        ("also the answer", 0),
        ("read by two norms", 0),
        ("called twice, read by one norm once", 0),
        ("a norm of two things", 0),
    ],
)
def test_only_what_nobody_else_reads_is_folded(wiring, folded):
    net = make_wired(wiring)
    variables = draw(net)
    found = fold(net, variables)
    images = draw_images(2, 8, 8, 3)
    jax.tree.map(
        lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5),
        net.apply(found, images, train=False),
        net.apply(variables, images, train=False),
    )
    assert count_folded(found, variables) == folded


def test_without_a_bias_the_norm_keeps_the_offset():
    net = make_wired("no bias, another epsilon")
    variables = draw(net)
    found = fold(net, variables)
    images = draw_images(2, 8, 8, 3)
    np.testing.assert_allclose(
        net.apply(found, images, train=False),
        net.apply(variables, images, train=False),
        rtol=1e-5,
        atol=1e-5,
    )
    assert not np.array_equal(
        found["params"]["bare"]["kernel"], variables["params"]["bare"]["kernel"]
    )
    assert found["params"]["wide"]["bias"].any()

"""The network as in the paper: sizes, counts, names, and equal ways to run it."""

from functools import partial
from typing import Any

import flax
import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from hourglass_jax.models import Residual, StackedHourglass, init, layers


def _tiny(stacks, **changes):
    return StackedHourglass(stacks, 8, 3, depth=1, stem_width=4, **changes)


def _apply(net, variables, images, train=False):
    return net.apply(variables, images, train=train, mutable=["batch_stats"])


def _images(b=2, h=16, w=8, seed=0):
    return jnp.asarray(np.random.default_rng(seed).random((b, h, w, 3), np.float32))


def _count(net):
    images = jnp.zeros((1, 64, 64, 3))
    shapes = jax.eval_shape(partial(net.init, train=False), jax.random.key(0), images)
    return sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))


@pytest.fixture
def untyped():
    """Without the check of types, which users do not have."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.parametrize(
    ("option", "given"),
    [("norm", "Batch"), ("remat", "stacks"), ("supervise", "lst"), ("stem", "beerpaw")],
)
def test_a_word_that_is_no_option_builds_no_other_network(option, given, untyped):
    with pytest.raises(ValueError, match=f"{option}: '{given}'; expected one of"):
        _tiny(1, **{option: given})


# Live parameters of the published networks, K = 16; bearpaw's in the second column.
COUNTS = {
    1: (3_426_448, 3_586_960),
    2: (6_570_400, 6_730_912),
    4: (12_858_304, 13_018_816),
    8: (25_434_112, 25_594_624),
}


@pytest.mark.parametrize("stacks", COUNTS)
def test_parameter_count_is_the_papers(stacks):
    original, bearpaw = COUNTS[stacks]
    assert _count(StackedHourglass(stacks, 256, 16)) == original
    assert _count(StackedHourglass(stacks, 256, 16, stem="bearpaw")) == bearpaw


@pytest.mark.parametrize(
    ("stacks", "features", "blocks", "millions"),
    [
        (1, 256, 8, 24.45),
        (2, 256, 4, 24.59),
        (4, 256, 2, 24.87),
        (1, 128, 1, 0.951),
        (2, 128, 1, 1.745),
        (4, 128, 1, 3.332),
    ],
)
def test_parameter_count_of_the_ablations(stacks, features, blocks, millions):
    count = _count(StackedHourglass(stacks, features, 16, blocks=blocks))
    digits = len(str(millions).split(".")[1])
    assert round(count / 1e6, digits) == millions


@pytest.fixture(scope="module")
def three_stacks():
    net = _tiny(3)
    return net, init(net, jax.random.key(0))


def test_every_stack_has_float32_heatmaps_at_a_quarter_of_the_image():
    net = StackedHourglass(2, 256, 16, dtype=jnp.bfloat16)
    variables = jax.eval_shape(
        partial(net.init, train=False), jax.random.key(0), jnp.zeros((1, 64, 64, 3))
    )
    images = jax.ShapeDtypeStruct((2, 128, 192, 3), jnp.float32)
    heatmaps = jax.eval_shape(partial(net.apply, train=False), variables, images)
    assert heatmaps.shape == (2, 2, 32, 48, 16)
    assert heatmaps.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {np.dtype("f4")}


@pytest.mark.parametrize(
    ("size", "says"),
    [
        ((100, 128), "64 or 128 high, 128 wide"),
        ((256, 200), "256 high, 192 or 256 wide"),
        ((32, 64), "64 high, 64 wide"),
    ],
)
def test_an_illegal_size_is_refused_with_the_nearest_legal_ones(size, says):
    net = StackedHourglass(1, 8, 3)
    images = jax.ShapeDtypeStruct((1, *size, 3), jnp.float32)
    with pytest.raises(ValueError, match=says) as error:
        jax.eval_shape(partial(net.init, train=False), jax.random.key(0), images)
    assert f"{size[0]}x{size[1]}" in str(error.value)


def test_submodule_names_are_the_checkpoint_format(three_stacks):
    params = three_stacks[1]["params"]
    assert set(params) == {"stem", "stacks", "last"}
    assert set(params["stem"]) == {
        "conv",
        "norm",
        "residual1",
        "residual2",
        "residual3",
    }
    assert set(params["last"]) == {
        "hourglass",
        "residual",
        "features",
        "features_norm",
        "heatmaps",
    }
    merge = {"merge_features", "merge_heatmaps"}
    assert set(params["stacks"]) == set(params["last"]) | merge
    assert set(params["last"]["hourglass"]) == {"skip", "down", "inner", "up"}
    assert set(params["last"]["hourglass"]["inner"]["block1"]) == {
        *("norm1", "conv1", "norm2", "conv2", "norm3", "conv3"),
    }
    assert params["stacks"]["heatmaps"]["kernel"].shape == (2, 1, 1, 8, 3)


def test_init_is_a_function_of_the_key(three_stacks):
    net, variables = three_stacks
    again = init(net, jax.random.key(0))
    jax.tree.map(np.testing.assert_array_equal, variables, again)
    other = init(net, jax.random.key(1))["params"]["stem"]["conv"]["kernel"]
    assert not np.array_equal(other, variables["params"]["stem"]["conv"]["kernel"])
    first, second = variables["params"]["stacks"]["features"]["kernel"]
    assert not np.array_equal(first, second)


def test_init_has_the_shapes_and_bounds_of_the_modules_own(three_stacks):
    net, variables = three_stacks
    own = jax.eval_shape(partial(net.init, train=False), jax.random.key(0), _images())
    assert jax.tree.map(jnp.shape, variables) == jax.tree.map(jnp.shape, own)
    leaves = flax.traverse_util.flatten_dict(variables, sep="/")
    for path, leaf in leaves.items():
        kernel = leaves.get(f"{path.rpartition('/')[0]}/kernel")
        if kernel is None:
            assert (leaf == path.endswith(("scale", "var"))).all(), path
            continue
        bound = np.prod(kernel.shape[-4:-1]) ** -0.5
        assert np.abs(leaf).max() <= bound, path
        if leaf.size > 100:
            assert np.abs(leaf).max() > 0.95 * bound, path


def _loss_and_grad(net, variables, images):
    def loss(params, images):
        heatmaps, updates = _apply(
            net, {**variables, "params": params}, images, train=True
        )
        return jnp.mean(jnp.square(heatmaps - 1)), (heatmaps, updates)

    return jax.jit(jax.value_and_grad(loss, has_aux=True))(variables["params"], images)


@pytest.fixture(scope="module")
def scanned(three_stacks):
    net, variables = three_stacks
    return _loss_and_grad(net, variables, _images())


@pytest.fixture(scope="module")
def recomputed(three_stacks):
    net = _tiny(3, remat="stack")
    return _loss_and_grad(net, three_stacks[1], _images())


def test_scan_and_loop_agree_bit_for_bit(three_stacks, scanned):
    looped = _loss_and_grad(_tiny(3, scan=False), three_stacks[1], _images())
    jax.tree.map(np.testing.assert_array_equal, scanned, looped)


def test_scan_and_loop_agree_bit_for_bit_when_they_recompute(three_stacks, recomputed):
    net = _tiny(3, scan=False, remat="stack")
    looped = _loss_and_grad(net, three_stacks[1], _images())
    jax.tree.map(np.testing.assert_array_equal, recomputed, looped)


def test_recomputing_changes_gradients_by_rounding_only(scanned, recomputed):
    # XLA fuses what is computed twice differently: some jax versions give equal bits,
    # others differ in the last ones. Against the largest, as some gradients are 0.
    largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(scanned))
    jax.tree.map(
        partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6 * largest),
        recomputed,
        scanned,
    )


def test_every_kernel_gets_a_gradient(scanned):
    grads = scanned[1]
    for path, leaf in jax.tree_util.tree_leaves_with_path(grads):
        assert np.isfinite(leaf).all(), path
        if path[-1].key == "kernel":
            assert np.abs(leaf).max() > 0, path


def test_evaluation_of_one_image_ignores_the_rest_of_its_batch(three_stacks):
    net, variables = three_stacks
    images = _images()
    both = jax.jit(partial(net.apply, train=False))(variables, images)
    alone = jax.jit(partial(net.apply, train=False))(variables, images[:1])
    np.testing.assert_allclose(both[:, :1], alone, atol=1e-6)


def test_residual_equals_numpy():
    """One 1x1-image residual by hand: every 3x3 sees its centre tap alone."""
    net = _tiny(1)
    variables = init(net, jax.random.key(3))
    block = variables["params"]["last"]["residual"]["block1"]
    x = np.random.default_rng(0).normal(size=(1, 1, 1, 8)).astype(np.float32)
    y = x.reshape(8)
    for i in (1, 2, 3):
        kernel = np.asarray(block[f"conv{i}"]["kernel"])
        tap = kernel[kernel.shape[0] // 2, kernel.shape[0] // 2]
        y = np.maximum(y / np.sqrt(1 + 1e-5), 0) @ tap + block[f"conv{i}"]["bias"]
    residual = Residual(8, layers.Conv, partial(layers.BatchNorm, train=False))
    stats = variables["batch_stats"]["last"]["residual"]["block1"]
    actual: Any = residual.apply(
        {"params": block, "batch_stats": stats}, jnp.asarray(x)
    )
    np.testing.assert_allclose(actual.reshape(8), np.add(x.reshape(8), y), atol=1e-6)


def test_a_sharded_batch_gives_the_whole_batchs_statistics(three_stacks):
    net, variables = three_stacks
    devices = jax.devices()
    if len(devices) < 2:
        pytest.skip("one device only")
    mesh = jax.make_mesh(
        (2,), ("batch",), (jax.sharding.AxisType.Auto,), devices=devices[:2]
    )
    spec = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch"))
    run = jax.jit(partial(_apply, net, train=True))
    expected = run(variables, _images())
    actual = run(variables, jax.device_put(_images(), spec))
    jax.tree.map(partial(np.testing.assert_allclose, atol=2e-5), actual, expected)


@pytest.mark.parametrize(
    ("stem", "billions"), [("original", 5.150), ("bearpaw", 5.805)]
)
def test_multiply_adds_are_the_papers(stem, billions, multiply_adds_of):
    net = StackedHourglass(1, 256, 16, stem=stem)
    images = jax.ShapeDtypeStruct((1, 256, 256, 3), jnp.float32)
    count = multiply_adds_of(net, images, train=False)
    assert round(count / 1e9, 3) == billions

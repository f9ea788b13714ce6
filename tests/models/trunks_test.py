"""Trunks: of one signature, at one price, and each with what makes it itself."""

from functools import partial
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.models import (
    FPN,
    Hourglass,
    RectifiedGaussian,
    Residual,
    StackedHourglass,
    UNet,
    layers,
    trunks,
)
from hourglass_jax.models.parts import Parts
from hourglass_jax.models.trunks import find_trunk
from hourglass_jax.models.trunks.rectified_gaussian import (
    bottom_up,
    descend,
    energy,
    top_down,
)


def _parts(features=8, blocks=1):
    conv, norm = layers.Conv, partial(layers.BatchNorm, train=False)
    block = partial(Residual, conv=conv, norm=norm)
    return Parts(features, blocks, conv, norm, block, layers.max_pool)


def _shape(features, side=64):
    return jax.ShapeDtypeStruct((1, side, side, features), jnp.float32)


def _normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@pytest.mark.parametrize(
    ("features", "depth", "blocks"),
    [(256, 4, 1), (256, 4, 2), (64, 3, 1), (48, 3, 2), (256, 2, 1)],
)
def test_all_trunks_cost_what_an_hourglass_costs(
    features, depth, blocks, multiply_adds_of
):
    parts = _parts(features, blocks)
    hourglass, *others = (
        multiply_adds_of(trunk(depth, parts), _shape(features))
        for trunk in (Hourglass, FPN, UNet, RectifiedGaussian)
    )
    assert np.abs(np.array(others) / hourglass - 1).max() < 0.05


@pytest.mark.parametrize("trunk", [Hourglass, FPN, UNet, RectifiedGaussian])
def test_a_trunk_keeps_the_shape_and_halves_level_by_level(trunk):
    net = trunk(3, _parts())
    init = partial(net.init_with_output, method="pyramid", levels=4)
    levels, _ = jax.eval_shape(init, jax.random.key(0), _shape(8, 32))
    assert [level.shape[1] for level in levels] == [32, 16, 8, 4]
    finest, _ = jax.eval_shape(net.init_with_output, jax.random.key(0), _shape(8, 32))
    assert finest.shape == (1, 32, 32, 8)


def test_a_feature_pyramid_is_as_wide_at_every_level():
    init = partial(FPN(3, _parts()).init_with_output, method="pyramid", levels=4)
    levels, _ = jax.eval_shape(init, jax.random.key(0), _shape(8, 32))
    assert {level.shape[-1] for level in levels} == {8}


def test_trunks_are_found_by_name():
    for name, trunk in (
        ("fpn", FPN),
        ("unet", UNet),
        ("rectified_gaussian", RectifiedGaussian),
    ):
        assert find_trunk(name) is trunk
    with pytest.raises(ValueError, match="'fnp'; expected one of"):
        find_trunk("fnp")


DEPTH, WIDTH = 2, 3


@pytest.fixture(scope="module")
def gaussian():
    """What is observed, and the weights of a small hierarchy."""
    weights = [
        (0.1 * _normal(3, 3, WIDTH, WIDTH, seed=i), 0.1 * _normal(WIDTH, seed=-i % 99))
        for i in range(1, 2 * (DEPTH + 1))
    ]
    return _normal(2, 16, 8, WIDTH), weights


@pytest.fixture(scope="module")
def passes(gaussian):
    """All layers after each of four passes."""
    return list(descend(*gaussian, passes=4))


@pytest.mark.parametrize("layer", [1, 2])
def test_top_down_is_the_transpose_of_bottom_up(layer):
    kernel, no_bias = _normal(3, 3, WIDTH, WIDTH), jnp.zeros(WIDTH)
    below = _normal(1, 8, 8, WIDTH, seed=1)
    above = _normal(1, *((8, 8) if layer == 1 else (4, 4)), WIDTH, seed=2)
    up = bottom_up(below, (kernel, no_bias), layer)
    down = top_down(above, (kernel, no_bias), layer)
    np.testing.assert_allclose(jnp.vdot(up, above), jnp.vdot(below, down), rtol=1e-4)


def test_one_weight_serves_both_directions(gaussian, passes):
    observed, weights = gaussian
    kernel, bias = weights[1]  # of layer 2, which sees layer 1 and is seen by it
    changed = [*weights]
    changed[1] = (kernel.at[0, 1, 2, 0].add(1.0), bias)
    upwards, downwards, *_ = descend(observed, changed, passes=2)
    moved = [not np.array_equal(a, b) for a, b in zip(upwards, passes[0], strict=True)]
    assert moved[:3] == [False, False, True]
    # What lies below the layer learns of it in the second pass alone.
    moved = [
        not np.array_equal(a, b) for a, b in zip(downwards, passes[1], strict=True)
    ]
    assert all(moved)


def test_each_pass_lowers_the_energy(gaussian, passes):
    observed, weights = gaussian
    energies = [energy(latents, observed, weights) for latents in passes]
    for before, after in pairwise(energies):
        assert (after < before).all()


def test_no_single_variable_can_lower_the_energy_after_its_layers_turn(
    gaussian, passes
):
    # After the second pass, downwards, the lowest layer was the last to move.
    observed, weights = gaussian
    latents = passes[1]
    slope = jax.grad(lambda z: energy([z, *latents[1:]], observed, weights).sum())(
        latents[0]
    )
    free = latents[0] > 0
    np.testing.assert_allclose(jnp.where(free, slope, 0), 0, atol=1e-5)
    assert (slope[~free] >= -1e-6).all()
    assert 0.1 < free.mean() < 0.9


def test_one_pass_is_a_feed_forward_network(gaussian, passes):
    observed, weights = gaussian
    maps = jax.nn.relu(observed)
    for layer, (kernel, bias) in enumerate(weights, start=1):
        if layer % 2 == 0:
            maps = maps.reshape(2, maps.shape[1] // 2, 2, maps.shape[2] // 2, 2, -1)
            maps = maps.sum((2, 4)) / 2
        maps = jax.lax.conv_general_dilated(
            maps,
            6**0.5 * kernel,
            window_strides=(1, 1),
            padding="SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        maps = jax.nn.relu(maps + bias.reshape(1, 1, 1, -1))
        np.testing.assert_allclose(passes[0][layer], maps, atol=2e-5)


def test_the_trunk_holds_each_kernel_once():
    net = RectifiedGaussian(1, _parts())
    params = jax.eval_shape(net.init, jax.random.key(0), _shape(8))["params"]
    # Two layers at each of two levels; the lowest one sees the trunk's input.
    assert set(params) == {"norm", "layer0", "layer1", "layer2", "layer3", "output"}
    deeper = RectifiedGaussian(1, _parts(), passes=6)
    again = jax.eval_shape(deeper.init, jax.random.key(0), _shape(8))["params"]
    assert jax.tree.map(jnp.shape, again) == jax.tree.map(jnp.shape, params)


def test_a_fifth_trunk_is_one_module(tmp_path, monkeypatch, shapes):
    page = Path(__file__).parents[2] / "docs" / "networks.md"
    module = (
        page.read_text().split("trunks/flat.py`:\n\n```python\n")[1].split("```")[0]
    )
    (tmp_path / "flat.py").write_text(module)
    monkeypatch.setattr(trunks, "__path__", [*trunks.__path__, str(tmp_path)])
    net = StackedHourglass(2, 8, 2, depth=2, trunk="flat")
    assert set(shapes(net)["params"]["last"]["flat"]) == {"row1", "row2"}
    inside = shapes(net.clone(supervise="inside"))["params"]["last"]
    assert {"inside1", "inside2"} < set(inside)

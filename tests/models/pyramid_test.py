"""The pyramid of features for other tasks than pose."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.models import FeaturePyramid, StackedHourglass, init

SMALL = {"features": 8, "depth": 2, "stem_width": 4}
IMAGES = jnp.asarray(np.random.default_rng(0).random((2, 32, 16, 3), np.float32))


@pytest.mark.parametrize("trunk", ["hourglass", "fpn", "unet", "rectified_gaussian"])
def test_levels_begin_at_a_quarter_and_halve(trunk):
    net = FeaturePyramid(**SMALL, levels=3, trunk=trunk)
    draw = partial(net.init_with_output, train=False)
    levels, _ = jax.eval_shape(draw, jax.random.key(0), IMAGES)
    assert [level.shape[:3] for level in levels] == [(2, 8, 4), (2, 4, 2), (2, 2, 1)]
    channels = {level.shape[-1] for level in levels}
    assert levels[0].shape[-1] == 8
    assert channels == {8} or trunk in ("unet", "rectified_gaussian")


def test_every_level_of_a_feature_pyramid_learns():
    net = FeaturePyramid(**SMALL, levels=3)
    variables = jax.jit(partial(net.init, train=False))(jax.random.key(0), IMAGES)

    @jax.jit
    def gradients(params):
        def loss(params):
            levels, updates = net.apply(
                {**variables, "params": params},
                *(IMAGES, True),
                mutable=["batch_stats"],
            )
            assert updates.keys() == {"batch_stats"}
            return sum(jnp.mean(jnp.square(level - 1)) for level in levels)

        return jax.grad(loss)(params)

    for path, leaf in jax.tree_util.tree_leaves_with_path(
        gradients(variables["params"])
    ):
        if path[-1].key == "kernel":
            assert np.abs(leaf).max() > 0, path


def test_a_network_for_pose_lends_its_features():
    """Its trunk's own ones: what its head makes of them are its heatmaps."""
    pose = StackedHourglass(1, keypoints=2, **SMALL)
    variables = init(pose, jax.random.key(0))
    _, kept = jax.jit(
        partial(
            pose.apply,
            train=False,
            capture_intermediates=lambda module, _: module.name == "hourglass",
            mutable=["intermediates"],
        )
    )(variables, IMAGES)
    lent = {
        kind: {"stem": tree["stem"], "hourglass": tree["last"]["hourglass"]}
        for kind, tree in variables.items()
    }
    net = FeaturePyramid(**SMALL, levels=3, trunk="hourglass")
    levels = jax.jit(partial(net.apply, train=False))(lent, IMAGES)
    (wanted,) = kept["intermediates"]["last"]["hourglass"]["pyramid"]
    assert len(wanted) >= 3
    for level, other in zip(levels, wanted, strict=False):
        np.testing.assert_allclose(level, other, rtol=1e-5, atol=1e-6)


def test_levels_that_no_trunk_has_are_refused():
    with pytest.raises(ValueError, match=r"levels: 4; expected 1 to 3 \(depth \+ 1\)"):
        FeaturePyramid(**SMALL, levels=4).init(jax.random.key(0), IMAGES, train=False)


def test_images_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="image size: 32x8 .* multiples of 16"):
        FeaturePyramid(**SMALL, levels=1).init(
            jax.random.key(0), IMAGES[:, :, :8], train=False
        )

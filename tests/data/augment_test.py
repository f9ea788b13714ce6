import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass_jax import geometry
from hourglass_jax.config import AugmentConfig
from hourglass_jax.data import augment
from hourglass_jax.data.augment import Augmentation
from hourglass_jax.skeleton import SKELETONS

NOTHING = AugmentConfig(
    **dict.fromkeys((field.name for field in dataclasses.fields(AugmentConfig)), 0.0)
)


def draw_many(count=4000, config=None):
    rng = np.random.default_rng(0)
    return [
        augment.draw_augmentation(rng, config or AugmentConfig(translation=0.1))
        for _ in range(count)
    ]


def test_no_spread_gives_the_identity():
    assert set(draw_many(20, NOTHING)) == {augment.IDENTITY}


def test_distributions_are_those_of_the_config():
    config = AugmentConfig(translation=0.1)
    drawn = draw_many()
    exponents = np.log2([how.scale for how in drawn])
    rotations = np.array([how.rotation for how in drawn])
    shifts = np.array([how.shift for how in drawn])
    gains = np.array([how.gains for how in drawn])
    assert np.abs(exponents).max() == pytest.approx(config.scale_limit)
    # 4.6 % of a normal distribution lie beyond two deviations, where it is clipped.
    clipped = np.isclose(np.abs(exponents), config.scale_limit)
    assert np.mean(clipped) == pytest.approx(0.046, abs=0.01)
    assert np.abs(rotations).max() <= config.rotation_limit
    assert np.mean(rotations != 0) == pytest.approx(0.4, abs=0.03)
    assert np.std(rotations[rotations != 0]) == pytest.approx(30, rel=0.07)
    assert np.mean([how.flip for how in drawn]) == pytest.approx(0.5, abs=0.03)
    for values, spread in ((shifts, 0.1), (gains - 1, 0.4)):
        assert np.abs(values).max() <= spread
        assert np.std(values) == pytest.approx(spread / 3**0.5, rel=0.03)


def test_one_setting_does_not_change_what_another_draws():
    still = AugmentConfig(rotation=0.0, flip_probability=0.0)
    for how, calm in zip(draw_many(50), draw_many(50, still), strict=True):
        assert (how.scale, how.gains) == (calm.scale, calm.gains)


@given(
    st.floats(0, 1),
    st.sampled_from([0.0, 10.0, 45.0, 60.0, 180.0]),
    st.floats(0, 0.5),
    st.integers(0, 2**31),
)
def test_no_augmentation_reaches_further_than_the_config_says(
    limit, rotation, translation, seed
):
    config = AugmentConfig(
        scale=1.0,
        scale_limit=limit,
        rotation=90.0,
        rotation_limit=rotation,
        translation=translation,
    )
    rng = np.random.default_rng(seed)
    corners = np.array([[-0.5, -0.5], [-0.5, 63.5], [63.5, -0.5], [63.5, 63.5]])
    for _ in range(10):
        how = augment.draw_augmentation(rng, config)
        affine = augment.augmented_affine(np.zeros(2), 1.0, (64, 64), how)
        reached = geometry.transform(geometry.invert(affine), corners)
        assert np.abs(reached).max() <= config.reach + 1e-9


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_flipping_twice_is_the_identity(skeleton):
    flip = list(skeleton.flip)
    assert [flip[i] for i in flip] == list(range(len(flip)))
    plain = augment.augmented_affine(
        np.array([30.0, 40.0]), 50.0, (64, 48), Augmentation(rotation=20.0)
    )
    flipped = augment.augmented_affine(
        np.array([30.0, 40.0]), 50.0, (64, 48), Augmentation(rotation=20.0, flip=True)
    )
    again = geometry.compose(geometry.flip_affine(48), flipped)
    np.testing.assert_allclose(again, plain, atol=1e-12)


def test_the_box_becomes_the_crop():
    how = Augmentation(scale=2.0, shift=(0.1, -0.2))
    affine = augment.augmented_affine(np.array([100.0, 60.0]), 40.0, (64, 64), how)
    # The box: 80 pixels wide around (100 + 4, 60 - 8).
    corners = geometry.transform(affine, np.array([[64.0, 12.0], [144.0, 92.0]]))
    np.testing.assert_allclose(corners, [[-0.5, -0.5], [63.5, 63.5]], atol=1e-9)


HALVES = AugmentConfig(half_body_probability=1.0)


def test_half_of_the_body_is_upper_or_lower_alike_often():
    halves = [how.half for how in draw_many(config=HALVES)]
    assert set(halves) == {"upper", "lower"}
    assert np.mean([half == "upper" for half in halves]) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("skeleton", "lower"),
    [
        ("mpii", {0, 1, 2, 3, 4, 5, 6}),
        ("lsp", set(range(6))),
        ("coco", set(range(11, 17))),
    ],
)
def test_the_lower_body_is_told_by_names(skeleton, lower):
    chosen = augment.lower_body(SKELETONS[skeleton])
    assert set(np.flatnonzero(chosen)) == lower


def test_half_a_body_is_boxed_like_a_whole_one():
    points = np.array([[10, 10], [30, 20], [20, 50], [90, 90]], np.float32)
    chosen = np.array([True, True, True, False])
    center, side = augment.half_box(points, chosen, np.array([40.0, 45.0]), 100.0)
    np.testing.assert_allclose(center, [20, 30])
    assert side == pytest.approx(1.25 * 40)


def test_too_few_keypoints_leave_the_box_alone():
    chosen = np.array([True, True, False, False])
    own = np.array([40.0, 45.0])
    center, side = augment.half_box(np.zeros((4, 2), np.float32), chosen, own, 100.0)
    assert (center is own, side) == (True, 100.0)


@given(st.integers(0, 2**31), st.floats(0, 1))
def test_half_a_body_reaches_no_further_than_the_config_says(seed, limit):
    config = AugmentConfig(half_body_probability=1.0, scale=1.0, scale_limit=limit)
    rng = np.random.default_rng(seed)
    corners = np.array([[-0.5, -0.5], [-0.5, 63.5], [63.5, -0.5], [63.5, 63.5]])
    # Labels may lie anywhere, also far outside of their box.
    points = rng.normal(0, 0.8, (6, 2)).astype(np.float32)
    box = augment.half_box(points, np.ones(6, bool), np.zeros(2), 1.0)
    how = augment.draw_augmentation(rng, config)
    affine = augment.augmented_affine(*box, (64, 64), how)
    reached = geometry.transform(geometry.invert(affine), corners)
    assert np.abs(reached).max() <= config.reach + 1e-9


def test_what_is_off_is_never_drawn_and_what_is_on_is_as_often_as_asked():
    fields = ("occluder", "cutout", "grey", "blur", "jpeg")
    config = AugmentConfig(**{f"{field}_probability": 0.3 for field in fields})
    for drawn, share in ((draw_many(), 0.0), (draw_many(config=config), 0.3)):
        assert np.mean([how.occluder is not None for how in drawn]) == pytest.approx(
            share, abs=0.03
        )
        assert np.mean([how.cutout is not None for how in drawn]) == pytest.approx(
            share, abs=0.03
        )
        for field, off in (("grey", False), ("blur", 0.0), ("quality", 100)):
            changed = [getattr(how, field) != off for how in drawn]
            assert np.mean(changed) == pytest.approx(share, abs=0.03)
    qualities = [how.quality for how in drawn if how.quality < 100]
    assert {min(qualities), max(qualities)} == set(augment.QUALITY)

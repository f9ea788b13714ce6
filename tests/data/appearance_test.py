import cv2
import numpy as np
import pytest

from hourglass_jax.data import appearance
from hourglass_jax.data.augment import IDENTITY, Augmentation


@pytest.fixture
def crop():
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def test_the_identity_changes_nothing(crop):
    np.testing.assert_array_equal(appearance.change_appearance(crop, IDENTITY), crop)


def test_colours_are_multiplied_rounded_and_clipped(crop):
    gains = (0.6, 1.0, 1.4)
    changed = appearance.change_appearance(crop, Augmentation(gains=gains))
    expected = np.clip(np.rint(crop * np.array(gains)), 0, 255)
    np.testing.assert_array_equal(changed, expected)


def test_grey_is_the_luminance_of_rgb(crop):
    grey = appearance.change_appearance(crop, Augmentation(grey=True))
    luminance = crop @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(grey, luminance[..., None].repeat(3, -1), atol=0.51)


def test_blur_spreads_a_point_by_its_deviation():
    crop = np.zeros((65, 65, 3), np.uint8)
    crop[32, 32] = 255
    blurred = appearance.change_appearance(crop, Augmentation(blur=1.5 / 65))
    weights = blurred[32, :, 0] / blurred[32, :, 0].sum()
    variance = (weights * np.square(np.arange(65) - 32)).sum()
    assert np.sqrt(variance) == pytest.approx(1.5, rel=0.1)


def test_compression_keeps_colours_in_their_channels():
    crop = np.full((32, 32, 3), (200, 120, 40), np.uint8)
    worse = appearance.change_appearance(crop, Augmentation(quality=15))
    np.testing.assert_allclose(worse.mean((0, 1)), (200, 120, 40), atol=6)


def test_lower_qualities_differ_more():
    y, x = np.mgrid[:64, :64]
    crop = np.repeat(((x * y) % 256)[..., None], 3, -1).astype(np.uint8)
    errors = [
        np.abs(
            appearance.change_appearance(crop, Augmentation(quality=q)).astype(int)
            - crop
        ).mean()
        for q in (90, 50, 15)
    ]
    assert 0 < errors[0] < errors[1] < errors[2]


def test_a_rectangle_is_cut_out_where_the_patch_says(crop):
    cut, inside = appearance.cut_out(crop, (0.5, 0.25, 0.5, 0.2))
    expected = np.zeros((40, 60), bool)
    expected[6:14, 15:45] = True
    np.testing.assert_array_equal(inside, expected)
    np.testing.assert_array_equal(cut[~inside], crop[~inside])
    assert len(np.unique(cut[inside], axis=0)) == 1


def test_an_occluder_is_an_ellipse_of_the_other_crop(crop):
    other = 255 - crop
    covered, inside = appearance.occlude(crop, other, (0.5, 0.5, 0.4, 0.5))
    assert inside.mean() == pytest.approx(np.pi / 4 * 0.4 * 0.5, rel=0.03)
    np.testing.assert_array_equal(covered[inside], other[inside])
    np.testing.assert_array_equal(covered[~inside], crop[~inside])


def test_only_visible_keypoints_under_the_cover_become_occluded():
    covered = np.zeros((40, 60), bool)
    covered[10:20, 30:50] = True
    points = np.array([[30, 10], [49.4, 19], [50, 19], [40, 15], [0, 0], [70, 15]])
    visibility = np.array([2, 2, 2, 1, 0, 2], np.uint8)
    hidden = appearance.hide(visibility, points.astype(np.float32), covered)
    assert hidden.tolist() == [1, 1, 2, 1, 0, 2]
    assert hidden.dtype == np.uint8


def test_patches_may_lie_over_the_edge(crop):
    for patch in ((0.0, 0.0, 0.3, 0.3), (1.0, 1.0, 0.3, 0.3)):
        _, inside = appearance.cut_out(crop, patch)
        assert inside.sum() == pytest.approx(40 * 60 * 0.15**2, rel=0.2)


def test_opencv_reads_rgb_as_it_was_written(crop):
    # What `change_appearance` relies on: the two conversions are each other's inverse.
    smooth = cv2.GaussianBlur(crop, (0, 0), 8)
    again = appearance.change_appearance(smooth, Augmentation(quality=99))
    np.testing.assert_allclose(again, smooth, atol=6)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass_jax import geometry
from hourglass_jax.data.crop import crop_picture

ratios = st.floats(0.12, 2.5)
angles = st.floats(-180, 180)


def blob(shape, center, sigma):
    """A round bright spot, drawn exactly: no code of ours, nor of OpenCV."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    distance = (x - center[0]) ** 2 + (y - center[1]) ** 2
    grey = np.rint(255 * np.exp(-distance / (2 * sigma**2)))
    return np.repeat(grey[..., None], 3, -1).astype(np.uint8)


def centroid(picture):
    weights = picture[..., 0].astype(np.float64)
    y, x = np.indices(weights.shape)
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


def smooth_picture(shape):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: shape[0], : shape[1]]
    phases = rng.uniform(0, 2 * np.pi, (3, 2))
    waves = [np.sin(x / 9 + a) + np.cos(y / 7 + b) for a, b in phases]
    return np.rint(127 + 60 * np.stack(waves, -1)).astype(np.uint8)


@given(ratios, angles, st.booleans(), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_a_spot_lands_where_the_affine_says(ratio, angle, flip, dx, dy):
    spot = np.array([150 + dx, 120 + dy])
    picture = blob((260, 300), spot, sigma=2.5 / min(ratio, 1))
    middle = np.array([140.0, 130.0])
    affine = geometry.crop_affine(middle, 128 / ratio, (128, 128), angle)
    if flip:
        affine = geometry.compose(geometry.flip_affine(128), affine)
    crop = crop_picture(picture, affine, (128, 128))
    assert np.abs(centroid(crop) - geometry.transform(affine, spot)).max() < 0.1


@given(st.floats(0.51, 2), angles)
def test_a_crop_is_bilinear_interpolation(ratio, angle):
    picture = smooth_picture((130, 150))
    affine = geometry.crop_affine(np.array([75.0, 65.0]), 40 / ratio, (40, 40), angle)
    grid = np.stack(np.meshgrid(np.arange(40.0), np.arange(40.0)), -1)
    at = geometry.transform(geometry.invert(affine), grid)
    low = np.floor(at).astype(int)
    (fx, fy), (x, y) = np.moveaxis(at - low, -1, 0)[..., None], np.moveaxis(low, -1, 0)
    top = (1 - fx) * picture[y, x] + fx * picture[y, x + 1]
    bottom = (1 - fx) * picture[y + 1, x] + fx * picture[y + 1, x + 1]
    expected = (1 - fy) * top + fy * bottom
    # OpenCV may round places to 1/32 pixel: 10 levels a pixel make 0.3, and rounding.
    assert np.abs(crop_picture(picture, affine, (40, 40)) - expected).max() < 1.5


def test_the_affine_that_does_nothing_changes_nothing():
    picture = smooth_picture((40, 50))
    crop = crop_picture(picture, geometry.resize_affine(1.0, 1.0), (40, 50))
    np.testing.assert_array_equal(crop, picture)


def test_flipping_is_exact():
    picture = smooth_picture((40, 50))
    crop = crop_picture(picture, geometry.flip_affine(50), (40, 50))
    np.testing.assert_array_equal(crop, picture[:, ::-1])


@given(st.floats(0.05, 0.45))
def test_shrinking_averages_instead_of_skipping(ratio):
    checkers = 255 * (np.indices((400, 400)).sum(0) % 2)
    picture = np.repeat(checkers[..., None], 3, -1).astype(np.uint8)
    side = round(400 * ratio)
    crop = crop_picture(picture, geometry.resize_affine(ratio, ratio), (side, side))
    assert np.abs(crop[2:-2, 2:-2].astype(int) - 127).max() <= 30


@given(angles)
def test_a_crop_and_back_gives_the_picture(angle):
    picture = smooth_picture((120, 120))
    affine = geometry.crop_affine(np.array([60.0, 60.0]), 120.0, (240, 240), angle)
    there = crop_picture(picture, affine, (240, 240))
    back = crop_picture(there, geometry.invert(affine), (120, 120))
    inner = slice(35, -35)  # never outside the crop, however it was turned
    difference = back[inner, inner].astype(int) - picture[inner, inner]
    assert np.abs(difference).max() <= 3


@pytest.mark.parametrize("ratio", [1.0, 0.25])
def test_outside_the_picture_is_black(ratio):
    white = np.full((100, 100, 3), 255, np.uint8)
    affine = geometry.crop_affine(np.array([200.0, 200.0]), 50 / ratio, (50, 50))
    assert crop_picture(white, affine, (50, 50)).max() == 0

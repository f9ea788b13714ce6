"""Decoders, against Gaussians drawn at known places and against plain NumPy."""

from functools import partial
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter

from hourglass_jax.config import Decoder, TargetConfig
from hourglass_jax.decoding import decode, decode_argmax, decode_quarter
from hourglass_jax.geometry import crop_from_hm
from hourglass_jax.heatmaps import flip_heatmaps, make_targets, render
from hourglass_jax.skeleton import MPII

DECODERS = get_args(Decoder)
HEIGHT, WIDTH = SIZE = 24, 32
PEOPLE = 64

# Compiled once a decoder and sigma, as most tests give it maps of one shape.
read = jax.jit(decode, static_argnums=(1, 2))


def on_a_map(values):
    return jnp.asarray(values, jnp.float32)[..., None]


def scattered(margin, sigma):
    """Keypoints at random places at least a margin inside, and their heatmaps."""
    random = np.random.default_rng(0)
    high = [WIDTH - 1 - margin, HEIGHT - 1 - margin]
    keypoints = random.uniform(margin, high, (PEOPLE, 2)).astype(np.float32)
    return keypoints, _drawn(keypoints, sigma)


_drawn = jax.jit(partial(render, size=SIZE), static_argnums=1)


def distances(found, keypoints):
    return np.linalg.norm(np.asarray(found) - keypoints, axis=-1)


@pytest.mark.parametrize(
    ("decoder", "mean", "worst"),
    [  # A place anywhere in a cell is 0.38 from its centre on average, 0.71 at most.
        *(("argmax", 0.40, 0.708), ("quarter", 0.25, 0.354)),
        *(("dark", 0.01, 0.05), ("soft", 0.005, 0.01)),
    ],
)
@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_decode_inverts_render(decoder, mean, worst, sigma):
    keypoints, heatmaps = scattered(6.0, sigma)
    found, scores = read(heatmaps, decoder, sigma)
    errors = distances(found, keypoints)
    assert errors.mean() < mean
    assert errors.max() < worst
    assert np.abs((found - keypoints).mean(axis=0)).max() < 0.1  # nothing is shifted
    np.testing.assert_array_equal(scores, heatmaps.max(axis=(0, 1)))


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
@pytest.mark.parametrize(
    ("decoder", "worst"), [("dark", 0.05), ("quarter", 0.708), ("soft", 0.708)]
)
def test_decoders_hold_up_to_the_border(decoder, worst, sigma):
    keypoints, heatmaps = scattered(-0.45, sigma)
    found, _ = read(heatmaps, decoder, sigma)
    assert distances(found, keypoints).max() < worst


def dark_of_zhang(heatmap, sigma):
    """Section 3.2 of the paper, in float64: smooth, logarithm, -H^-1 g at the peak."""
    y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    smooth = gaussian_filter(heatmap.astype(float), sigma, mode="constant", truncate=9)
    log = np.log(smooth[y - 1 : y + 2, x - 1 : x + 2])
    dy, dx = (g[1, 1] for g in np.gradient(log))
    dxx, dyy = np.diff(log[1], 2)[0], np.diff(log[:, 1], 2)[0]
    dxy = np.gradient(np.gradient(log, axis=0)[1])[1]
    hessian = np.array([[dxx, dxy], [dxy, dyy]])
    return np.array([x, y]) - np.linalg.solve(hessian, [dx, dy])


def test_dark_agrees_with_the_paper_inside_the_map():
    """On tilted bells of two kinds with noise, where the second derivatives matter."""
    keypoints, heatmaps = scattered(8.0, 1.0)
    noise = np.random.default_rng(1).normal(0, 0.02, heatmaps.shape)
    tails = np.asarray(_drawn(keypoints + np.float32([2.0, 1.5]), 1.0))
    heatmaps = np.asarray(heatmaps + 0.4 * tails + noise, np.float32)
    found, _ = read(jnp.asarray(heatmaps), "dark", 1.0)
    expected = [dark_of_zhang(heatmaps[..., k], 1.0) for k in range(PEOPLE)]
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert distances(expected, keypoints).mean() > 0.1  # not the easy case


def test_dark_sees_through_noise():
    keypoints, heatmaps = scattered(7.0, 2.0)
    noise = np.random.default_rng(2).normal(0, 0.05, heatmaps.shape)
    noisy = jnp.asarray(heatmaps + noise, jnp.float32)
    assert distances(read(noisy, "dark", 2.0)[0], keypoints).mean() < 0.06
    assert distances(read(noisy, "quarter", 2.0)[0], keypoints).mean() > 0.2


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_flat_map_is_answered_by_its_first_cell(decoder):
    levels = np.array([0.0, 0.3, -0.3, 1e-20], np.float32)
    keypoints, scores = read(jnp.asarray(np.tile(levels, (5, 7, 1))), decoder, 2.0)
    np.testing.assert_allclose(keypoints, np.zeros((4, 2)), atol=1e-6)
    np.testing.assert_array_equal(scores, levels)


@pytest.mark.parametrize("decoder", ["dark", "soft"])
@pytest.mark.parametrize("side", [1, 2])
def test_a_map_without_an_inside_is_answered_by_a_cell(decoder, side):
    keypoints, _ = read(on_a_map(np.full((side, side), 0.5)), decoder, 1.0)
    assert keypoints.tolist() == [[0, 0]]


@pytest.mark.parametrize("decoder", ["dark", "soft"])
def test_a_ridge_is_no_peak_to_step_to(decoder):
    """Level along x: the curvature has no inverse there."""
    rows = np.exp(-0.5 * (np.arange(9) - 4.0) ** 2)
    keypoints, _ = read(on_a_map(np.tile(rows[:, None], (1, 9))), decoder, 1.0)
    np.testing.assert_allclose(keypoints, [[0, 4]], atol=1e-5)


@pytest.mark.parametrize("lobes", [[(0, -3), (0, 2)], [(-3, 0), (2, 0)], "all around"])
def test_dark_stays_in_a_cell_that_smoothing_turns_into_a_hollow(lobes):
    """A lone high cell between lobes: the parabola has no top to step to."""
    rows, columns = np.mgrid[:15, :15] - 7
    heatmap = np.zeros((15, 15), np.float32)
    if lobes == "all around":
        heatmap[np.hypot(rows, columns + 0.5) > 2] = 0.95
    else:
        for row, column in lobes:
            heatmap += 0.95 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 2)
    heatmap[7, 7] = 1.0
    assert read(on_a_map(heatmap), "dark", 1.0)[0].tolist() == [[7, 7]]


def test_dark_steps_away_from_negative_neighbours():
    rows, columns = np.mgrid[:9, :9] - 4
    heatmap = np.exp(-(rows**2 + columns**2) / 4)
    heatmap[:, :3] = -2.0
    ((x, y),), _ = read(on_a_map(heatmap), "dark", 1.0)
    assert 4.3 < float(x) <= 5.5
    assert abs(float(y) - 4) < 1e-4


@pytest.mark.parametrize("decoder", DECODERS)
@given(heatmap=arrays(np.float32, (5, 8), elements=st.floats(-1e3, 1e3, width=32)))
def test_any_map_has_an_answer_near_its_highest_cell(decoder, heatmap):
    (keypoint,), (score,) = read(on_a_map(heatmap), decoder, 1.0)
    y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    assert np.abs(np.asarray(keypoint) - [x, y]).max() <= 3
    assert float(score) == heatmap.max()


@pytest.mark.parametrize("decoder", DECODERS)
def test_where_a_peak_lies_does_not_depend_on_its_height(decoder):
    _, heatmaps = scattered(3.0, 2.0)
    found, _ = read(heatmaps, decoder, 2.0)
    lower, scores = read(0.01 * heatmaps, decoder, 2.0)
    np.testing.assert_allclose(lower, found, atol=1e-4)
    np.testing.assert_allclose(scores, 0.01 * heatmaps.max(axis=(0, 1)), rtol=1e-6)


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_mirrored_map_has_a_mirrored_answer(decoder):
    _, heatmaps = scattered(0.0, 2.0)
    found, _ = read(heatmaps, decoder, 2.0)
    mirrored, _ = read(heatmaps[:, ::-1], decoder, 2.0)
    np.testing.assert_allclose(mirrored[:, 0], WIDTH - 1 - found[:, 0], atol=1e-4)
    np.testing.assert_allclose(mirrored[:, 1], found[:, 1], atol=1e-4)


@pytest.mark.parametrize("decoder", DECODERS)
def test_averaging_with_the_mirror_image_changes_nothing_that_is_symmetric(decoder):
    """A network that is not confused by mirroring; a cell of shift moves the answer."""
    random = np.random.default_rng(3)
    people = random.uniform(3, 20, (4, 16, 2)).astype(np.float32)
    mirrored = people[:, list(MPII.flip)]
    mirrored[..., 0] = WIDTH - 1 - mirrored[..., 0]
    plain, turned = _drawn(people, 2.0), _drawn(mirrored, 2.0)
    turned = flip_heatmaps(turned, MPII.flip)
    alone, _ = read(plain, decoder, 2.0)

    def shift(cells):
        found, _ = read((plain + jnp.roll(turned, cells, axis=2)) / 2, decoder, 2.0)
        return np.abs(found - alone)

    assert shift(0).max() < 1e-4
    assert shift(1)[..., 0].mean() > 0.3  # half of the cell that the ports move it by
    assert shift(-1)[..., 0].mean() > 0.3


def test_the_quarter_offset_points_to_the_higher_neighbour():
    heatmap = np.zeros((5, 5), np.float32)
    heatmap[2, 3], heatmap[2, 4], heatmap[1, 3] = 1.0, 0.5, 0.2
    keypoints, _ = decode_quarter(on_a_map(heatmap))
    assert keypoints.tolist() == [[3.25, 1.75]]
    assert decode_argmax(on_a_map(heatmap))[0].tolist() == [[3, 2]]


@pytest.mark.parametrize("row", [0, 4])
@pytest.mark.parametrize("column", [0, 4])
def test_a_peak_at_the_border_stays_in_its_cell(row, column):
    heatmap = np.zeros((5, 5), np.float32)
    heatmap[row, column] = 1.0
    keypoints, _ = decode_quarter(on_a_map(heatmap))
    assert keypoints.tolist() == [[column, row]]


@pytest.mark.parametrize("decoder", DECODERS)
def test_every_leading_axis_is_treated_alike(decoder):
    random = np.random.default_rng(0)
    heatmaps = jnp.asarray(random.uniform(0, 1, (2, 3, 5, 8, 4)), jnp.float32)
    keypoints, scores = read(heatmaps, decoder, 1.0)
    one, one_score = read(heatmaps[1, 2], decoder, 1.0)
    np.testing.assert_allclose(keypoints[1, 2], one, atol=1e-5)
    np.testing.assert_array_equal(scores[1, 2], one_score)


@pytest.mark.parametrize("decoder", DECODERS)
def test_half_precision_is_read_in_full(decoder):
    keypoints, heatmaps = scattered(6.0, 2.0)
    found, scores = read(heatmaps.astype(jnp.bfloat16), decoder, 2.0)
    assert found.dtype == scores.dtype == jnp.float32
    assert distances(found, keypoints).max() < 0.75


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_decoder_is_a_graph_that_can_be_exported(decoder):
    """Nothing in it calls back to the host; out of the file come the same answers."""
    _, heatmaps = scattered(1.0, 2.0)

    exported = jax.export.export(read)(heatmaps, decoder, 2.0)
    assert "custom_call" not in exported.mlir_module()
    assert "dynamic_slice" not in exported.mlir_module()
    again = jax.export.deserialize(exported.serialize())
    answers = zip(again.call(heatmaps), read(heatmaps, decoder, 2.0), strict=True)
    for one, other in answers:
        np.testing.assert_array_equal(one, other)


def test_targets_decode_to_the_crop_pixels_they_came_from():
    keypoints = jnp.array([[[13.5, 21.5]]])  # the centre of cell (3, 5)
    targets, _ = make_targets(
        keypoints, jnp.array([[2]], jnp.uint8), SIZE, 4, TargetConfig()
    )
    found, _ = read(targets, "quarter", 1.0)
    np.testing.assert_allclose(crop_from_hm(found, 4), keypoints, atol=1e-6)

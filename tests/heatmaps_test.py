"""Rendering, policies and decoding, against plain NumPy and against each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass_jax.config import TargetConfig
from hourglass_jax.geometry import crop_from_hm
from hourglass_jax.heatmaps import decode, flip_heatmaps, make_targets, render
from hourglass_jax.skeleton import MPII

HEIGHT, WIDTH = 12, 16


def numpy_gaussian(x, y, sigma):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))


@given(
    x=st.floats(-3, 18, width=32),
    y=st.floats(-3, 14, width=32),
    sigma=st.sampled_from([1.0, 1.75, 2.0]),
)
def test_rendered_gaussians_are_unquantised(x, y, sigma):
    heatmap = render(jnp.array([[x, y]]), sigma, (HEIGHT, WIDTH))[..., 0]
    np.testing.assert_allclose(heatmap, numpy_gaussian(x, y, sigma), atol=1e-6)


@given(
    x=st.floats(1, WIDTH - 2, width=32),
    y=st.floats(1, HEIGHT - 2, width=32),
    sigma=st.sampled_from([1.0, 1.75, 2.0]),
)
def test_decode_inverts_render_to_a_quarter_cell(x, y, sigma):
    heatmaps = render(jnp.array([[x, y]]), sigma, (HEIGHT, WIDTH))
    keypoints, scores = decode(heatmaps)
    # The cell is at most half a cell off; the offset halves that again.
    np.testing.assert_allclose(keypoints, [[x, y]], atol=0.25 + 1e-4)
    assert 0.75 < float(scores[0]) <= 1.0


def test_the_quarter_offset_points_to_the_higher_neighbour():
    heatmap = np.zeros((5, 5), np.float32)
    heatmap[2, 3], heatmap[2, 4], heatmap[1, 3] = 1.0, 0.5, 0.2
    keypoints, _ = decode(jnp.asarray(heatmap)[..., None])
    assert keypoints.tolist() == [[3.25, 1.75]]


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 4), (4, 0), (4, 4)])
def test_a_peak_at_the_border_stays_in_its_cell(row, column):
    heatmap = np.zeros((5, 5), np.float32)
    heatmap[row, column] = 1.0
    keypoints, _ = decode(jnp.asarray(heatmap)[..., None])
    assert keypoints.tolist() == [[column, row]]


def test_decode_treats_every_leading_axis_alike():
    keypoints_hm = np.random.default_rng(0).uniform(1, 10, (2, 3, 4, 2))
    heatmaps = render(jnp.asarray(keypoints_hm, jnp.float32), 1.0, (HEIGHT, WIDTH))
    keypoints, scores = decode(heatmaps)
    one, one_score = decode(heatmaps[1, 2])
    np.testing.assert_array_equal(keypoints[1, 2], one)
    np.testing.assert_array_equal(scores[1, 2], one_score)
    np.testing.assert_allclose(keypoints, keypoints_hm, atol=0.2501)


def test_flipped_heatmaps_are_those_of_the_mirrored_people():
    generator = np.random.default_rng(1)
    keypoints = generator.uniform(0, 12, (2, 16, 2)).astype(np.float32)
    mirrored = keypoints[:, list(MPII.flip)]
    mirrored[..., 0] = WIDTH - 1 - mirrored[..., 0]
    size = (HEIGHT, WIDTH)
    heatmaps = flip_heatmaps(render(jnp.asarray(mirrored), 1.0, size), MPII.flip)
    np.testing.assert_allclose(
        heatmaps, render(jnp.asarray(keypoints), 1.0, size), atol=1e-5
    )


# One keypoint of each kind: visible, occluded, absent, outside the crop.
KEYPOINTS = jnp.array([[[20.0, 20.0], [30.0, 10.0], [0.0, 0.0], [64.5, 20.0]]])
VISIBILITY = jnp.array([[2, 1, 0, 2]], jnp.uint8)


@pytest.mark.parametrize(
    ("policies", "weights"),
    [
        ({}, [1, 1, 0, 1]),
        ({"absent": "zero"}, [1, 1, 1, 1]),
        ({"occluded": "ignore"}, [1, 0, 0, 1]),
        ({"outside": "ignore"}, [1, 1, 0, 0]),
        ({"absent": "zero", "outside": "ignore"}, [1, 1, 1, 0]),
    ],
)
def test_each_policy_weighs_its_keypoints_only(policies, weights):
    config = TargetConfig(**policies)
    targets, found = make_targets(KEYPOINTS, VISIBILITY, (HEIGHT, WIDTH), 4, config)
    assert found[0].tolist() == weights
    peaks = targets[0].max(axis=(0, 1))
    assert bool((peaks[:2] > 0.5).all())
    assert peaks[2:].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("x", "weight"), [(-0.5, 1.0), (-0.51, 0.0), (63.4, 1.0), (63.5, 0.0)]
)
def test_a_crop_ends_at_the_edges_of_its_outer_pixels(x, weight):
    config = TargetConfig(outside="ignore")
    keypoints = jnp.array([[[x, 20.0]]])
    _, found = make_targets(
        keypoints, jnp.array([[2]], jnp.uint8), (HEIGHT, WIDTH), 4, config
    )
    assert float(found[0, 0]) == weight


def test_a_labelled_keypoint_at_the_origin_is_taught():
    # A mask such as `x > 0` loses it.
    targets, weights = make_targets(
        jnp.zeros((1, 1, 2)),
        jnp.array([[2]], jnp.uint8),
        (HEIGHT, WIDTH),
        4,
        TargetConfig(),
    )
    assert float(weights[0, 0]) == 1.0
    assert float(targets[0, 0, 0, 0]) > 0.8


def test_targets_decode_to_the_crop_pixels_they_came_from():
    keypoints = jnp.array([[[13.5, 21.5]]])  # the centre of cell (3, 5)
    targets, _ = make_targets(
        keypoints,
        jnp.array([[2]], jnp.uint8),
        (HEIGHT, WIDTH),
        4,
        TargetConfig(),
    )
    found, _ = jax.jit(decode)(targets)
    np.testing.assert_allclose(crop_from_hm(found, 4), keypoints, atol=1e-6)

"""Rendering, policies, mirroring and scales, against plain NumPy and each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass_jax.config import TargetConfig
from hourglass_jax.heatmaps import (
    flip_heatmaps,
    make_targets,
    merge_scales,
    render,
)
from hourglass_jax.skeleton import MPII

HEIGHT, WIDTH = SIZE = 12, 16


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


def test_rendering_multiplies_and_contracts_nothing():
    """Matrix units of GPUs and TPUs would round what they multiply."""
    keypoints = jnp.ones((2, 3, 2))
    program = jax.make_jaxpr(lambda k: render(k, 1.0, (8, 8)))(keypoints)
    assert "mul" in str(program)
    assert "dot_general" not in str(program)


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


@pytest.mark.parametrize("scales", [(1.0,), (1.5,), (0.75, 1.0, 1.25)])
def test_scales_merge_to_the_heatmap_of_scale_one(scales):
    """Crops around one centre, of other sizes: the cells are moved from the centre."""
    generator = np.random.default_rng(2)
    keypoints = generator.uniform(4, 8, (1, 5, 2)).astype(np.float32)
    centre = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2], np.float32)
    seen = [
        render(jnp.asarray(centre + (keypoints - centre) / scale), 2.0 / scale, SIZE)
        for scale in scales
    ]
    merged = merge_scales(jnp.stack(seen, axis=1), scales)
    expected = render(jnp.asarray(keypoints), 2.0, SIZE)
    np.testing.assert_allclose(merged, expected, atol=0.04)


def test_a_cell_is_the_mean_over_the_scales_that_reach_it():
    """A crop of half the size shows the middle half; 0 is not its opinion beyond."""
    heatmaps = jnp.stack([jnp.full((1, 8, 8, 1), v) for v in (1.0, 3.0)], axis=1)
    merged = merge_scales(heatmaps, (0.5, 1.0))[0, ..., 0]
    np.testing.assert_allclose(merged[2:6, 2:6], 2.0, atol=1e-6)
    assert float(merged[1, 4]) == float(merged[4, 6]) == pytest.approx(3.0)
    alone = merge_scales(heatmaps[:, :1], (0.5,))[0, ..., 0]
    assert float(alone[0, 0]) == 0.0


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


@pytest.mark.parametrize(("centres", "x"), [("exact", 4.875), ("rounded", 5.0)])
def test_peaks_lie_at_keypoints_or_on_the_cells_nearest_to_them(centres, x):
    """Crop pixel 21 is heatmap position 4.875."""
    config = TargetConfig(centres=centres)
    keypoints = jnp.array([[[21.0, 21.0]]])
    targets, _ = make_targets(
        keypoints, jnp.array([[2]], jnp.uint8), (HEIGHT, WIDTH), 4, config
    )
    np.testing.assert_allclose(targets[0, ..., 0], numpy_gaussian(x, x, 1.0), atol=1e-6)


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

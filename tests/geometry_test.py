"""The pixel convention: centres at integers, and every conversion undone by another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass_jax import geometry

coordinates = st.floats(-500, 500)
ratios = st.floats(0.1, 8)


def test_resizing_keeps_edges_on_edges():
    affine = geometry.resize_affine(4.0, 2.0)
    corners = np.array([[-0.5, -0.5], [9.5, 7.5]])
    np.testing.assert_allclose(
        geometry.transform(affine, corners), [[-0.5, -0.5], [39.5, 15.5]]
    )


@given(x=coordinates, ratio=st.sampled_from([2, 4, 8]), cells=st.integers(1, 64))
def test_flipping_commutes_with_going_to_heatmap_cells(x, ratio, cells):
    point = np.array([[x, 0.0]])
    crop_flip = geometry.flip_affine(cells * ratio)
    hm_flip = geometry.flip_affine(cells)
    first = geometry.hm_from_crop(geometry.transform(crop_flip, point), ratio)
    second = geometry.transform(hm_flip, geometry.hm_from_crop(point, ratio))
    np.testing.assert_allclose(first[:, 0], second[:, 0], atol=1e-9)


@given(x=coordinates, y=coordinates, stride=st.sampled_from([2, 4, 8]))
def test_heatmap_cells_and_crop_pixels_undo_each_other(x, y, stride):
    point = np.array([x, y])
    there = geometry.hm_from_crop(point, stride)
    np.testing.assert_allclose(geometry.crop_from_hm(there, stride), point, atol=1e-9)


def test_the_first_heatmap_cell_is_centred_in_its_crop_pixels():
    assert geometry.crop_from_hm(0.0, 4) == np.mean([0, 1, 2, 3])


@given(
    center=st.tuples(coordinates, coordinates),
    side=st.floats(1, 1000),
    rotation=st.floats(-180, 180),
    point=st.tuples(coordinates, coordinates),
)
def test_a_crop_affine_is_undone_by_its_inverse(center, side, rotation, point):
    affine = geometry.crop_affine(np.array(center), side, (64, 96), rotation)
    there = geometry.transform(affine, np.array([point]))
    back = geometry.transform(geometry.invert(affine), there)
    np.testing.assert_allclose(back, [point], atol=1e-6)


def test_a_box_becomes_the_largest_centred_square_of_the_crop():
    center, side = np.array([10.0, 20.0]), 8.0
    affine = geometry.crop_affine(center, side, (32, 64))
    corners = np.array([[6.0, 16.0], [14.0, 24.0]])
    np.testing.assert_allclose(
        geometry.transform(affine, corners), [[15.5, -0.5], [47.5, 31.5]]
    )


def test_a_positive_rotation_turns_the_picture_clockwise():
    affine = geometry.crop_affine(np.zeros(2), 11.0, (11, 11), rotation=90.0)
    right_of_centre = np.array([[1.0, 0.0]])
    np.testing.assert_allclose(
        geometry.transform(affine, right_of_centre), [[5.0, 6.0]], atol=1e-12
    )


@given(a=ratios, b=ratios, x=coordinates)
def test_composing_applies_the_inner_affine_first(a, b, x):
    outer, inner = geometry.flip_affine(100), geometry.resize_affine(a, b)
    point = np.array([[x, 1.0]])
    both = geometry.transform(geometry.compose(outer, inner), point)
    one_by_one = geometry.transform(outer, geometry.transform(inner, point))
    np.testing.assert_allclose(both, one_by_one, atol=1e-9)


def test_a_square_box_is_padded_about_its_centre():
    center, side = geometry.square_box(np.array([10.0, 0.0, 30.0, 100.0]), 1.25)
    assert center.tolist() == [20.0, 50.0]
    assert side == pytest.approx(125.0)


def test_the_box_of_a_picture_spans_it_edge_to_edge():
    affine = geometry.crop_affine(
        *geometry.square_box(geometry.picture_box(8, 8), 1.0), (16, 16)
    )
    np.testing.assert_allclose(affine, geometry.resize_affine(2.0, 2.0), atol=1e-12)

import numpy as np
import pytest

from hourglass_jax import geometry
from hourglass_jax.errors import InputError
from hourglass_jax.inference.boxes import check_boxes, check_extents

SIZE = (48, 64)


def test_good_boxes_come_back_as_float64():
    boxes = check_boxes([(1, 2, 3, 4), np.array([-5, -5, 100, 100])], SIZE)
    assert boxes.dtype == np.float64
    np.testing.assert_array_equal(boxes, [[1, 2, 3, 4], [-5, -5, 100, 100]])


@pytest.mark.parametrize(
    "box", [[-1e9, -1e9, 1e9, 1e9], [63, 47, 63.002, 47.002], [-1e9, 0, 0, 0.001]]
)
def test_any_box_that_is_taken_has_a_way_back_to_the_photograph(box):
    """Corners of the crop lie on a square around the box, as float32, too."""
    (checked,) = check_boxes([box], SIZE)
    center, side = geometry.square_box(checked, 1.0)
    img_from_crop = geometry.invert(geometry.crop_affine(center, side, (256, 256)))
    corners = np.array([[-0.5, -0.5], [255.5, 255.5]])
    found = geometry.transform(img_from_crop, corners).astype(np.float32)
    expected = [center - side / 2, center + side / 2]
    np.testing.assert_allclose(found, expected, atol=0.02 * side)


def test_no_boxes_are_no_boxes():
    assert check_boxes([], SIZE).shape == (0, 4)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([1, 2, 3], "four finite numbers"),
        ([1, 2, 3, 4, 5], "four finite numbers"),
        ([1, 2, float("nan"), 4], "four finite numbers"),
        ([1, 2, float("inf"), 4], "four finite numbers"),
        ([-1e308, -1e308, 1e308, 1e308], "four finite numbers of up to 1e9"),
        ([1e308, 0, 1e308, 9], "four finite numbers of up to 1e9"),
        ([0, 0, 1e-300, 1e-300], "less than 0.001 pixels"),
        ([0, 0, 9, 1e-4], "less than 0.001 pixels"),
        ([5, 2, 5, 4], "has no extent.*x0 < x1"),
        ([5, 4, 9, 2], "has no extent.*width, height"),
        ([64, 0, 80, 9], "outside the photograph of 64 x 48"),
        ([0, 47.5, 9, 60], "outside the photograph of 64 x 48"),
        ([-9, 0, -0.5, 9], "outside the photograph of 64 x 48"),
        ([0, -9, 9, -0.5], "outside the photograph of 64 x 48"),
    ],
)
def test_a_bad_box_is_named_by_number(box, message):
    with pytest.raises(InputError, match=rf"boxes: box 2 \[.*{message}"):
        check_boxes([[0, 0, 1, 1], box], SIZE)


@pytest.mark.parametrize(
    "boxes",
    [5, [1, 2, 3, 4], [["a", 1, 2, 3]], [[[1], 2, 3, 4]], [[0, 0, 10**400, 9]]],
)
def test_what_is_no_list_of_boxes_is_refused(boxes):
    with pytest.raises(InputError, match="boxes: "):
        check_boxes(boxes, SIZE)


EXTENTS = [[2, 3, 40, 30], [30, 20, 10, 12]]


def test_extents_are_told_apart_from_corners_where_they_can_be():
    """As corners the second box ends before it begins; as extents both fit."""
    with pytest.raises(InputError, match=r"box 2 .* as \[x, y, width, height\] all 2"):
        check_boxes(EXTENTS, SIZE)
    with pytest.raises(InputError) as caught:
        check_boxes([[2, 3, 1, 30], [30, 20, 60, 47]], SIZE)  # fits as neither
    assert "all 2" not in str(caught.value)


def test_extents_become_corners_half_a_pixel_up_and_left():
    """In COCO the first pixel begins at 0, here its centre is there."""
    corners = np.array([[2, 3, 42, 33], [30, 20, 40, 32]])
    found = check_extents(EXTENTS, SIZE, "boxes")
    np.testing.assert_array_equal(found, corners - 0.5)


def test_extents_of_a_whole_photograph_reach_its_outer_edges():
    """As in the data sets (`hourglass_jax.data.coco_people`)."""
    (found,) = check_extents([[0, 0, 64, 48]], (48, 64), "boxes")
    np.testing.assert_array_equal(found, [-0.5, -0.5, 63.5, 47.5])


def test_extents_outside_are_named_as_they_were_given():
    with pytest.raises(
        InputError, match=r"box 2 \[70.0, 50.0, 5.0, 9.0\] lies outside"
    ):
        check_extents([[0, 0, 9, 9], [70, 50, 5, 9]], (48, 64), "boxes")


def test_corners_given_as_extents_are_refused():
    with pytest.raises(
        InputError, match=r"boxes look like \[x0, y0, x1, y1\].*64 x 48"
    ):
        check_extents([[2, 3, 40, 30], [30, 20, 60, 40]], SIZE, "boxes")


def test_extents_that_reach_over_the_edge_are_taken():
    beyond = check_extents([[60, 40, 5, 9], [-3, 0, 70, 20]], SIZE, "boxes")
    assert beyond[0].tolist() == [59.5, 39.5, 64.5, 48.5]


@pytest.mark.parametrize(
    "box",
    [[1, 2, 0, 4], [1, 2, 3, -4], [1, 2, 3], [np.nan] * 4, [1e308, 0, 1e308, 9]],
)
def test_what_are_no_extents_is_named_by_number(box):
    with pytest.raises(InputError, match="box 2 .* is not x, y, width, height"):
        check_extents([[0, 0, 1, 1], box], SIZE, "boxes")

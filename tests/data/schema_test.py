import cv2
import numpy as np
import pytest

from hourglass_jax import geometry
from hourglass_jax.config import AugmentConfig
from hourglass_jax.data import schema
from hourglass_jax.errors import InputError

SPOT = np.array([700.0, 310.0])


def photograph(height=600, width=1300):
    """Dark, with one bright disc at SPOT and another in the far corner."""
    picture = np.full((height, width, 3), (10, 20, 30), np.uint8)
    for center in (SPOT, (width - 20, height - 20)):
        cv2.circle(picture, tuple(int(c) for c in center), 9, (250, 200, 150), -1)
    return picture


def record(side, center=(680.0, 300.0), **changes):
    fields = {
        "keypoints_img": np.array([SPOT, [5.0, 6.0]]),
        "visibility": np.array([2, 0]),
        "center_img": np.array(center),
        "side_img": side,
        "file": "photo.jpg",
        "person": 7,
    }
    return schema.make_record(photograph(), **(fields | changes))


# Cut out; cut out and made smaller; only made smaller.
@pytest.mark.parametrize("side", [100.0, 310.0, 800.0])
def test_the_stored_affine_leads_to_the_same_spot(side):
    made = record(side)
    stored = schema.decode_picture(made["image"])
    at = geometry.transform(made["stored_from_img"], SPOT)
    x, y = (int(v) for v in np.rint(at))
    part = np.maximum(stored[y - 12 : y + 13, x - 12 : x + 13, 0].astype(float) - 20, 0)
    rows, columns = np.indices(part.shape)
    found = np.array([(part * columns).sum(), (part * rows).sum()]) / part.sum()
    assert np.abs(found - 12 + (x, y) - at).max() < 0.1


def test_what_no_augmentation_reaches_is_left_out():
    stored = schema.decode_picture(record(100.0)["image"])
    expected = 2 * schema.REACH * 100
    assert expected <= stored.shape[0] <= expected + 3
    assert expected <= stored.shape[1] <= expected + 3


def test_nothing_is_invented_outside_the_photograph():
    made = record(200.0, center=(0.0, 0.0))
    stored = schema.decode_picture(made["image"])
    assert stored.shape[:2] == (222, 222)  # 1.1 * 200, both ends
    np.testing.assert_array_equal(made["stored_from_img"][:, 2], 0)
    assert np.abs(stored.reshape(-1, 3).min(0) - (10, 20, 30)).max() <= 3


def test_the_longest_side_is_bounded():
    stored = schema.decode_picture(record(2000.0)["image"])
    assert max(stored.shape) == schema.STORED_SIDE


def test_absent_keypoints_are_zero_and_the_rest_is_kept():
    made = record(100.0, head_size_img=12.5, area_img=99.0)
    np.testing.assert_array_equal(made["keypoints_img"], [SPOT, [0, 0]])
    np.testing.assert_array_equal(made["visibility"], [2, 0])
    assert (made["head_size_img"], made["area_img"]) == (12.5, 99.0)
    assert (made["file"], made["person"]) == ("photo.jpg", 7)


def test_records_hold_what_the_default_augmentation_reaches():
    assert AugmentConfig().reach <= schema.REACH


@pytest.mark.parametrize(
    ("side", "center"),
    [(0.0, (50.0, 50.0)), (np.nan, (50.0, 50.0)), (30.0, (-90.0, 50.0))],
)
def test_a_box_without_size_or_photograph_is_named(side, center):
    with pytest.raises(InputError, match=r"photo\.jpg: a box .* 1300x600"):
        record(side, center)


def test_a_damaged_record_is_told():
    with pytest.raises(ValueError, match="damaged"):
        schema.decode_picture(b"no picture")

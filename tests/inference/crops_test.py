import numpy as np
import pytest

from hourglass_jax.data.crop import crop_picture
from hourglass_jax.geometry import crop_affine, square_box, transform
from hourglass_jax.inference.crops import crop_people

NOISE = np.random.default_rng(0).integers(0, 256, (90, 140, 3), np.uint8)


def smooth_picture():
    y, x = np.mgrid[:400, :600]
    waves = 127 + 60 * np.sin(x / 40) + 60 * np.cos(y / 30)
    return np.repeat(waves.astype(np.uint8)[..., None], 3, -1)


@pytest.mark.parametrize(
    "box", [[20, 10, 70, 60], [-30, -20, 40, 50], [100, 60, 170, 95]]
)
def test_a_part_of_the_picture_gives_the_crop_of_the_whole(box):
    (crop,) = crop_people(NOISE, np.array([box], float), 1.25, (64, 64), (1.0,))
    whole = crop_picture(
        NOISE, crop_affine(*square_box(np.array(box), 1.25), (64, 64)), (64, 64)
    )
    difference = np.abs(crop.images[0].astype(int) - whole)
    assert difference.max() <= 2  # OpenCV's fixed point rounds elsewhere


def test_where_it_shrinks_the_part_is_averaged_as_the_whole_is():
    picture, box = smooth_picture(), np.array([150.0, 80, 420, 330])
    (crop,) = crop_people(picture, box[None], 1.25, (32, 32), (1.0,))
    whole = crop_picture(
        picture, crop_affine(*square_box(box, 1.25), (32, 32)), (32, 32)
    )
    inside = np.s_[2:-2, 2:-2]
    difference = np.abs(crop.images[0].astype(int) - whole)[inside]
    assert difference.max() <= 4


def test_a_box_fits_a_crop_of_any_aspect():
    for size in ((64, 64), (96, 64), (32, 128)):
        for box in ([10, 10, 30, 80], [10, 10, 130, 40.0]):
            (crop,) = crop_people(NOISE, np.array([box], float), 1.25, size, (1.0,))
            corners = np.array([[-0.5, -0.5], [size[1] - 0.5, size[0] - 0.5]])
            low, high = transform(crop.img_from_crop, corners)
            extents, given = high - low, np.subtract(box[2:], box[:2])
            np.testing.assert_allclose((low + high) / 2, np.add(box[2:], box[:2]) / 2)
            assert min(extents / given) == pytest.approx(1.25)


def test_a_crop_beside_the_photograph_is_black():
    (crop,) = crop_people(NOISE, np.array([[-200.0, 0, 5, 9]]), 0.3, (32, 32), (0.1,))
    assert not crop.images.any()

import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.errors import InputError


def crops_of(*shape, dtype=np.uint8):
    return np.random.default_rng(4).integers(0, 256, shape, np.uint8).astype(dtype)


@pytest.mark.parametrize(
    ("images", "scales", "expected"),
    [
        (crops_of(4, 32, 32, 3, dtype=float) / 255, (1.0,), r"float64 .*\[b h w 3\]"),
        (crops_of(4, 32, 32, 3, dtype=np.int64), (1.0,), "int64"),
        (crops_of(32, 32, 3), (1.0,), r"\(32, 32, 3\)"),
        (crops_of(4, 2, 32, 32, 3), (1.0,), r"\[b h w 3\]"),
        (crops_of(4, 32, 32, 3), (0.9, 1.0), r"\[b 2 h w 3\]"),
        (crops_of(2, 3, 32, 32, 3), (0.9, 1.0), r"\[b 2 h w 3\]"),
        (crops_of(1, 32, 36, 3), (1.0,), "multiples of 8"),
        (crops_of(1, 0, 32, 3), (1.0,), "multiples of 8"),
        (crops_of(1, 32, 32, 4), (1.0,), r"\(1, 32, 32, 4\)"),
        ([crops_of(32, 32, 3), crops_of(24, 32, 3)], (1.0,), "of different sizes"),
        (np.uint8(3), (1.0,), "multiples of 8"),
        ("a.jpg", (1.0,), "multiples of 8"),
    ],
)
def test_what_are_no_crops_is_refused(predictor, images, scales, expected):
    with pytest.raises(InputError, match=f"^crops: .*{expected}"):
        predictor.predict_crops(images, scales=scales)


def test_heatmaps_are_of_crops_only(predictor):
    with pytest.raises(InputError, match="^crops: float64"):
        predictor.predict_heatmaps(crops_of(2, 32, 32, 3) / 255)
    with pytest.raises(InputError, match=r"^crops: .*\[b h w 3\]"):
        predictor.predict_all_heatmaps(crops_of(2, 1, 64, 32, 32, 3))


def test_lists_and_device_arrays_of_crops_are_taken(predictor):
    crops = crops_of(2, 32, 32, 3)
    expected, _ = predictor.predict_crops(crops)
    heatmaps = predictor.predict_heatmaps(crops)
    for same in (list(crops), jnp.asarray(crops), crops[:, None]):
        np.testing.assert_array_equal(predictor.predict_crops(same)[0], expected)
        np.testing.assert_array_equal(predictor.predict_heatmaps(same), heatmaps)


@pytest.mark.parametrize("many", [False, True])
def test_boxes_that_are_no_list_are_refused(predictor, photograph, many):
    with pytest.raises(InputError, match="boxes: 5 is no list"):
        predictor.predict([photograph] * 2 if many else photograph, 5)
    with pytest.raises(InputError, match=r"boxes: 5 is no list.*number 2 of those"):
        predictor.predict([photograph] * 2, [None, 5])


def test_boxes_may_come_from_a_generator(predictor, photograph):
    boxes = [[0, 0, 20, 30], [10, 10, 60, 40]]
    assert len(predictor.predict(photograph, (box for box in boxes))) == 2

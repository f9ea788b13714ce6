"""Crops of any size, from photographs of any size."""

import numpy as np
import pytest

from hourglass_jax.errors import InputError

from .dots import picture_with_dot


@pytest.mark.parametrize("size", [(128, 128), (64, 96), (96, 64), (32, 256)])
@pytest.mark.parametrize("boxes", [None, [[60, 40, 190, 160]]])
def test_any_input_size_gives_photograph_pixels(dot_finder, size, boxes):
    picture = picture_with_dot(110.3, 90.7)
    (pose,) = dot_finder.predict(picture, boxes, input_size=size)
    np.testing.assert_allclose(pose.keypoints, [[110.3, 90.7]] * 14, atol=0.15)


def test_a_whole_photograph_at_its_own_aspect_has_no_black_bars(
    dot_finder, monkeypatch
):
    seen = []

    def keep(images, options):
        seen.append(images[0, 0])
        return np.zeros((1, 14, 2), np.float32), np.zeros((1, 14), np.float32)

    monkeypatch.setattr(dot_finder, "start", keep)
    white = np.full((50, 100, 3), 255, np.uint8)
    dot_finder.predict(white)
    dot_finder.predict(white, input_size="auto")
    dot_finder.predict(white, [[0, 0, 50, 50]], input_size="auto")
    assert [crop.shape[:2] for crop in seen] == [(32, 40), (24, 40), (32, 40)]
    assert (seen[0] == 0).mean() > 0.3
    assert (seen[1] == 255).mean() > 0.8


@pytest.mark.parametrize("size", [(32, 36), (0, 32), (-8, 8)])
def test_an_input_size_that_the_network_cannot_take_is_refused(
    predictor, photograph, size
):
    with pytest.raises(InputError, match="expected multiples of 8"):
        predictor.predict(photograph, input_size=size)


def test_the_network_takes_sizes_that_are_not_square(predictor, photograph):
    (pose,) = predictor.predict(photograph, input_size=(24, 48), flip=True)
    assert np.isfinite(pose.keypoints).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 40_000)])
def test_photographs_of_odd_sizes_are_taken(predictor, shape):
    """The last is wider than what OpenCV warps."""
    picture = np.full((*shape, 3), 200, np.uint8)
    (pose,) = predictor.predict(picture)
    assert np.isfinite(pose.keypoints).all()
    edge = [[shape[1] - 1, 0, shape[1], 1]]
    (pose,) = predictor.predict(picture, edge)
    assert np.isfinite(pose.keypoints).all()

"""The worked example of another dense task."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from hourglass_jax.models import StackedHourglass

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def example():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS)
        yield importlib.import_module("dense_prediction")


def test_the_masks_of_a_face_do_not_overlap(example):
    images, masks = example.draw_batch(0)
    assert images.shape == (8, 128, 128, 3)
    assert masks.shape == (8, 32, 32, 3)
    assert masks.sum(-1).max() <= 1
    assert (masks.max((1, 2)) > 0).all()
    again = example.draw_batch(0)
    np.testing.assert_array_equal(masks, again[1])
    assert not np.array_equal(images, example.draw_batch(1)[0])


def test_a_small_network_learns_where_skin_is(example):
    # Groups: the running averages of BatchNorm would need more steps than these.
    net = StackedHourglass(
        1, features=16, keypoints=3, depth=2, stem_width=8, norm="group"
    )
    images, masks = example.draw_batch(100)
    skin = masks[..., 0] > 0.5
    answers = example.find_parts(net, example.train(net, steps=60), images)[..., 0]
    assert answers[skin].mean() > 1.5 * answers[~skin].mean()


def test_what_is_found_is_compared_part_by_part(example):
    masks = np.zeros((1, 2, 2, 3), np.float32)
    masks[0, :, :, 0] = 1
    masks[0, 0, :, 1:] = 1
    answers = masks.copy()
    answers[0, 0, 0, 0] = 0
    answers[0, 1, 0, 1] = 0.9
    np.testing.assert_allclose(example.overlap(answers, masks), [3 / 4, 2 / 3, 1])

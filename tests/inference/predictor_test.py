import dataclasses
from functools import partial

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.config import ModelConfig
from hourglass_jax.errors import InputError
from hourglass_jax.inference.crops import crop_people
from hourglass_jax.inference.predictor import Predictor
from hourglass_jax.models.hourglass import StackedHourglass
from hourglass_jax.skeleton import LSP

from .dots import picture_with_dot


class Eye(StackedHourglass):
    """A network whose heatmaps are the picture itself, shrunk, and noise of its own."""

    noise: float = 0.0

    def __call__(self, images, train):
        grey = images[..., 0]
        blocks = grey.reshape(-1, grey.shape[1] // 4, 4, grey.shape[2] // 4, 4)
        heatmaps = blocks.mean((2, 4))
        random = np.random.default_rng(0).normal(0, self.noise, heatmaps.shape[1:])
        heatmaps += jnp.asarray(random, jnp.float32)[None]
        return jnp.broadcast_to(heatmaps[None, ..., None], (1, *heatmaps.shape, 14))


@pytest.fixture
def eyes(card):
    """Makes predictors whose only error is in geometry, decoding and merging."""

    def make(noise=0.0, decoder="dark"):
        seeing = dataclasses.replace(
            card,
            **dict(model=ModelConfig(depth=1), input_size=(128, 128)),
            **dict(decoder=decoder, sigma_hm=3.0),
        )
        predictor = Predictor(seeing, {"params": {}})
        eye = Eye(stacks=1, features=4, keypoints=14, noise=noise)
        predictor._exits[seeing.model.stacks] = eye, {"params": {}}
        return predictor

    return make


@pytest.mark.parametrize("boxes", [None, [[70, 50, 190, 160]], [[-40, -30, 150, 190]]])
def test_keypoints_come_back_in_photograph_pixels(dot_finder, boxes):
    (pose,) = dot_finder.predict(picture_with_dot(110.3, 90.7), boxes)
    np.testing.assert_allclose(pose.keypoints, [[110.3, 90.7]] * 14, atol=0.1)
    assert pose.keypoints.dtype == np.float32


BOX = [[92.0, 41.0, 196.0, 145.0]]  # a crop pixel is 1.02 photograph pixels


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("scales", [(1.0,), (1.5,), (0.8, 1.0, 1.25)])
def test_mirror_and_scales_leave_a_dot_where_it_is(eyes, flip, scales):
    for x, y in [(143.6, 92.1), (113.1, 65.4), (170.8, 121.9)]:
        picture = picture_with_dot(x, y, spread=12.0)
        (pose,) = eyes().predict(picture, BOX, flip=flip, scales=scales)
        np.testing.assert_allclose(pose.keypoints, [[x, y]] * 14, atol=0.15)


def test_averaging_with_the_mirror_image_moves_nothing(eyes):
    """Of one cell of shift, as the ports have it, half would be left: 2 pixels."""
    picture = picture_with_dot(143.6, 92.1, spread=12.0)
    (plain,) = eyes().predict(picture, BOX)
    (both,) = eyes().predict(picture, BOX, flip=True)
    cell = 4 * 104 * 1.25 / 128
    assert np.abs(both.keypoints - plain.keypoints).max() < 1e-4 * cell


def test_scales_average_the_network_s_own_errors_out(eyes):
    """Noise that belongs to cells: other crops put other cells under a far dot."""
    noisy = eyes(noise=0.1)
    errors = {(1.0,): [], (0.8, 1.0, 1.25): []}
    for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
        dot = np.array([144.0, 93.0]) + 42 * np.array([np.cos(angle), np.sin(angle)])
        picture = picture_with_dot(*dot, spread=12.0)
        for scales, found in errors.items():
            (pose,) = noisy.predict(picture, BOX, scales=scales)
            found.append(np.linalg.norm(pose.keypoints[0] - dot))
    one, three = map(np.mean, errors.values())
    assert three < 0.9 * one


@pytest.mark.parametrize("scales", [(), (1.0, 0.0), (-1.0,), (float("nan"),)])
def test_what_is_no_scale_is_refused(predictor, photograph, scales):
    with pytest.raises(InputError, match="expected one or more numbers above 0"):
        predictor.predict(photograph, scales=scales)


def test_the_decoder_of_the_card_reads_the_heatmaps(eyes):
    picture = picture_with_dot(143.6, 92.1, spread=12.0)
    found = {}
    for decoder in ("argmax", "quarter", "dark"):
        (pose,) = eyes(decoder=decoder).predict(picture, BOX)
        found[decoder] = np.linalg.norm(pose.keypoints[0] - [143.6, 92.1])
    assert found["argmax"] > found["quarter"] > found["dark"]


def test_users_boxes_are_padded_and_the_whole_photograph_is_not(
    dot_finder, monkeypatch
):
    crops = []
    answer = np.zeros((1, 14, 2), np.float32), np.zeros((1, 14), np.float32)

    def keep(images, options):
        crops.extend(images[:, 0])
        return answer

    monkeypatch.setattr(dot_finder, "start", keep)
    white = np.full((100, 100, 3), 255, np.uint8)
    dot_finder.predict(white)
    dot_finder.predict(white, [[-0.5, -0.5, 99.5, 99.5]])
    # The crop's 32 rows show 100 pixels, then 125, of which the middle 100 are white.
    assert (crops[0][:, 20] == 255).all()
    assert crops[1][:, 20, 0].sum() / 255 == pytest.approx(32 / 1.25, abs=0.1)


def test_one_pose_a_box_in_order(predictor, photograph):
    boxes = [[0, 0, 20, 30], [10, 10, 60, 40], [5, 5, 30, 30]]
    poses = predictor.predict(photograph, boxes)
    alone = [predictor.predict(photograph, [box])[0] for box in boxes]
    for pose, single, box in zip(poses, alone, boxes, strict=True):
        np.testing.assert_array_equal(pose.box, box)
        np.testing.assert_allclose(pose.keypoints, single.keypoints, atol=1e-4)
        np.testing.assert_allclose(pose.scores, single.scores, atol=1e-5)
        assert pose.names == LSP.keypoints


def test_no_boxes_are_no_poses(predictor, photograph):
    assert predictor.predict(photograph, []) == []


def test_a_file_is_predicted_as_its_array(predictor, photograph, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), photograph[..., ::-1])
    (from_file,) = predictor.predict(tmp_path / "a.png")
    (from_array,) = predictor.predict(photograph)
    np.testing.assert_array_equal(from_file.keypoints, from_array.keypoints)


def test_a_bad_box_names_the_file(predictor, photograph, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), photograph)
    with pytest.raises(InputError, match=r"a\.png: box 1 .*outside.* 64 x 48"):
        predictor.predict(tmp_path / "a.png", [[100, 100, 120, 120]])


def test_crops_agree_with_heatmaps_decoded_in_numpy(predictor, card):
    """Height of the peak and its cell, found without our decoder."""
    crops = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), np.uint8)
    images = crops.astype(np.float32) / 255 - np.array(card.model.mean, np.float32)
    apply = jax.jit(partial(card.network().apply, train=False))
    heatmaps = np.asarray(apply(predictor.variables, images))[-1]
    keypoints, scores = predictor.predict_crops(crops)
    for b, k in np.ndindex(scores.shape):
        cell = np.unravel_index(heatmaps[b, ..., k].argmax(), heatmaps.shape[1:3])
        assert scores[b, k] == pytest.approx(heatmaps[b, ..., k].max(), abs=1e-5)
        centre = np.array(cell[::-1]) * 4 + 1.5
        assert np.abs(keypoints[b, k] - centre).max() <= 1 + 1e-6


def test_flip_averaging_is_blind_to_mirroring(predictor):
    crops = np.random.default_rng(2).integers(0, 256, (2, 32, 32, 3), np.uint8)
    keypoints, scores = predictor.predict_crops(crops, flip=True)
    mirrored, mirrored_scores = predictor.predict_crops(crops[:, :, ::-1], flip=True)
    partners = list(LSP.flip)
    mirrored[..., 0] = 31 - mirrored[..., 0]
    np.testing.assert_allclose(mirrored[:, partners], keypoints, atol=1e-4)
    np.testing.assert_allclose(mirrored_scores[:, partners], scores, atol=1e-5)
    plain, _ = predictor.predict_crops(crops)
    assert not np.array_equal(plain, keypoints)


def test_any_number_of_crops_is_taken(predictor, monkeypatch):
    monkeypatch.setattr("hourglass_jax.inference.predictor.BATCH_SIZES", (1, 2, 4))
    crops = np.random.default_rng(3).integers(0, 256, (6, 32, 32, 3), np.uint8)
    every, _ = predictor.predict_crops(crops)
    single = [predictor.predict_crops(crop[None])[0][0] for crop in crops]
    np.testing.assert_allclose(every, single, atol=1e-4)
    assert predictor.predict_crops(crops[:0])[0].shape == (0, 14, 2)


def test_any_number_of_crops_has_heatmaps(predictor, monkeypatch):
    for module in ("predictor", "forward"):
        monkeypatch.setattr(f"hourglass_jax.inference.{module}.BATCH_SIZES", (1, 2, 4))
    crops = np.random.default_rng(4).integers(0, 256, (6, 32, 32, 3), np.uint8)
    every = predictor.predict_all_heatmaps(crops)
    single = [predictor.predict_all_heatmaps(crop[None])[:, 0] for crop in crops]
    np.testing.assert_allclose(every, np.stack(single, 1), atol=1e-5)
    np.testing.assert_array_equal(predictor.predict_heatmaps(crops), every[-1])
    assert predictor.predict_all_heatmaps(crops[:0]).shape == (2, 0, 8, 8, 14)


def test_options_may_be_lists(predictor, photograph):
    tuples, lists = (
        predictor.predict(photograph, scales=kind((0.8, 1)), input_size=kind((24, 32)))
        for kind in (tuple, list)
    )
    np.testing.assert_array_equal(lists[0].keypoints, tuples[0].keypoints)


def test_nothing_is_compiled_once_a_batch_size_was_seen(
    card, predictor, photograph, compilations
):
    boxes = [[0, 0, 20, 30]] * 8
    predictor.predict(photograph, boxes[:5])
    compilations.clear()
    again = Predictor(card, predictor.variables)
    for count in (6, 8, 7, 5):
        predictor.predict(photograph, boxes[:count])
        again.predict(photograph[:30], boxes[:count])
    assert compilations == []
    predictor.predict(photograph, boxes, flip=True)
    assert compilations  # the counter does count


def test_an_early_exit_is_the_network_that_ends_there(predictor, photograph):
    """Read from the heatmaps of that stack, without our cutting."""
    (pose,) = predictor.predict(photograph, stacks=1)
    (whole,) = predictor.predict(photograph)
    (crop,) = crop_people(photograph, pose.box[None], 1.0, (32, 32), (1.0,))
    first, last = predictor.predict_all_heatmaps(crop.images)
    np.testing.assert_allclose(pose.scores, first[0].max((0, 1)), atol=1e-5)
    np.testing.assert_allclose(whole.scores, last[0].max((0, 1)), atol=1e-5)
    assert np.abs(pose.scores - whole.scores).max() > 1e-3
    same, _ = predictor.predict_crops(crop.images, stacks=2)
    np.testing.assert_array_equal(same, predictor.predict_crops(crop.images)[0])


@pytest.mark.parametrize("stacks", [0, 3])
def test_an_exit_that_is_not_there_is_refused(predictor, photograph, stacks):
    with pytest.raises(InputError, match=f"stacks of {stacks}; this model has 2"):
        predictor.predict(photograph, stacks=stacks)


def test_stacks_that_were_not_taught_to_answer_are_refused(card, photograph):
    model = dataclasses.replace(card.model, supervise="last")
    untaught = Predictor(dataclasses.replace(card, model=model), {"params": {}})
    with pytest.raises(InputError, match="only the last of this model's 2"):
        untaught.predict(photograph, stacks=1)

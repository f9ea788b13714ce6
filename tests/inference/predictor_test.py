import dataclasses
import json
from functools import partial

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.config import ModelConfig
from hourglass_jax.errors import InputError
from hourglass_jax.inference.predictor import Predictor, load
from hourglass_jax.models.hourglass import StackedHourglass
from hourglass_jax.skeleton import LSP


class DotFinder(Predictor):
    """Answers with the centre of the white dot of each crop: pure geometry is left."""

    def predict_crops(self, images, flip=False, scales=(1.0,)):
        weights = images[:, 0, ..., 0].astype(float)  # the first scale
        mass = weights.sum((1, 2))
        y, x = np.mgrid[: weights.shape[1], : weights.shape[2]]
        points = [(weights * axis).sum((1, 2)) / mass for axis in (x, y)]
        keypoints = np.stack(points, -1)[:, None].repeat(14, 1).astype(np.float32)
        return keypoints, np.ones(keypoints.shape[:2], np.float32)


@pytest.fixture
def dot_finder(card, predictor):
    wide = dataclasses.replace(card, input_size=(32, 40))
    return DotFinder(wide, predictor.variables)


def picture_with_dot(x, y, spread=5.0):
    """A white Gaussian dot on black, its centre at a fraction of a pixel."""
    rows, columns = np.mgrid[:200, :300]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * spread**2))


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
        predictor._net = Eye(stacks=1, features=4, keypoints=14, noise=noise)
        return predictor

    return make


@pytest.fixture
def compilations():
    seen = []

    def listen(event, duration_secs, **fields):
        if event.endswith("backend_compile_duration"):
            seen.append(fields)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield seen
    jax.monitoring.clear_event_listeners()


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

    def keep(images, flip, scales):
        crops.extend(images[:, 0])
        return answer

    monkeypatch.setattr(dot_finder, "predict_crops", keep)
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


def test_a_workdir_is_loaded_with_its_configuration(workdir, predictor, photograph):
    loaded = load(workdir)
    assert loaded.card.model == predictor.card.model
    assert loaded.card.input_size == (32, 32)
    assert loaded.skeleton == LSP
    jax.tree.map(np.testing.assert_array_equal, loaded.variables, predictor.variables)
    assert len(loaded.predict(photograph)) == 1


def test_a_workdir_is_read_as_it_was_scored_unless_told_otherwise(workdir):
    config = json.loads((workdir / "config.json").read_text())
    config["target"] = {"decoder": "soft", "sigma_hm": 1.75}
    (workdir / "config.json").write_text(json.dumps(config))
    card = load(workdir).card
    assert (card.decoder, card.sigma_hm) == ("soft", 1.75)
    assert load(workdir, decoder="dark").card.decoder == "dark"


def test_a_run_from_before_decoders_could_be_chosen_is_read_by_quarters(workdir):
    config = json.loads((workdir / "config.json").read_text())
    del config["target"]["decoder"]
    (workdir / "config.json").write_text(json.dumps(config))
    assert load(workdir).card.decoder == "quarter"


@pytest.mark.parametrize("inside", ["best", "best/7"])
def test_a_checkpoint_is_loaded_as_its_workdir(workdir, inside):
    whole, part = load(workdir), load(workdir / inside)
    assert whole.card == part.card
    jax.tree.map(np.testing.assert_array_equal, whole.variables, part.variables)


def test_provenance_has_step_and_scores_and_no_private_paths(workdir, tmp_path):
    training = load(workdir).card.training
    assert training["step"] == 7
    assert training["scores"] == {"PCK@0.2": 61.5}
    assert training["config"]["seed"] == 9
    assert str(tmp_path) not in str(training)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.write_text("x"), "is a file"),
        (lambda path: path.mkdir(), "neither a workdir"),
        (lambda path: (path / "params").mkdir(parents=True), r"lacks model\.json"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, make, message):
    make(tmp_path / "m")
    with pytest.raises(InputError, match=message):
        load(tmp_path / "m")

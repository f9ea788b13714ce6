import dataclasses

import jax
import numpy as np
import pytest

from hourglass_jax.inference import export_check
from hourglass_jax.inference.export_check import check_export, draw_crops
from hourglass_jax.inference.exported import Exported


@pytest.fixture(scope="module")
def answers(predictor, card):
    """The crops that are drawn, and what the model says of them."""
    crops = draw_crops(card.input_size, card.box_padding)
    return crops, *predictor.predict_crops(crops)


@pytest.fixture
def check(predictor, card, answers):
    """Check a file that answers as the model does, but for what is added."""
    crops, keypoints, scores = answers

    def run(add_px=0.0, add_score=0.0, bound_px=0.01, variables=None):
        def program(images):
            np.testing.assert_array_equal(images, crops)
            return keypoints + np.float32(add_px), scores + np.float32(add_score)

        exported = Exported(card=card, flip=False, batch=None, program=program)
        return check_export(exported, card, variables or predictor.variables, bound_px)

    return run


def test_what_answers_alike_is_let_pass(check):
    report = check()
    assert report["largest_deviation_px"] <= 1e-4
    assert report["keypoints"] == 16 * 14
    assert 150 < report["clear"] <= 16 * 14


def test_a_deviation_within_the_bound_is_told(check):
    report = check(add_px=0.006)
    assert report["largest_deviation_px"] == pytest.approx(0.006 * 2**0.5, rel=0.01)
    assert report["mean_deviation_px"] == pytest.approx(0.006 * 2**0.5, rel=0.01)


@pytest.mark.parametrize(
    "off", [{"add_px": 0.01}, {"add_score": 0.01}, {"add_px": np.nan}]
)
def test_what_answers_otherwise_is_not(check, off):
    with pytest.raises(RuntimeError, match=r"deviate by up to .* was removed"):
        check(**off)


def test_without_a_bound_a_deviation_is_told_only(check):
    assert check(add_px=3.0, bound_px=None)["largest_deviation_px"] > 3


def test_a_model_without_peaks_cannot_be_compared(check, predictor):
    nothing = jax.tree.map(np.zeros_like, predictor.variables)
    with pytest.raises(RuntimeError, match="none .* has a clear peak"):
        check(variables=nothing)


@pytest.mark.parametrize(
    ("decoder", "neighbours", "clear"),
    [
        ("quarter", (0.5, 0.6), True),
        ("quarter", (0.5, 0.50001), False),
        ("dark", (0.5, 0.50001), True),
        ("argmax", (0.5, 0.50001), True),
        ("argmax", (0.5, 0.99999), False),
    ],
)
def test_clear_is_what_the_last_bits_do_not_decide(card, decoder, neighbours, clear):
    cells = np.exp(-0.5 * ((np.arange(12) - 5) / 2) ** 2)
    heatmap = np.outer(cells, cells).astype(np.float32)[None, :, :, None]
    heatmap[0, 5, 4:7:2, 0] = neighbours
    heatmap[0, 4:7:2, 5, 0] = 0.5, 0.6
    card = dataclasses.replace(card, decoder=decoder)
    expected, _ = export_check._read(heatmap, card)
    found = export_check._clear(heatmap, expected, card, 0.01)
    assert found.tolist() == [[clear]]


def test_people_are_in_the_crops(card):
    crops = draw_crops((64, 32), 1.25)
    assert crops.shape == (16, 64, 32, 3)
    assert len({crop.tobytes() for crop in crops}) == 16
    assert crops.std(axis=(1, 2, 3)).min() > 10

"""Around an exported file; the files themselves are tested with their export."""

import types

import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference.exported_predictor import ExportedPredictor
from hourglass_jax.inference.options import Options
from hourglass_jax.inference.predictor import load


@pytest.fixture
def exported(card, predictor):
    """Stands for a file: the network behind the same door, with sizes seen."""
    seen = []

    def find(images):
        seen.append(images.shape)
        return predictor.predict_crops(images)

    return types.SimpleNamespace(
        card=card, flip=False, batch=None, find=find, seen=seen
    )


@pytest.fixture
def file_predictor(exported, monkeypatch):
    made = object.__new__(ExportedPredictor)
    made.card, made._exported = exported.card, exported
    return made


def test_photographs_go_through_a_file_as_through_the_network(
    file_predictor, predictor, photograph, exported
):
    boxes = [[0, 0, 20, 30], [10, 10, 60, 40], [5, 5, 30, 30]]
    found, expected = (
        m.predict(photograph, boxes) for m in (file_predictor, predictor)
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=1e-4)
    assert exported.seen == [(4, 32, 32, 3)]  # padded


def test_a_file_for_single_crops_gets_no_padding(file_predictor, photograph, exported):
    exported.batch = 1
    file_predictor.predict(photograph, [[0, 0, 20, 30]] * 3)
    assert exported.seen == [(3, 32, 32, 3)]


@pytest.mark.parametrize(
    ("option", "what"),
    [
        ({"flip": True}, "flip"),
        ({"scales": (0.9, 1.1)}, "scales"),
        ({"stacks": 1}, "stacks"),
        ({"input_size": (64, 64)}, "input size"),
    ],
)
def test_what_is_not_in_the_file_is_refused(file_predictor, photograph, option, what):
    with pytest.raises(InputError, match=f"without a choice of {what}"):
        file_predictor.predict(photograph, **option)


def test_what_is_in_the_file_may_be_asked_for(file_predictor, exported):
    exported.flip = True
    file_predictor.check(Options(flip=True, stacks=2, input_size=(32, 32)))


def test_heatmaps_of_a_file_are_refused(file_predictor):
    with pytest.raises(InputError, match="not with heatmaps"):
        file_predictor.check(Options(), heatmaps=True)
    with pytest.raises(InputError, match="not with heatmaps"):
        file_predictor.predict_heatmaps(np.zeros((1, 32, 32, 3), np.uint8))


def test_crops_of_another_type_do_not_reach_the_file(file_predictor, exported):
    with pytest.raises(InputError, match="^crops: float64"):
        file_predictor.predict_crops(np.zeros((1, 32, 32, 3)))
    assert exported.seen == []


def test_a_file_is_not_optimised(file_predictor, monkeypatch, tmp_path):
    (tmp_path / "m.onnx").write_text("x")
    monkeypatch.setattr(ExportedPredictor, "open", lambda path, decoder: file_predictor)
    assert load(tmp_path / "m.onnx") is file_predictor
    with pytest.raises(InputError, match=r"m\.onnx was folded when it was made"):
        load(tmp_path / "m.onnx", optimise=True)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "m.pt").write_text("x")
    with pytest.raises(InputError, match="is a file that ends in none of .stablehlo"):
        load(tmp_path / "m.pt")
    (tmp_path / "m.onnx").write_text("x")
    with pytest.raises(InputError):
        load(tmp_path / "m.onnx")

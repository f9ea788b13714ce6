"""Exported files in processes of their own, by the very lines of docs/export.md."""

import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from hourglass_jax.data.figures import draw_figure

DOCS = Path(__file__).resolve().parents[2] / "docs" / "export.md"
OURS = {"hourglass_jax", "flax", "optax", "tensorflow"}
KEYPOINTS = 0.01  # pixels


def lines_of(title):
    section = DOCS.read_text().partition(f"\n### {title}\n")[2]
    return re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]


@pytest.mark.parametrize(
    ("form", "title", "absent"),
    [
        ("stablehlo", "StableHLO", OURS),
        ("onnx", "ONNX", OURS | {"jax", "onnx"}),
        ("litert", "LiteRT", OURS | {"jax", "litert_converter"}),
    ],
)
def test_a_file_runs_alone_and_answers_as_the_model_does(
    form, title, absent, exported, predictor, crops, run_alone, tmp_path
):
    path, _ = exported(form)
    shutil.copy(path, tmp_path)
    modules, keypoints, scores = run_alone(
        lines_of(title), ["keypoints", "scores"], crops=crops
    )
    assert not modules & absent
    expected, expected_scores = predictor.predict_crops(
        crops[: len(keypoints)], flip=form == "onnx"
    )
    np.testing.assert_allclose(keypoints, expected, atol=KEYPOINTS)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-3)
    assert len(np.unique(expected[0].round(1), axis=0)) > 3


@pytest.mark.parametrize("scale", [1, 4])
def test_a_photograph_is_cut_and_answered_as_by_the_model(
    scale, exported, predictor, run_alone, tmp_path
):
    """Of a large photograph pixels are averaged before they are interpolated."""
    path, _ = exported("onnx")
    shutil.copy(path, tmp_path)
    figure = draw_figure(0, 7)
    picture = np.kron(figure.image, np.ones((scale, scale, 1), np.uint8))
    box = scale * (figure.box_img + 0.5) - 0.5
    cv2.imwrite(str(tmp_path / "photo.jpg"), picture[..., ::-1])
    page = DOCS.read_text().partition("\n## From a photograph to a crop, and back\n")[2]
    script = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    written = "box = np.array([[40, 12], [180, 330]])"
    assert written in script
    script = script.replace(written, "box = ours.reshape(2, 2)")
    modules, found, scores = run_alone(script, ["keypoints_img", "scores"], ours=box)
    assert not modules & {*OURS, "jax", "onnx"}
    (pose,) = predictor.predict(tmp_path / "photo.jpg", boxes=[box], flip=True)
    np.testing.assert_allclose(found, pose.keypoints, atol=scale * KEYPOINTS)
    np.testing.assert_allclose(scores[0], pose.scores, rtol=1e-3)


def test_the_card_of_an_onnx_file_is_in_its_metadata(exported, run_alone, tmp_path):
    path, check = exported("onnx")
    shutil.copy(path, tmp_path)
    script = lines_of("ONNX").partition("keypoints, scores")[0]
    script += re.search(r"(import json\n.*?)```", DOCS.read_text(), re.DOTALL)[1]
    _, text = run_alone(script + "\ntext = json.dumps(card)", ["text"])
    card = json.loads(str(text))
    assert card["input"]["size"] == [32, 48]
    assert card["normalisation"]["mean"] == [0.1, 0.2, 0.3]
    assert card["output"]["decoder"] == "dark"
    assert card["export"]["opset"] == 18
    assert card["export"]["flip"] is True
    assert card["export"]["check"] == check
    assert card["skeleton"]["name"] == "lsp"

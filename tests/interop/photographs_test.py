"""The released model answers alike in every form, on photographs and a film."""

import json

import h5py
import numpy as np
import pytest

from hourglass_jax.data.schema import BOX_PADDING
from hourglass_jax.inference import export_file, load, read_film
from hourglass_jax.inference.released import DEFAULT
from hourglass_jax.interop.forms import LITERT, ONNX, STABLEHLO

CROP = 256  # pixels that the bounds are meant in


@pytest.fixture(scope="module")
def people(shared_data):
    """Photographs with boxes, and frames whose whole is one person's."""
    found = [(frame, None) for frame in read_film(shared_data / "clip.mp4")]
    samples = shared_data / "coco_samples"
    labels = json.loads((samples / "test_coco.json").read_text())
    for image in labels["images"]:
        extents = [
            each["bbox"]
            for each in labels["annotations"]
            if each["image_id"] == image["id"] and each["num_keypoints"]
        ]
        boxes = [[x, y, x + width, y + height] for x, y, width, height in extents]
        found.append((samples / image["file_name"], boxes))
    with h5py.File(shared_data / "mpii" / "valid.h5") as file:
        names, joints = file["imgname"][:3], file["part"][:3]
    for name, places in zip(names, joints, strict=True):
        there = places[(places > 0).all(axis=1)]
        box = [*there.min(axis=0), *there.max(axis=0)]
        path = shared_data / "mpii" / "images" / name.decode().strip("\0 ")
        found.append((path, [box]))
    return found


def answers(model, people):
    return [pose for image, boxes in people for pose in model.predict(image, boxes)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "bound"), [(STABLEHLO, 0.01), (ONNX, 0.01), (LITERT, 0.05)]
)
def test_a_form_answers_as_the_model_does(form, bound, people, tmp_path):
    model = load(DEFAULT)
    path = tmp_path / f"model{form.suffix}"
    export_file(model, path, form)
    expected = answers(model, people)
    assert len(expected) > 15
    for found, wanted in zip(answers(load(path), people), expected, strict=True):
        x0, y0, x1, y1 = wanted.box
        side = BOX_PADDING * max(x1 - x0, y1 - y0)
        moved = np.linalg.norm(found.keypoints - wanted.keypoints, axis=1)
        assert moved.max() * CROP / side < bound
        np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-4)

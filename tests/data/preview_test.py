import dataclasses
import json

import cv2
import numpy as np
import pytest

from hourglass_jax.config import Config, DataConfig
from hourglass_jax.data import preview, statistics
from hourglass_jax.data.annotations import Annotations, Person
from hourglass_jax.skeleton import LSP


@pytest.fixture
def config(raw_folder, tmp_path):
    data = DataConfig(
        dataset="lspet", raw_dir=raw_folder, data_dir=tmp_path / "kept", input_size=64
    )
    return Config(data=data)


def person(number, **changes):
    fields = {
        "person": number,
        "file": f"{number // 2}.jpg",
        "where": "here",
        "keypoints_img": np.full((14, 2), 30, np.float32),
        "visibility": np.full(14, 2, np.uint8),
        "center_img": np.array([20.0, 40.0]),
        "side_img": 100.0,
    }
    return Person(**fields | changes)


def test_the_numbers_are_those_of_the_people(tmp_path):
    half = np.array([0, 1] * 7, np.uint8)
    found = Annotations(
        name="mine",
        skeleton=LSP,
        folder=tmp_path,
        splits={
            "train": (person(0), person(1, visibility=half, side_img=50.0)),
            "validation": (person(2, side_img=200.0),),
        },
    )
    counted = statistics.count(found)
    told = counted.to_dict()
    assert told["people"] == {"train": 2, "validation": 1}
    assert told["photographs"] == 2
    assert told["keypoints"]["r_ankle"] == {"absent": 1, "occluded": 0, "visible": 2}
    assert told["keypoints"]["r_knee"] == {"absent": 0, "occluded": 1, "visible": 2}
    assert told["labelled keypoints a person"] == dict.fromkeys(range(15), 0) | {
        7: 1,
        14: 2,
    }
    assert told["box side in pixels"]["50 %"] == 100.0
    np.testing.assert_allclose(counted.places[0, 0], [0.1, -0.1])
    assert np.isnan(counted.places[1, 0]).all()


def test_a_preview_is_statistics_and_crops(config, tmp_path):
    preview.write_preview(config, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("statistics.json", "statistics.png", "crops.png")
    }
    told = json.loads((tmp_path / "out" / "statistics.json").read_text())
    assert told["people"] == {"train": 8, "validation": 3, "test": 1}
    sheet = cv2.imread(str(tmp_path / "out" / "crops.png"))
    # Every crop has a grey of its own: not one cell is empty.
    assert sheet.shape[1] > 2 * preview.COLUMNS * 150
    assert (sheet[10:30, 10:-10].std(1) > 0).all()


def test_annotations_alone_are_enough_for_statistics(config, tmp_path, capsys):
    images = config.data.raw_dir / "images"
    images.rename(images.with_name("elsewhere"))
    preview.write_preview(config, tmp_path / "out")
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json", ".png"}
    assert not (tmp_path / "out" / "crops.png").exists()
    assert "no photographs" in capsys.readouterr().err


def test_drawn_people_have_statistics_too(tmp_path):
    data = DataConfig(
        people=3, validation_people=2, data_dir=tmp_path / "kept", input_size=64
    )
    preview.write_preview(dataclasses.replace(Config(), data=data), tmp_path / "out")
    told = json.loads((tmp_path / "out" / "statistics.json").read_text())
    assert told["people"] == {"train": 3, "validation": 2}
    assert told["photographs"] == 5

import csv
import io
import json
import sys
import types

import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference.results import Pose, to_supervision
from hourglass_jax.skeleton import LSP


@pytest.fixture
def pose():
    rng = np.random.default_rng(0)
    return Pose(
        keypoints=rng.uniform(-10, 1000, (14, 2)).astype(np.float32),
        scores=rng.uniform(0, 1, 14).astype(np.float32),
        box=rng.uniform(0, 1000, 4),
        skeleton=LSP,
        box_score=0.5,
    )


def test_a_pose_as_json_reads_back_to_the_same_floats(pose):
    text = json.dumps(pose.to_dict())
    read = json.loads(text)
    np.testing.assert_array_equal(np.float32(read["keypoints"]), pose.keypoints)
    np.testing.assert_array_equal(np.float32(read["scores"]), pose.scores)
    np.testing.assert_array_equal(read["box"], pose.box)
    assert read["names"] == list(LSP.keypoints)
    assert read["skeleton"] == "lsp"
    assert read["box_score"] == 0.5
    assert "track" not in read
    longest = max(len(str(x)) for point in read["keypoints"] for x in point)
    assert longest <= 10  # not 123.45600128173828
    assert Pose.from_dict(read, LSP).to_dict() == pose.to_dict()


def test_coco_s_form_has_x_y_and_score_in_a_row(pose):
    result = pose.to_coco(785)
    rows = np.array(result["keypoints"]).reshape(14, 3)
    np.testing.assert_array_equal(np.float32(rows[:, :2]), pose.keypoints)
    np.testing.assert_array_equal(np.float32(rows[:, 2]), pose.scores)
    assert (result["image_id"], result["category_id"]) == (785, 1)
    assert result["score"] == pytest.approx(0.5 * pose.scores.mean())


def test_csv_reads_back_by_the_names_of_its_columns(pose):
    (line,) = csv.DictReader(io.StringIO(pose.to_csv()))
    assert float(line["l_wrist_x"]) == pytest.approx(pose.keypoints[11, 0])
    assert float(line["head_top_score"]) == pytest.approx(pose.scores[13])
    assert (float(line["y1"]), line["track"]) == (pose.box[3], "")
    assert pose.to_csv(header=False) == pose.to_csv().splitlines(keepends=True)[1]


def test_supervision_gets_all_people(pose, monkeypatch):
    """A stand-in for the package, which takes the third argument by either name."""
    stand_in = types.ModuleType("supervision")
    stand_in.KeyPoints = lambda xy, class_id, confidence: (xy, class_id, confidence)
    monkeypatch.setitem(sys.modules, "supervision", stand_in)
    xy, classes, confidence = to_supervision([pose, pose])
    assert (xy.shape, classes.shape, confidence.shape) == ((2, 14, 2), (2,), (2, 14))
    np.testing.assert_array_equal(xy[1], pose.keypoints)
    np.testing.assert_array_equal(pose.to_supervision()[2], pose.scores[None])


def test_without_supervision_it_is_told_how_to_get_it(pose, monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(InputError, match="pip install supervision"):
        pose.to_supervision()

import copy
import json

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass_jax.data.keypoint_files import read_predictions, read_truth
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import MPII

from .keypoint_forms import (
    coco_content,
    pose_document,
    results,
    write_json,
    write_princeton,
    write_tompson,
)


@pytest.mark.parametrize(
    ("predictions", "said"),
    [
        ({"preds": np.zeros((4, 16, 2))}, r"shape \(4, 16, 2\); expected \(5, 16, 2\)"),
        ({"preds": np.zeros((5, 14, 2))}, r"shape \(5, 14, 2\); expected"),
        ({"preds": np.zeros((5, 16))}, "expected numbers in 3 axes"),
        ({"preds": np.full((5, 16, 2), np.nan)}, "person 0, keypoint 0 is .nan"),
        ({"preds": np.full((16, 2, 5), np.inf)}, "79 more are not finite"),
        ({"preds": np.array([[["a"]]])}, "expected numbers"),
        (
            {"heatmaps": np.zeros((5, 16, 2))},
            "no predictions in heatmaps; expected one",
        ),
    ],
)
def test_unlike_arrays_are_refused_in_one_line(tmp_path, predictions, said):
    truth = read_truth(write_princeton(tmp_path / "valid.h5"))
    scipy.io.savemat(tmp_path / "preds.mat", predictions)
    with pytest.raises(InputError, match=said) as caught:
        read_predictions(tmp_path / "preds.mat", truth)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"visible": np.ones((5, 15))}, "visible has shape"),
        ({"part": np.zeros((5, 16, 3))}, "part has shape"),
        ({"part": np.full((5, 16, 2), np.nan)}, "not finite"),
        ({"normalize": np.ones(4)}, "normalize has shape"),
        ({"visible": None}, "no ground truth in imgname, normalize, part; expected"),
        (
            {"part": np.zeros((0, 16, 2)), "visible": np.zeros((0, 16))}
            | {"normalize": None, "imgname": None},
            "no labelled people",
        ),
    ],
)
def test_unlike_labels_are_refused(tmp_path, changes, said):
    with pytest.raises(InputError, match=said):
        read_truth(write_princeton(tmp_path / "valid.h5", **changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"headboxes_src": np.zeros((2, 2, 4))}, "headboxes_src has shape"),
        ({"jnt_missing": np.zeros((5, 16))}, "jnt_missing has shape"),
        ({"pos_gt_src": np.full((16, 2, 5), np.nan)}, "pos_gt_src: person"),
        ({"jnt_missing": None}, "no ground truth"),
    ],
)
def test_unlike_tompson_labels_are_refused(tmp_path, changes, said):
    with pytest.raises(InputError, match=said):
        read_truth(write_tompson(tmp_path / "labels.mat", **changes))


def changed(content, path, value):
    """A copy with one field replaced, or removed where the value is ``...``."""
    content = copy.deepcopy(content)
    *way, last = path
    place = content
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["images"], ..., "expected COCO's images"),
        (["images"], 5, "expected a list"),
        (["images", 0, "id"], 7, "not all unlike"),
        (["images", 0, "id"], "7", "not all numbers"),
        (["categories", 1, "keypoints"], ["nose"], "2 categories with keypoints"),
        (["annotations", 1, "area"], ..., "annotations 1: without area"),
        (["annotations", 1, "area"], -1, "area is -1.0"),
        (["annotations", 2], None, "annotations 2: NoneType"),
        (["annotations", 0, "keypoints"], [1, 2, 3], "expected 51 finite"),
        (["annotations", 0, "keypoints", 4], float("nan"), "expected 51 finite"),
        (["annotations", 0, "keypoints", 4], "12", "expected 51 finite"),
        (["annotations", 0, "keypoints", 2], 3, "not 0, 1 or 2"),
        (["annotations", 0, "keypoints"], 10**400, "expected 51 finite"),
        (["annotations", 3, "image_id"], 99, "image_id is 99"),
        (["annotations", 3, "image_id"], [], "image_id is"),
        (["annotations", 3, "category_id"], 2, "category_id is 2; expected 1"),
        (["annotations", 3, "bbox"], [1, 2], "expected 4 finite"),
    ],
)
def test_faults_in_cocos_labels_are_named(tmp_path, path, value, said):
    with pytest.raises(InputError, match=said):
        read_truth(
            write_json(tmp_path / "l.json", changed(coco_content(), path, value))
        )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (changed(results(), [1, "image_id"], 99), "result 1: image_id is 99"),
        (changed(results(), [1, "score"], "high"), "result 1: score is high"),
        (changed(results(), [1, "score"], float("inf")), "expected 1 finite number$"),
        (changed(results(), [2, "keypoints"], ...), "result 2: without keypoints"),
        (changed(results(), [2, "keypoints"], [0] * 48), "expected 51 finite"),
        ({"a": 1}, "no predictions"),
        (coco_content(), "no predictions"),
        (pose_document("d.jpg"), "'d.jpg' matches none"),
        (pose_document("b.jpg", skeleton=MPII), "its keypoints are"),
        (changed(pose_document("b.jpg"), ["people", 0, "scores"], [1]), "expected 17"),
        (changed(pose_document("b.jpg"), ["people"], None), "people: NoneType"),
    ],
)
def test_faults_in_predictions_are_named(coco, tmp_path, content, said):
    with pytest.raises(InputError, match=said):
        read_predictions(write_json(tmp_path / "p.json", content), read_truth(coco))


def test_two_answers_for_one_photograph_are_refused(coco, tmp_path):
    folder = tmp_path / "poses"
    folder.mkdir()
    for name in ("b.json", "b-2.json"):
        write_json(folder / name, pose_document("b.jpg"))
    with pytest.raises(InputError, match="answers for the photograph of"):
        read_predictions(folder, read_truth(coco))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.h5", None, "none.h5 cannot be read"),
        ("empty.h5", b"", "neither HDF5, MATLAB nor JSON"),
        (
            "photo.mat",
            b"\xff\xd8\xff\xe0 a photograph",
            "neither HDF5, MATLAB nor JSON",
        ),
        ("cut.json", b'{"images": [', "not whole JSON"),
        ("deep.json", b"[" * 100_000, "not whole JSON"),
        ("latin.json", b'{"a": "\xe9"}', "not whole JSON"),
        ("list.json", b"[]", "no ground truth"),
    ],
)
def test_files_of_no_known_form_are_refused(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_truth(tmp_path / name)


@pytest.mark.parametrize("name", ["valid.h5", "labels.mat", "labels.json"])
@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, name, data):
    """Cut off anywhere, or with any bytes changed: InputError, and no other."""
    path = tmp_path_factory.mktemp("damaged") / name
    whole = bytearray(
        {
            "valid.h5": lambda: write_princeton(path).read_bytes(),
            "labels.mat": lambda: write_tompson(path).read_bytes(),
            "labels.json": lambda: json.dumps(coco_content()).encode(),
        }[name]()
    )
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(
            st.integers(0, 255)
        )
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    said = ""
    try:
        read_predictions(path, read_truth(path))
    except InputError as error:
        said = str(error)
    assert "\n" not in said

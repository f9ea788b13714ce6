import contextlib
import copy
import json

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass_jax.data.keypoint_files import read_predictions, read_truth
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import COCO, MPII

PEOPLE = 5


def mpii_people(seed=0):
    generator = np.random.default_rng(seed)
    part = np.rint(generator.uniform(1, 500, (PEOPLE, 16, 2)))
    part[1, 3] = 0.0  # absent
    part[2, 4] = 0.0, 80.0  # labelled, at the edge
    part[3, 5] = -4.0, -1.0  # labelled, outside
    visible = (generator.random((PEOPLE, 16)) < 0.7).astype(float)
    visible[1, 3], visible[2, 4], visible[3, 5] = 0, 0, 1
    return part, visible


def write_princeton(path, **changes):
    part, visible = mpii_people()
    arrays = {
        "part": part,
        "visible": visible,
        "normalize": np.linspace(20, 60, PEOPLE),
        "imgname": np.array([b"a.jpg", b"a.jpg", b"b.jpg", b"c.jpg", b"b.jpg"]),
    } | changes
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            if values is not None:
                file[name] = values
    return path


def write_tompson(path, **changes):
    part, _ = mpii_people()
    corner = np.arange(2.0 * PEOPLE).reshape(PEOPLE, 2)
    corners = np.stack([corner, corner + np.array([30.0, 40.0])], axis=1)
    arrays = {
        "pos_gt_src": part.transpose(1, 2, 0),
        "jnt_missing": (part == 0).all(axis=-1).T.astype(np.uint8),
        "headboxes_src": corners.transpose(1, 2, 0),
        "pos_pred_src": (part + 2).transpose(1, 2, 0),
    } | changes
    scipy.io.savemat(path, {n: v for n, v in arrays.items() if v is not None})
    return path


def coco_content():
    """Two people in one photograph, a crowd in another, nobody in a third."""
    generator = np.random.default_rng(0)

    def label(number, image, crowd=0):
        points = np.rint(generator.uniform(0, 300, (17, 2)))
        flags = generator.integers(0, 3, (17, 1))
        return {
            "id": number,
            "image_id": image,
            "category_id": 1,
            "keypoints": np.concatenate([points, flags], axis=1).ravel().tolist(),
            "num_keypoints": int((flags > 0).sum()),
            "bbox": [10.0, 20.0, 30.0, 40.0],
            "area": 900.5,
            "iscrowd": crowd,
        }

    return {
        "images": [
            {"id": 30, "file_name": "c.jpg"},
            {"id": 7, "file_name": "photos/a.jpg"},
            {"id": 12, "file_name": "b.jpg"},
        ],
        "annotations": [label(1, 12), label(2, 7), label(3, 12), label(4, 30, crowd=1)],
        "categories": [
            {"id": 1, "name": "person", "keypoints": list(COCO.keypoints)},
            {"id": 2, "name": "dog"},
        ],
    }


def results(count=3):
    return [
        {
            "image_id": [12, 7, 30][number],
            "category_id": 1,
            "keypoints": [float(number), 5.5, 1.0] * 17,
            "score": 0.25 + number,
        }
        for number in range(count)
    ]


def pose_document(photograph, count=1, skeleton=COCO):
    """As `hourglass predict` writes it, see inference/files.py."""
    number = len(skeleton.keypoints)
    person = {
        "skeleton": skeleton.name,
        "box": [0.0, 0.0, 10.0, 10.0],
        "names": list(skeleton.keypoints),
        "keypoints": [[1.5, 2.5]] * number,
        "scores": [0.25, 0.75] * (number // 2) + [0.5] * (number % 2),
    }
    return {
        "photograph": photograph,
        "height": 100,
        "width": 100,
        "people": [person] * count,
    }


def write_json(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def coco(tmp_path):
    return write_json(tmp_path / "labels.json", coco_content())


def test_princetons_labels_are_read_as_they_stand(tmp_path):
    truth = read_truth(write_princeton(tmp_path / "valid.h5"))
    part, visible = mpii_people()
    np.testing.assert_array_equal(truth.keypoints, part)
    assert truth.names == MPII.keypoints
    np.testing.assert_array_equal(truth.visibility == 2, visible == 1)
    np.testing.assert_array_equal(truth.head_sizes, np.linspace(20, 60, PEOPLE))
    assert [photo.file for photo in truth.photographs] == ["a.jpg", "b.jpg", "c.jpg"]
    assert truth.photograph.tolist() == [0, 0, 1, 2, 1]


@pytest.mark.parametrize("write", [write_princeton, write_tompson])
def test_only_exactly_zero_is_absent(tmp_path, write):
    """A label at x = 0, or outside of the photograph, is one all the same."""
    truth = read_truth(write(tmp_path / "labels"))
    assert np.argwhere(truth.visibility == 0).tolist() == [[1, 3]]


def test_tompsons_labels_are_read_as_they_stand(tmp_path):
    truth = read_truth(write_tompson(tmp_path / "labels.mat"))
    np.testing.assert_array_equal(truth.keypoints, mpii_people()[0])
    np.testing.assert_allclose(truth.head_sizes, 0.6 * 50)
    assert not truth.occlusion
    assert set(truth.visibility.ravel()) == {0, 2}


def test_both_files_of_mpii_hold_the_same_people(shared_data):
    files = "valid.h5", "detections_our_format.mat"
    a, b = (read_truth(shared_data / "mpii" / file) for file in files)
    np.testing.assert_array_equal(a.visibility > 0, b.visibility > 0)
    np.testing.assert_allclose(a.head_sizes, b.head_sizes, rtol=1e-6)
    errors = np.linalg.norm(a.keypoints - b.keypoints, axis=-1)
    assert np.median(errors) < 1e-3


@pytest.mark.parametrize("columns", [2, 3, 5])
def test_predictions_are_found_in_hdf5_whatever_follows_x_and_y(tmp_path, columns):
    truth = read_truth(write_princeton(tmp_path / "valid.h5"))
    values = np.random.default_rng(1).uniform(0, 9, (PEOPLE, 16, columns))
    with h5py.File(tmp_path / "preds.h5", "w") as file:
        file["preds"], file["heatmaps"] = values, np.zeros((PEOPLE, 16, 4, 4))
    found = read_predictions(tmp_path / "preds.h5", truth)
    np.testing.assert_array_equal(found.keypoints, values[..., :2])
    assert found.shift == 0


def test_predictions_in_the_photograph_go_before_those_in_the_heatmap(tmp_path):
    truth = read_truth(write_princeton(tmp_path / "valid.h5"))
    with h5py.File(tmp_path / "preds.h5", "w") as file:
        file["preds"] = np.zeros((PEOPLE, 16, 2))
        file["preds_tf"] = np.ones((PEOPLE, 16, 2))
    assert (read_predictions(tmp_path / "preds.h5", truth).keypoints == 1).all()


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0)])
@pytest.mark.parametrize("version", ["5", "7.3"])
def test_predictions_are_the_same_in_both_orders_of_axes(tmp_path, order, version):
    truth = read_truth(write_tompson(tmp_path / "labels.mat"))
    values = np.random.default_rng(1).uniform(0, 9, (PEOPLE, 16, 2))
    stored = values.transpose(order)
    if version == "5":
        scipy.io.savemat(tmp_path / "preds.mat", {"preds": stored})
    else:  # HDF5 with the axes the other way round, and MATLAB's mark
        with h5py.File(tmp_path / "preds.mat", "w", userblock_size=512) as file:
            file["preds"] = stored.T
            file["preds"].attrs["MATLAB_class"] = np.bytes_("double")
    found = read_predictions(tmp_path / "preds.mat", truth)
    np.testing.assert_array_equal(found.keypoints, values)


def test_tompsons_file_holds_predictions_too(tmp_path):
    path = write_tompson(tmp_path / "labels.mat")
    found = read_predictions(path, read_truth(path))
    np.testing.assert_array_equal(found.keypoints, mpii_people()[0] + 2)


def test_an_order_of_axes_that_could_be_another_is_refused(tmp_path):
    """Two people with two keypoints: nothing tells people from keypoints."""
    keypoints = np.arange(8.0).reshape(2, 2, 2) + 1
    truth = read_truth(
        write_princeton(
            *(tmp_path / "valid.h5",),
            **{"part": keypoints, "visible": np.ones((2, 2))},
            **{"normalize": None, "imgname": None},
        )
    )
    scipy.io.savemat(tmp_path / "preds.mat", {"preds": keypoints})
    with pytest.raises(InputError, match="more than one order"):
        read_predictions(tmp_path / "preds.mat", truth)


def test_cocos_labels_are_read_as_they_stand(coco):
    truth = read_truth(coco)
    content = coco_content()
    flagged = np.array([a["keypoints"] for a in content["annotations"]])
    flagged = flagged.reshape(-1, 17, 3)
    np.testing.assert_array_equal(truth.visibility, flagged[..., 2])
    labelled = flagged[..., 2] > 0
    np.testing.assert_array_equal(truth.keypoints[labelled], flagged[..., :2][labelled])
    assert [photo.key for photo in truth.photographs] == [7, 12, 30]
    assert truth.photograph.tolist() == [1, 0, 1, 2]
    assert truth.boxes[0].tolist() == [10, 20, 40, 60]
    assert truth.crowd.tolist() == [False, False, False, True]
    assert (truth.areas == 900.5).all()


def test_cocos_results_are_read_as_they_stand(coco, tmp_path):
    found = read_predictions(
        write_json(tmp_path / "r.json", results()), read_truth(coco)
    )
    assert found.keypoints[2].tolist() == [[2.0, 5.5]] * 17
    assert found.scores.tolist() == [0.25, 1.25, 2.25]
    assert found.photograph.tolist() == [1, 0, 2]


def test_poses_are_found_by_the_end_of_their_photographs_path(coco, tmp_path):
    folder = tmp_path / "poses"
    folder.mkdir()
    write_json(folder / "a.json", pose_document("/data/photos/a.jpg"))
    write_json(folder / "b.json", pose_document("b.jpg", count=2))
    found = read_predictions(folder, read_truth(coco))
    assert found.photograph.tolist() == [0, 1, 1]
    assert found.scores.tolist() == [0.5, 0.5, 0.5]
    assert found.keypoints[0, 0].tolist() == [1.5, 2.5]
    alone = read_predictions(folder / "b.json", read_truth(coco))
    assert alone.photograph.tolist() == [1, 1]


def test_our_pixels_start_at_0_and_mpiis_at_1(tmp_path):
    truth = read_truth(write_princeton(tmp_path / "valid.h5"))
    path = write_json(tmp_path / "c.json", pose_document("c.jpg", skeleton=MPII))
    found = read_predictions(path, truth)
    assert found.keypoints[0, 0].tolist() == [2.5, 3.5]
    assert found.shift == 1


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
    with contextlib.suppress(InputError):
        read_predictions(path, read_truth(path))

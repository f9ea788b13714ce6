import h5py
import numpy as np
import pytest
import scipy.io

from hourglass_jax.data.keypoint_files import read_predictions, read_truth
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import MPII

from .keypoint_forms import (
    PEOPLE,
    coco_content,
    mpii_people,
    pose_document,
    results,
    write_json,
    write_princeton,
    write_tompson,
)


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

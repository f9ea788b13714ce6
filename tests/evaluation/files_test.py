import json

import numpy as np
import pytest
import scipy.io

from hourglass_jax.errors import InputError
from hourglass_jax.evaluation import compare_files, score_files
from hourglass_jax.skeleton import MPII

from .conftest import (
    PEOPLE,
    coco_labels,
    coco_results,
    mpii_predictions,
    pose_document,
    write_json,
)

NETWORKS = ("hg_s1_b1", "hg_s2_b1")


def score(*files, **options):
    return score_files(*files, **{"rounds": 20} | options)


@pytest.fixture(scope="module")
def scored(shared_data):
    """Both published networks on both of MPII's ground truths, by our readers."""
    folder = shared_data / "mpii"
    return {
        (network, truth): score(
            folder / "predictions" / f"{network}.mat", folder / truth, "pckh"
        )
        for network in NETWORKS
        for truth in ("valid.h5", "detections_our_format.mat")
    }


@pytest.mark.parametrize("network", NETWORKS)
def test_published_files_have_the_known_counts(scored, shared_data, network):
    known = json.loads((shared_data / "mpii" / "pckh_expected.json").read_text())
    on_tompsons, on_princetons = (
        scored[network, "detections_our_format.mat"]["joints"],
        scored[network, "valid.h5"]["joints"],
    )
    for i, name in enumerate(known["joints"]):
        tompson, princeton = on_tompsons[name], on_princetons[name]
        expected = known["sets"][network]
        assert tompson["labelled"] == known["mask_A_counts"][i]
        assert princeton["labelled"] == known["mask_A_counts"][i]
        assert princeton["correct"] == {
            "PCKh@0.5": expected["correct_A_at_0_5"][i],
            "PCKh@0.1": expected["correct_A_at_0_1"][i],
        }
        count = known["gt_tompson"]["sets"][network]["correct"][i]
        assert tompson["correct"]["PCKh@0.5"] == count


@pytest.mark.parametrize("network", NETWORKS)
def test_published_files_have_the_known_columns(scored, shared_data, network):
    known = json.loads((shared_data / "mpii" / "pckh_expected.json").read_text())
    known = known["gt_tompson"]["sets"][network]
    columns = scored[network, "detections_our_format.mat"]["scores"]["PCKh@0.5"]
    for name in ("Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle"):
        assert columns[name]["value"] == pytest.approx(known[name], abs=5e-5)
    unweighted = columns["mean of 14 joints, unweighted"]["value"]
    assert unweighted == pytest.approx(known["Mean"], abs=5e-5)
    pooled = columns["pooled over 14 joints"]["value"]
    assert pooled == pytest.approx(known["mean14_pooled"], abs=5e-5)


def test_everybody_of_mpii_is_scored(scored):
    assert {result["people"] for result in scored.values()} == {2958}
    assert {result["unmeasured"] for result in scored.values()} == {0}


def test_visible_and_occluded_joints_are_told_apart_where_the_file_does(scored):
    on_princetons = scored["hg_s2_b1", "valid.h5"]
    # Counted from `part` and `visible` of valid.h5 without our code.
    assert on_princetons["visible"]["labelled"] == 33997
    assert on_princetons["occluded"]["labelled"] == 10243
    easier, harder = (
        on_princetons[part]["PCKh@0.5"]["Wrist"]["value"]
        for part in ("visible", "occluded")
    )
    assert easier > harder + 30
    assert "visible" not in scored["hg_s2_b1", "detections_our_format.mat"]


def test_every_score_lies_in_its_interval(mpii_files):
    result = score(
        mpii_files / "worse.mat", mpii_files / "valid.h5", "pckh", rounds=200
    )
    entries = [entry for row in result["scores"].values() for entry in row.values()] + [
        result["EPE"],
        result["NME"],
    ]
    assert all(entry["low"] <= entry["value"] <= entry["high"] for entry in entries)
    assert all(entry["low"] < entry["high"] for entry in entries)


def test_a_result_is_json(mpii_files):
    files = mpii_files / "worse.mat", mpii_files / "better.mat"
    result = compare_files(*files, mpii_files / "valid.h5", "pck", rounds=5)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_distances_are_those_of_the_arrays(mpii_files):
    result = score(mpii_files / "worse.mat", mpii_files / "valid.h5", "pckh")
    truth, predicted = mpii_predictions(0, 0), mpii_predictions(2, 25)
    errors = np.linalg.norm(predicted - truth, axis=-1)
    assert result["EPE"]["value"] == pytest.approx(errors.mean())
    assert result["NME"]["value"] == pytest.approx(errors.mean() / 60)
    right = 100 * (errors <= 0.5 * 60).mean()
    pooled = result["scores"]["PCKh@0.5"]["pooled over all 16"]["value"]
    assert pooled == pytest.approx(right)


@pytest.mark.parametrize("normalise", ["torso", "box", "file"])
def test_pck_divides_by_what_it_is_told(mpii_files, normalise):
    truth, predicted = mpii_predictions(0, 0), mpii_predictions(2, 25)
    left_shoulder, right_hip = (
        MPII.keypoints.index(n) for n in ("l_shoulder", "r_hip")
    )
    lengths = {
        "torso": np.linalg.norm(truth[:, left_shoulder] - truth[:, right_hip], axis=-1),
        "box": np.ptp(truth, axis=1).max(axis=-1),
        "file": np.full(PEOPLE, 60.0),
    }[normalise]
    errors = np.linalg.norm(predicted - truth, axis=-1)
    near = errors <= 0.1 * lengths[:, None]
    columns = sorted({i for group in MPII.groups.values() for i in group})
    files = mpii_files / "worse.mat", mpii_files / "valid.h5"
    result = score(*files, "pck", normalise=normalise)
    mean = result["scores"]["PCK@0.1"]["Mean"]["value"]
    assert mean == pytest.approx(100 * near[:, columns].mean())


def test_a_comparison_is_the_difference_of_the_scores(mpii_files):
    result = compare_files(
        *(mpii_files / "worse.mat", mpii_files / "better.mat"),
        *(mpii_files / "valid.h5", "pckh"),
        rounds=200,
    )
    for row, columns in result["difference"]["scores"].items():
        for name, entry in columns.items():
            a, b = (result[each]["scores"][row][name]["value"] for each in "ab")
            assert entry["value"] == pytest.approx(b - a)
    mean = result["difference"]["scores"]["PCKh@0.5"]["pooled over 14 joints"]
    assert 0 < mean["low"] < mean["value"] < mean["high"]
    assert result["difference"]["EPE"]["high"] < 0


def test_one_file_is_as_good_as_itself(mpii_files):
    path = mpii_files / "worse.mat"
    result = compare_files(path, path, mpii_files / "valid.h5", "pckh", rounds=20)
    for columns in result["difference"]["scores"].values():
        assert {x for entry in columns.values() for x in entry.values()} == {0.0}


def test_poses_score_as_the_rows_that_hold_the_same_points(mpii_files, tmp_path):
    """Paired by photograph, in order; our pixels start at 0, MPII's at 1."""
    points = mpii_predictions(2, 25) - 1
    for photograph in range(PEOPLE // 2):
        people = points[2 * photograph : 2 * photograph + 2]
        document = pose_document(f"somewhere/{photograph}.jpg", people)
        write_json(tmp_path / f"{photograph}.json", document)
    rows = score(mpii_files / "worse.mat", mpii_files / "valid.h5", "pckh")
    poses = score(tmp_path, mpii_files / "valid.h5", "pckh")
    assert poses["shift"] == 1
    assert poses["joints"] == rows["joints"]
    assert poses["EPE"]["value"] == pytest.approx(rows["EPE"]["value"])


def test_a_photograph_without_its_people_is_named(mpii_files, tmp_path):
    people = mpii_predictions(2, 25)[:1]
    path = write_json(tmp_path / "0.json", pose_document("0.jpg", people))
    with pytest.raises(
        InputError, match=r"1 predictions for 2 labelled people in 0.jpg \(and so in 19"
    ):
        score(path, mpii_files / "valid.h5", "pckh")


def test_single_people_of_coco_are_scored_by_pck(tmp_path):
    labels = coco_labels([(4, 10.0), (2, 50.0), (9, 90.0)])
    truth = write_json(tmp_path / "labels.json", labels)
    results = coco_results(labels, [0.0, 7.9, 8.1])  # boxes are 80 pixels high
    predictions = write_json(tmp_path / "results.json", results[::-1])
    result = score(predictions, truth, "pck", normalise="box")
    assert result["scores"]["PCK@0.1"]["Mean"]["value"] == pytest.approx(100 * 2 / 3)
    assert result["EPE"]["value"] == pytest.approx(16 / 3)


def test_results_that_do_not_say_who_is_whom_are_refused_by_pck(tmp_path):
    labels = coco_labels([(4, 10.0), (4, 50.0)])
    truth = write_json(tmp_path / "labels.json", labels)
    predictions = write_json(tmp_path / "r.json", coco_results(labels, [0, 0]))
    with pytest.raises(InputError, match="do not say who is whom"):
        score(predictions, truth, "pck")


@pytest.mark.parametrize(
    ("files", "metric", "options", "said"),
    [
        (("worse.mat", "valid.h5"), "oks", {}, "needs ground truth in COCO's form"),
        (("labels.json", "labels.json"), "oks", {}, "no predictions"),
        (("results.json", "labels.json"), "pckh", {}, "not MPII's"),
        (("results.json", "labels.json"), "pck", {"normalise": "file"}, "no length"),
        (("worse.mat", "labels.json"), "pck", {}, r"shape \(40, 16, 2\); expected"),
        (("results.json", "valid.h5"), "pckh", {}, "image_id is 1"),
        (("nobody.mat", "nobody.h5"), "pck", {}, "neither|cannot be read"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    mpii_files, files, metric, options, said
):
    labels = coco_labels([(1, 10.0), (2, 50.0)])
    write_json(mpii_files / "labels.json", labels)
    write_json(mpii_files / "results.json", coco_results(labels, [0, 0]))
    predictions, truth = (mpii_files / name for name in files)
    with pytest.raises(InputError, match=said):
        score(predictions, truth, metric, **options)


def test_people_without_the_length_are_left_out_and_counted(mpii_files, tmp_path):
    import h5py

    part = mpii_predictions(0, 0)
    part[:5, MPII.keypoints.index("l_shoulder")] = 0
    with h5py.File(tmp_path / "valid.h5", "w") as file:
        file["part"], file["visible"] = part, np.zeros((PEOPLE, 16))
    result = score(mpii_files / "worse.mat", tmp_path / "valid.h5", "pck")
    assert (result["people"], result["unmeasured"]) == (PEOPLE - 5, 5)
    with pytest.raises(InputError, match="has no head sizes"):
        score(mpii_files / "worse.mat", tmp_path / "valid.h5", "pckh")


def test_nobody_to_measure_is_an_error(mpii_files, tmp_path):
    import h5py

    with h5py.File(tmp_path / "valid.h5", "w") as file:
        file["part"] = mpii_predictions(0, 0)
        file["visible"] = np.ones((PEOPLE, 16))
        file["normalize"] = np.zeros(PEOPLE)
    scipy.io.savemat(tmp_path / "p.mat", {"preds": mpii_predictions(2, 25)})
    with pytest.raises(InputError, match="nobody can be measured by the head size"):
        score(tmp_path / "p.mat", tmp_path / "valid.h5", "pckh")


def test_strict_and_inclusive_differ_on_rounded_labels(shared_data):
    files = (
        shared_data / "mpii" / "predictions" / "hg_s2_b1.mat",
        shared_data / "mpii" / "valid.h5",
    )
    counts = [
        score(*files, "pckh", strict=strict)["joints"]["l_hip"]["correct"]["PCKh@0.5"]
        for strict in (False, True)
    ]
    assert counts == [2483, 2482]

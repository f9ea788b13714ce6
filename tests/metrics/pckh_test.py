import json

import h5py
import numpy as np
import pytest
import scipy.io

from hourglass_jax.metrics import pckh
from hourglass_jax.metrics.pck import (
    Strictness,
    area_under_curve,
    count_correct,
    percentages,
)
from hourglass_jax.skeleton import MPII

NETWORKS = ("hg_s1_b1", "hg_s2_b1")


@pytest.fixture(scope="module")
def mpii(shared_data):
    """The files as they are, without our readers."""
    folder = shared_data / "mpii"
    with h5py.File(folder / "valid.h5") as file:
        princeton = {name: file[name][()] for name in ("part", "normalize")}
    tompson = scipy.io.loadmat(folder / "detections_our_format.mat")
    corners = tompson["headboxes_src"].transpose(2, 0, 1)
    return {
        "expected": json.loads((folder / "pckh_expected.json").read_text()),
        "princeton": (princeton["part"], princeton["normalize"]),
        "tompson": (
            tompson["pos_gt_src"].transpose(2, 0, 1),
            pckh.head_sizes(corners.reshape(-1, 4)),
        ),
        "A": np.where(tompson["jnt_missing"].T == 0, 2, 0),
        "B": np.where((princeton["part"] > 1).all(axis=-1), 2, 0),
        **{
            name: scipy.io.loadmat(folder / "predictions" / f"{name}.mat")["preds"]
            for name in NETWORKS
        },
    }


def count(mpii, network, truth, mask, strictness=Strictness.INCLUSIVE):
    keypoints, lengths = mpii[truth]
    predicted = mpii[network].astype(np.float64)
    return count_correct(
        *(predicted, keypoints, mpii[mask], lengths, pckh.THRESHOLDS, strictness)
    )


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("mask", ["A", "B"])
def test_counts_on_princetons_labels_are_known_to_the_last_joint(mpii, network, mask):
    expected = mpii["expected"]
    counts = count(mpii, network, "princeton", mask)
    assert counts.labelled.tolist() == expected[f"mask_{mask}_counts"]
    correct = expected["sets"][network]
    assert counts.correct[0].tolist() == correct[f"correct_{mask}_at_0_5"]
    if mask == "A":
        assert counts.correct[1].tolist() == correct["correct_A_at_0_1"]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("strictness", list(Strictness))
def test_counts_on_tompsons_labels_are_known_to_the_last_joint(
    mpii, network, strictness
):
    counts = count(mpii, network, "tompson", "A", strictness)
    known = mpii["expected"]["gt_tompson"]["sets"][network]
    assert counts.correct[0].tolist() == known["correct"]


def test_one_whole_number_lies_exactly_on_the_threshold(mpii):
    """Princeton's labels are rounded; `<` and `<=` differ by one left hip."""
    below, up_to = (
        count(mpii, "hg_s2_b1", "princeton", "A", each).correct[0]
        for each in (Strictness.STRICT, Strictness.INCLUSIVE)
    )
    difference = dict(zip(MPII.keypoints, up_to - below, strict=True))
    assert {name: n for name, n in difference.items() if n} == {"l_hip": 1}


@pytest.mark.parametrize(
    ("network", "row"),
    [
        ("hg_s1_b1", "95.12 93.61 85.53 79.56 84.51 78.28 73.38 84.461 85.085 86.21"),
        ("hg_s2_b1", "95.80 94.57 88.12 83.31 86.24 80.88 77.44 86.757 87.299 88.20"),
    ],
)
def test_the_published_table_comes_out_to_every_digit(mpii, network, row):
    """Columns in the field's order, then the three means, each under its own name."""
    counts = count(mpii, network, "tompson", "A")
    columns = (*pckh.GROUPS, *pckh.MEANS)
    table = percentages(counts.correct, counts.labelled, columns)
    digits = [2] * 7 + [3, 3, 2]
    found = " ".join(f"{x:.{d}f}" for x, d in zip(table[0], digits, strict=True))
    assert found == row
    assert [column.name for column in columns] == [
        *("Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle"),
        "mean of 14 joints, unweighted",
        "pooled over 14 joints",
        "pooled over all 16",
    ]
    at_a_tenth = {"hg_s1_b1": "22.60", "hg_s2_b1": "23.72"}[network]
    assert f"{table[1][7]:.2f}" == at_a_tenth


@pytest.mark.parametrize("network", NETWORKS)
def test_the_area_under_the_curve_is_known(mpii, network):
    keypoints, lengths = mpii["princeton"]
    predicted = mpii[network].astype(np.float64)
    counts = count_correct(predicted, keypoints, mpii["A"], lengths, pckh.CURVE)
    table = percentages(counts.correct, counts.labelled, pckh.MEANS)
    area = area_under_curve(table, pckh.CURVE)[1]
    known = mpii["expected"]["sets"][network]
    assert area == pytest.approx(known["auc14"], abs=5e-5)
    at_a_tenth = table[pckh.CURVE.index(0.1), 1]
    assert at_a_tenth == pytest.approx(known["pckh01_pooled14"], abs=5e-5)


def test_half_a_pixel_is_seen(mpii):
    """Were it not, the exact counts above would prove little."""
    keypoints, lengths = mpii["tompson"]
    predicted = mpii["hg_s2_b1"].astype(np.float64)
    counts = [
        count_correct(predicted + shift, keypoints, mpii["A"], lengths, (0.5, 0.1))
        for shift in (0.0, 0.5)
    ]
    changed = counts[0].correct != counts[1].correct
    assert changed[0].sum() >= 8
    assert changed[1].all()


def test_the_curve_has_every_hundredth_up_to_a_half():
    np.testing.assert_allclose(pckh.CURVE, np.arange(51) * 0.01, atol=1e-15)
    assert set(pckh.THRESHOLDS) <= set(pckh.CURVE)


def test_head_sizes_are_six_tenths_of_the_diagonal():
    boxes = np.array([[10.0, 20.0, 13.0, 24.0], [0, 0, 0, 0]])
    np.testing.assert_allclose(pckh.head_sizes(boxes), [3.0, 0.0])


def test_the_three_means_leave_out_and_weigh_what_their_names_say():
    """One joint of each kind is right; counts differ, so no two means agree."""
    correct = np.zeros(16)
    labelled = np.full(16, 10.0)
    correct[MPII.keypoints.index("pelvis")] = 10
    correct[MPII.keypoints.index("l_knee")] = 4
    labelled[MPII.keypoints.index("l_knee")] = 4
    table = percentages(correct[None], labelled, pckh.MEANS)[0]
    np.testing.assert_allclose(table, [100 / 14, 100 * 4 / 134, 100 * 14 / 154])

import numpy as np
import pytest
import scipy.io

from hourglass_jax.metrics.pck import (
    CURVE,
    Column,
    Strictness,
    area_under_curve,
    box_lengths,
    count_correct,
    pck_columns,
    percentages,
    torso_lengths,
)
from hourglass_jax.skeleton import FLIC, LSP


def people(count, seed=0):
    generator = np.random.default_rng(seed)
    truth = generator.uniform(0, 100, (count, 14, 2))
    predicted = truth + generator.normal(0, 8, truth.shape)
    visibility = generator.integers(0, 3, (count, 14))
    return predicted, truth, visibility


def loop_count(predicted, truth, visibility, threshold):
    """Person by person and joint by joint, as one would by hand."""
    correct, labelled = np.zeros(14, int), np.zeros(14, int)
    shoulder, hip = 9, 2
    for p, t, v in zip(predicted, truth, visibility, strict=True):
        if v[shoulder] == 0 or v[hip] == 0:
            continue
        torso = np.hypot(*(t[shoulder] - t[hip]))
        for k in range(14):
            if v[k] > 0:
                labelled[k] += 1
                correct[k] += np.hypot(*(p[k] - t[k])) <= threshold * torso
    return correct, labelled


def test_counts_are_those_of_a_loop_over_people_and_joints():
    predicted, truth, visibility = people(50)
    lengths = torso_lengths(truth, visibility, LSP.torso)
    counts = count_correct(predicted, truth, visibility, lengths)
    for correct, threshold in zip(counts.correct, (0.2, 0.1), strict=True):
        expected, labelled = loop_count(predicted, truth, visibility, threshold)
        np.testing.assert_array_equal(correct, expected)
        np.testing.assert_array_equal(counts.labelled, labelled)
    assert counts.people + counts.unmeasured == 50
    assert counts.unmeasured > 0


def test_counts_of_parts_merge_to_those_of_the_whole():
    predicted, truth, visibility = people(20)
    lengths = torso_lengths(truth, visibility, LSP.torso)
    whole = count_correct(predicted, truth, visibility, lengths)
    parts = [
        count_correct(predicted[s], truth[s], visibility[s], lengths[s])
        for s in (slice(0, 7), slice(7, 20))
    ]
    merged = parts[0] + parts[1]
    np.testing.assert_array_equal(merged.correct, whole.correct)
    np.testing.assert_array_equal(merged.labelled, whole.labelled)
    assert (merged.people, merged.unmeasured) == (whole.people, whole.unmeasured)


def test_the_mean_is_pooled_over_keypoints_not_over_columns():
    truth = np.zeros((1, 14, 2))
    predicted = np.full((1, 14, 2), 100.0)
    predicted[0, [13, 12, 9, 2]] = 0.0
    visibility = np.zeros((1, 14), int)
    visibility[0, [13, 12, 9, 2, 0]] = 2  # head twice, shoulder, hip; ankle is wrong
    counts = count_correct(predicted, truth, visibility, np.array([10.0]))
    columns = pck_columns(LSP.groups)
    values = percentages(counts.correct, counts.labelled, columns)[0]
    row = {c.name: value for c, value in zip(columns, values, strict=True)}
    assert row["Mean"] == pytest.approx(80.0)
    assert (row["Head"], row["Ankle"]) == (100.0, 0.0)
    assert np.isnan(row["Wrist"])
    assert row["Limbs"] == pytest.approx(200 / 3)  # shoulder and hip, not the ankle


def test_keypoints_without_all_limbs_have_no_mean_over_them():
    names = [column.name for column in pck_columns(FLIC.groups)]
    assert names == [*FLIC.groups, "Mean"]


def test_the_mean_pose_of_lsp_extended_scores_what_is_known(shared_data):
    """Measured elsewhere: 4.2 % at 0.2 and 24.7 % at 0.5, mean pose in an oracle box.

    How that box was padded is not known, hence two points of tolerance; another
    normalising length, or the labels' flag read the wrong way, is far outside.
    """
    joints = scipy.io.loadmat(shared_data / "lspet" / "joints.mat")["joints"]
    joints = joints.transpose(2, 0, 1)[:9000]
    visibility = np.where(joints[..., 2] > 0, 2, 0)
    points = joints[..., :2].astype(np.float64)
    known = np.ma.array(points, mask=np.repeat(visibility[..., None] == 0, 2, axis=-1))
    low, high = known.min(axis=1, keepdims=True), known.max(axis=1, keepdims=True)
    side = (high - low).max(axis=-1, keepdims=True)
    center = (high + low) / 2
    mean = ((known[:8000] - center[:8000]) / side[:8000]).mean(axis=0)
    predicted = np.asarray(center + mean * side)[8000:]
    truth, seen = points[8000:], visibility[8000:]
    lengths = torso_lengths(truth, seen, LSP.torso)
    counts = count_correct(predicted, truth, seen, lengths, (0.2, 0.5))
    shares = counts.correct.sum(axis=1) / counts.labelled.sum()
    np.testing.assert_allclose(100 * shares, [4.2, 24.7], atol=2.0)


@pytest.mark.parametrize("strictness", list(Strictness))
def test_an_error_of_exactly_the_threshold_is_what_the_strictness_says(strictness):
    truth = np.zeros((1, 1, 2))
    predicted = np.array([[[2.0, 0.0]]])
    counts = count_correct(
        *(predicted, truth, np.full((1, 1), 2), np.array([10.0])),
        thresholds=(0.1, 0.2, 0.3),
        strictness=strictness,
    )
    on_it = 1 if strictness is Strictness.INCLUSIVE else 0
    assert counts.correct.ravel().tolist() == [0, on_it, 1]


def test_pooled_and_unweighted_columns_differ_where_labels_do():
    correct, labelled = np.array([[9, 1]]), np.array([10, 2])
    columns = [Column("pooled", (0, 1), True), Column("each alike", (0, 1), False)]
    table = percentages(correct, labelled, columns)
    np.testing.assert_allclose(table, [[100 * 10 / 12, 100 * (0.9 + 0.5) / 2]])


def test_percentages_of_many_rounds_are_those_of_each():
    generator = np.random.default_rng(0)
    labelled = generator.integers(0, 4, (6, 5))
    correct = generator.integers(0, 4, (6, 3, 5)) % (labelled[:, None] + 1)
    columns = [Column("a", (0, 3), True), Column("b", (1, 2), False)]
    each = [percentages(c, k, columns) for c, k in zip(correct, labelled, strict=True)]
    np.testing.assert_array_equal(percentages(correct, labelled, columns), each)


def test_a_column_without_a_label_has_no_percentage():
    columns = [Column("a", (0,), True), Column("b", (0, 1), True)]
    table = percentages(np.array([[0, 1]]), np.array([0, 1]), columns)
    np.testing.assert_array_equal(table, [[np.nan, 100.0]])


def test_the_area_under_a_straight_line_is_its_middle():
    table = np.stack([np.arange(21.0), np.full(21, 60.0)], axis=1)
    np.testing.assert_allclose(area_under_curve(table, CURVE), [10.0, 60.0])


def test_a_box_measures_by_its_longer_side():
    boxes = np.array([[10.0, 20.0, 40.0, 30.0], [5, 5, 6, 45]])
    assert box_lengths(boxes).tolist() == [30.0, 40.0]


def test_swapped_sides_are_wrong():
    predicted, truth, visibility = people(50)
    lengths = torso_lengths(truth, visibility, LSP.torso)
    right = count_correct(predicted, truth, visibility, lengths)
    swapped = count_correct(predicted[:, LSP.flip], truth, visibility, lengths)
    paired = [i for i, j in enumerate(LSP.flip) if i != j]
    assert (swapped.correct[0, paired] < right.correct[0, paired]).all()

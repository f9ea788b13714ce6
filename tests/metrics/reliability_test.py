"""Reliability of scores, against a loop and against cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass_jax.errors import InputError
from hourglass_jax.metrics.bootstrap import ROUNDS, draw_counts
from hourglass_jax.metrics.reliability import (
    BINS,
    calibration_error,
    count_reliability,
    estimate_calibration,
)


def people(number, seed=0):
    """Scores, what is correct, and what counts."""
    random = np.random.default_rng(seed)
    scores = random.uniform(-0.2, 1.3, (number, 14))
    return (
        scores,
        random.random((number, 14)) < scores,
        random.random((number, 14)) > 0.3,
    )


def test_bins_hold_what_a_loop_puts_into_them():
    scores, correct, counted = people(30)
    keypoints, right, sums = np.zeros((3, BINS))
    for score, is_right, counts in zip(
        scores.flat, correct.flat, counted.flat, strict=True
    ):
        index = min(max(int(np.floor(score * BINS)), 0), BINS - 1)
        keypoints[index] += counts
        right[index] += counts and is_right
        sums[index] += score if counts else 0.0
    found = count_reliability(scores, correct, counted)
    np.testing.assert_array_equal(found.keypoints, keypoints)
    np.testing.assert_array_equal(found.correct, right)
    np.testing.assert_allclose(found.scores, sums)
    np.testing.assert_allclose(found.shares_correct(), right / keypoints)


@given(cut=st.integers(0, 12))
def test_counts_of_two_halves_add_up_to_those_of_all(cut):
    everyone = people(12, seed=1)
    both = count_reliability(*(part[:cut] for part in everyone)) + count_reliability(
        *(part[cut:] for part in everyone)
    )
    whole = count_reliability(*everyone)
    np.testing.assert_array_equal(both.keypoints, whole.keypoints)
    np.testing.assert_array_equal(both.correct, whole.correct)
    assert calibration_error(both) == pytest.approx(calibration_error(whole))


def one_person(scores, correct):
    scores, correct = np.array([scores]), np.array([correct])
    return count_reliability(scores, correct, np.ones(scores.shape, bool))


def test_scores_that_are_probabilities_have_no_calibration_error():
    assert calibration_error(one_person([0.75] * 4, [True, True, True, False])) == 0


@pytest.mark.parametrize(
    ("scores", "correct", "expected"),
    [
        ([0.9, 0.9], [True, False], 0.4),
        ([0.2, 0.2, 0.8, 0.8], [True, True, True, True], (0.8 + 0.2) / 2),
        # Too high in one bin and too low in another do not cancel out.
        ([0.21, 0.81], [True, False], (0.79 + 0.81) / 2),
        ([1.2], [True], 0.2),
        ([-0.1], [False], 0.1),
    ],
)
def test_the_calibration_error_is_the_mean_gap(scores, correct, expected):
    assert calibration_error(one_person(scores, correct)) == pytest.approx(expected)


def test_its_interval_is_that_of_people_drawn_again():
    everyone = people(40, seed=2)
    drawn = np.concatenate(list(draw_counts(40, rounds=ROUNDS, seed=0)))
    again = [
        calibration_error(count_reliability(*(np.repeat(p, n, 0) for p in everyone)))
        for n in drawn
    ]
    found = estimate_calibration(*everyone)
    assert found.value.item() == pytest.approx(
        calibration_error(count_reliability(*everyone))
    )
    bounds = found.low.item(), found.high.item()
    assert bounds == pytest.approx(tuple(np.percentile(again, [2.5, 97.5])))


def test_a_score_on_a_bound_is_in_the_bin_above():
    counts = one_person([0.0, 0.05, 1.0], [True, True, True])
    assert counts.keypoints[[0, 1, BINS - 1]].tolist() == [1, 1, 1]


def test_nobody_has_no_calibration_error():
    nobody = count_reliability(
        np.zeros((1, 2)), np.zeros((1, 2), bool), np.zeros((1, 2), bool)
    )
    assert np.isnan(calibration_error(nobody))
    none = np.zeros((0, 14))
    assert np.isnan(estimate_calibration(none, none > 0, none > 0).value)
    assert np.isnan(nobody.shares_correct()).all()


def test_a_score_that_is_no_number_is_refused_only_where_it_counts():
    scores = np.array([[0.5, np.nan]])
    correct = np.array([[True, False]])
    counts = count_reliability(scores, correct, np.array([[True, False]]))
    assert counts.keypoints.sum() == 1
    with pytest.raises(InputError, match="a score is NaN"):
        count_reliability(scores, correct, np.array([[True, True]]))

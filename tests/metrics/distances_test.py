import numpy as np
import pytest

from hourglass_jax.metrics.distances import mean_distance, measure


def people(count, seed=0):
    generator = np.random.default_rng(seed)
    truth = generator.uniform(-20, 100, (count, 5, 2))
    predicted = truth + generator.normal(0, 8, truth.shape)
    visibility = generator.integers(0, 3, (count, 5))
    lengths = generator.uniform(10, 30, count) * (generator.random(count) < 0.8)
    return predicted, truth, visibility, lengths


def test_means_are_those_of_a_loop_over_people_and_joints():
    predicted, truth, visibility, lengths = people(40)
    pixels, parts = [], []
    for p, t, v, length in zip(predicted, truth, visibility, lengths, strict=True):
        for k in range(5):
            if v[k] > 0:
                error = float(np.hypot(*(p[k] - t[k])))
                pixels.append(error)
                if length > 0:
                    parts.append(error / length)
    epe = measure(predicted, truth, visibility).sums_by_person().sum(axis=0)
    nme = measure(predicted, truth, visibility, lengths).sums_by_person().sum(axis=0)
    assert mean_distance(epe) == pytest.approx(np.mean(pixels))
    assert mean_distance(nme) == pytest.approx(np.mean(parts))


def test_people_of_parts_merge_to_those_of_the_whole():
    whole = people(20)
    parts = [
        measure(*(each[rows] for each in whole))
        for rows in (slice(0, 7), slice(7, None))
    ]
    merged, expected = parts[0] + parts[1], measure(*whole)
    np.testing.assert_array_equal(merged.values, expected.values)
    np.testing.assert_array_equal(merged.counted, expected.counted)


@pytest.mark.parametrize("x", [0.0, -3.0])
def test_a_labelled_keypoint_counts_wherever_it_lies(x):
    """A mask such as x > 0 loses labels at the edge of the photograph."""
    truth = np.array([[[x, 50.0], [x, 0.0]]])
    distances = measure(truth + np.array([3.0, 4.0]), truth, np.array([[2, 1]]))
    assert distances.values.tolist() == [[5.0, 5.0]]
    assert distances.counted.all()


def test_an_absent_keypoint_does_not_count_wherever_it_lies():
    truth = np.array([[[0.0, 0.0], [30.0, 40.0]]])
    distances = measure(truth + 1, truth, np.array([[0, 0]]))
    assert not distances.counted.any()
    assert np.isnan(mean_distance(distances.sums_by_person().sum(axis=0)))


def test_visible_and_occluded_keypoints_are_all_labelled_ones():
    predicted, truth, visibility, lengths = people(30)
    every = measure(predicted, truth, visibility, lengths)
    parts = [every.restricted(visibility == v).sums_by_person() for v in (1, 2)]
    np.testing.assert_allclose(parts[0] + parts[1], every.sums_by_person())
    assert all(part[:, 1].sum() > 0 for part in parts)

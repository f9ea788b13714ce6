import numpy as np
import pytest

from hourglass_jax.metrics.bootstrap import Estimate, compare, draw_counts, estimate
from hourglass_jax.metrics.pck import count_correct, torso_lengths
from hourglass_jax.skeleton import LSP


def share(sums):
    """Correct over labelled, in percent: what most scores are made of."""
    return 100 * sums[..., :1] / sums[..., 1:]


def people(count, seed=0, spread=8):
    generator = np.random.default_rng(seed)
    truth = np.random.default_rng(99).uniform(0, 100, (count, 14, 2))
    predicted = truth + generator.normal(0, spread, truth.shape)
    return predicted, truth, np.full((count, 14), 2)


def person_sums(predicted, truth, visibility):
    lengths = torso_lengths(truth, visibility, LSP.torso)
    near = np.linalg.norm(predicted - truth, axis=-1) <= 0.2 * lengths[:, None]
    labelled = np.full(len(truth), 14.0)
    return np.stack([near.sum(axis=1).astype(float), labelled], axis=1)


def slow_score(predicted, truth, visibility):
    """The score of people written out, by the counts that training uses."""
    lengths = torso_lengths(truth, visibility, LSP.torso)
    counts = count_correct(predicted, truth, visibility, lengths)
    return 100 * counts.correct[0].sum() / counts.labelled.sum()


def test_intervals_are_those_of_scoring_every_crowd_anew():
    """Each round's people are put together one by one, and scored from their joints."""
    crowd = people(30)
    found = estimate(person_sums(*crowd), share, rounds=200, seed=3)
    scores = []
    for counts in draw_counts(30, rounds=200, seed=3):
        for row in counts:
            drawn = np.repeat(np.arange(30), row)
            scores.append(slow_score(*(each[drawn] for each in crowd)))
    np.testing.assert_allclose(found.value, slow_score(*crowd))
    np.testing.assert_allclose(found.low, np.percentile(scores, 2.5))
    np.testing.assert_allclose(found.high, np.percentile(scores, 97.5))


def test_intervals_are_those_of_another_generator_within_chance():
    """An own bootstrap, person by person, with Python's generator."""
    import random

    sums = person_sums(*people(60))
    found = estimate(sums, share, rounds=2000, seed=0)
    generator = random.Random(5)
    scores = []
    for _ in range(2000):
        drawn = [sums[generator.randrange(60)] for _ in range(60)]
        correct = sum(row[0] for row in drawn)
        scores.append(100 * correct / sum(row[1] for row in drawn))
    width = (found.high - found.low).item()
    np.testing.assert_allclose(found.low, np.percentile(scores, 2.5), atol=0.1 * width)
    np.testing.assert_allclose(
        found.high, np.percentile(scores, 97.5), atol=0.1 * width
    )


def test_the_interval_of_a_share_is_the_textbooks():
    """One keypoint a person: a binomial, whose interval is +- 1.96 sqrt(pq/n)."""
    correct = np.arange(2000) < 600
    sums = np.stack([correct, np.ones(2000)], axis=1).astype(float)
    found = estimate(sums, share, rounds=2000)
    half = 100 * 1.96 * np.sqrt(0.3 * 0.7 / 2000)
    np.testing.assert_allclose(
        [found.low, found.high], [[30 - half], [30 + half]], atol=0.2
    )


def test_a_comparison_is_between_the_same_people():
    a, b = people(50, seed=1, spread=10), people(50, seed=2, spread=7)
    sums = person_sums(*a), person_sums(*b)
    found = compare(*sums, share, rounds=300, seed=4)
    differences = []
    for counts in draw_counts(50, rounds=300, seed=4):
        for row in counts:
            drawn = np.repeat(np.arange(50), row)
            scores = [slow_score(*(x[drawn] for x in crowd)) for crowd in (a, b)]
            differences.append(scores[1] - scores[0])
    assert found.value[0] > 0
    np.testing.assert_allclose(found.low, np.percentile(differences, 2.5))
    np.testing.assert_allclose(found.high, np.percentile(differences, 97.5))


def test_a_file_is_exactly_as_good_as_itself():
    sums = person_sums(*people(40))
    found = compare(sums, sums, share, rounds=50)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_what_is_hard_for_both_cancels_out():
    """b is a with some joints put right: the difference varies less than the scores."""
    sums = person_sums(*people(100, spread=20))
    better = sums + np.array([1.0, 0.0])
    score, difference = estimate(sums, share), compare(sums, better, share)
    assert difference.high - difference.low < 1e-9
    assert score.high - score.low > 1


def test_every_round_draws_as_many_people_as_there_are():
    drawn = np.concatenate(list(draw_counts(17, rounds=600, seed=0)))
    assert drawn.shape == (600, 17)
    assert (drawn.sum(axis=1) == 17).all()
    np.testing.assert_allclose(drawn.mean(axis=0), 1.0, atol=0.2)


def test_one_seed_one_interval():
    sums = person_sums(*people(40))
    a, b, c = (estimate(sums, share, rounds=100, seed=s) for s in (7, 7, 8))
    assert (a.low, a.high) == (b.low, b.high)
    assert (a.low, a.high) != (c.low, c.high)


def test_rounds_do_not_depend_on_how_many_are_drawn_at_once():
    few, many = (
        np.concatenate(list(draw_counts(9, rounds=100, seed=0, at_once=at_once)))
        for at_once in (7, 100)
    )
    np.testing.assert_array_equal(few, many)


@pytest.mark.parametrize("labelled", [0.0, 1.0])
def test_nothing_to_score_has_no_interval(labelled):
    """Where one person in ten has the joint, rounds without it are left out."""
    sums = np.zeros((10, 2))
    sums[0] = labelled

    def statistic(sums):
        some = np.where(sums[..., 1:] > 0, sums[..., 1:], np.nan)
        return 100 * sums[..., :1] / some

    found = estimate(sums, statistic, rounds=100)
    expected = 100.0 if labelled else np.nan
    assert isinstance(found, Estimate)
    np.testing.assert_array_equal(
        [found.value, found.low, found.high], [[expected]] * 3
    )

import dataclasses

import numpy as np
import pytest

from hourglass_jax.inference.results import Pose
from hourglass_jax.inference.tracking import Tracker, closeness, overlap
from hourglass_jax.skeleton import LSP

SHAPE = np.random.default_rng(0).uniform(10, 90, (14, 2))


def person(x, y=0.0, side=100.0, sure=1.0, shape=SHAPE):
    return Pose(
        keypoints=(shape * side / 100 + [x, y]).astype(np.float32),
        scores=np.full(14, sure, np.float32),
        box=np.array([x, y, x + side, y + side]),
        skeleton=LSP,
    )


def tracks(tracker, time, *people):
    return [pose.track for pose in tracker.update(time, people)]


def test_people_keep_their_numbers_whatever_order_they_come_in():
    tracker = Tracker()
    assert tracks(tracker, 0.0, person(0), person(300)) == [1, 2]
    assert tracks(tracker, 0.04, person(310), person(5)) == [2, 1]
    assert tracks(tracker, 0.08, person(12), person(600), person(320)) == [1, 3, 2]


def test_people_who_cross_are_told_apart_by_their_keypoints():
    """Their boxes are the same in the middle: overlap alone would toss a coin."""
    other = SHAPE[::-1]
    tracker = Tracker()
    for step in range(11):
        a, b = person(10 * step), person(100 - 10 * step, shape=other)
        pair = (a, b) if step % 2 else (b, a)
        found = tracks(tracker, step / 25, *pair)
        if step == 0:
            first = dict(zip("ba", found, strict=True))
        expected = [first["a"], first["b"]] if step % 2 else [first["b"], first["a"]]
        assert found == expected


def test_somebody_hidden_for_a_moment_comes_back_as_the_same():
    tracker = Tracker()
    tracks(tracker, 0.0, person(0))
    assert tracks(tracker, 0.5) == []
    assert tracks(tracker, 0.9, person(4)) == [1]
    assert tracks(tracker, 2.5, person(4)) == [2]  # forgotten


def test_somebody_elsewhere_is_somebody_new():
    tracker = Tracker()
    tracks(tracker, 0.0, person(0))
    assert tracks(tracker, 0.04, person(500)) == [2]


def test_without_sigmas_overlap_decides():
    plain = dataclasses.replace(LSP, sigmas=(0.0,) * 14)
    people = [dataclasses.replace(person(x), skeleton=plain) for x in (0, 300)]
    tracker = Tracker()
    tracker.update(0.0, people)
    assert [p.track for p in tracker.update(0.04, people[::-1])] == [2, 1]


def test_overlap_is_shared_area_by_area_of_both():
    found = overlap([person(0), person(500)], [person(50), person(0, side=50)])
    np.testing.assert_allclose(found, [[1 / 3, 1 / 4], [0, 0]])


def test_closeness_is_oks_over_the_keypoints_seen():
    """By hand: exp(-d^2 / (2 area (2 sigma)^2)), the area 0.53 of the box."""
    known = person(0)
    moved = person(6.0)
    unlike = [
        np.exp(-(6.0**2) / (2 * 0.53 * 100**2 * (2 * sigma) ** 2))
        for sigma in LSP.sigmas
    ]
    assert closeness([moved], [known])[0, 0] == pytest.approx(np.mean(unlike), rel=1e-4)
    half = dataclasses.replace(known, scores=np.float32([1] * 7 + [0] * 7))
    assert closeness([moved], [half])[0, 0] == pytest.approx(
        np.mean(unlike[:7]), rel=1e-4
    )

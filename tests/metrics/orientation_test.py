import numpy as np
import pytest

from hourglass_jax.metrics.orientation import ORIENTATIONS, orientations

SHOULDERS, HIPS = (0, 1), (2, 3)


def person(degrees):
    """A trunk turned clockwise from upright, as the photograph shows it (y down)."""
    turn = np.radians(degrees)
    up = np.array([np.sin(turn), -np.cos(turn)])
    across = np.array([np.cos(turn), np.sin(turn)])
    hips, shoulders = np.array([60.0, 80.0]), np.array([60.0, 80.0]) + 50 * up
    return np.stack([shoulders - across, shoulders + across, hips - across, hips])


def told(keypoints, visibility=None):
    if visibility is None:
        visibility = np.full(keypoints.shape[:2], 2)
    found = orientations(keypoints, visibility, SHOULDERS, HIPS)
    return [ORIENTATIONS[i] if i >= 0 else None for i in found]


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [
        *((angle, "upright") for angle in (0, 40, -40)),
        *((angle, "sideways") for angle in (50, 90, -90, 130, -130)),
        *((angle, "inverted") for angle in (140, 180, -140)),
    ],
)
def test_quarters_of_the_circle_have_names(degrees, expected):
    assert told(person(degrees)[None]) == [expected]


def test_one_labelled_side_is_enough_and_the_rest_is_not_looked_at():
    keypoints = person(180)
    keypoints[[1, 2]] = (-1e6, np.nan)
    assert told(keypoints[None], np.array([[2, 0, 0, 1]])) == ["inverted"]


@pytest.mark.parametrize("visibility", [(0, 0, 2, 2), (2, 2, 0, 0), (0, 0, 0, 0)])
def test_without_shoulders_or_hips_nothing_is_said(visibility):
    assert told(person(0)[None], np.array([visibility])) == [None]


def test_a_trunk_of_no_length_says_nothing():
    assert told(np.zeros((1, 4, 2))) == [None]

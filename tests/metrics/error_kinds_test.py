import numpy as np
import pytest

from hourglass_jax.metrics import error_kinds
from hourglass_jax.metrics.error_kinds import (
    GOOD,
    INVERSION,
    JITTER,
    MISS,
    SWAP,
    UNLABELLED,
    People,
    classify,
    count_kinds,
)
from hourglass_jax.skeleton import COCO

L_WRIST, R_WRIST = (COCO.keypoints.index(f"{side}_wrist") for side in ("left", "right"))
NOSE = COCO.keypoints.index("nose")


@pytest.fixture
def people():
    """Two people in one photograph, far from each other, and one elsewhere."""
    rng = np.random.default_rng(0)
    standing = rng.permutation(17)[:, None] * [0.0, 60.0] + [100.0, 0.0]
    keypoints = np.stack([standing, standing + np.array([900.0, 0.0]), standing])
    return People(
        keypoints=keypoints,
        visibility=np.full((3, 17), 2),
        areas=np.array([8000.0, 8000.0, 8000.0]),
        photographs=np.array([7, 7, 3]),
    )


def kinds_of(people, predicted):
    return classify(predicted, people, COCO.sigmas, COCO.flip)


def moved(people, joint, similarity, person=0):
    """Predictions that are right but for one, which has this similarity."""
    predicted = people.keypoints.copy()
    k = 2 * COCO.sigmas[joint]
    distance = np.sqrt(-np.log(similarity) * 2 * people.areas[person] * k**2)
    predicted[person, joint, 0] += distance
    return predicted


def test_the_labels_themselves_are_good(people):
    assert (kinds_of(people, people.keypoints) == GOOD).all()


@pytest.mark.parametrize(
    ("similarity", "kind"),
    [(0.86, GOOD), (0.84, JITTER), (0.51, JITTER), (0.49, MISS), (1e-9, MISS)],
)
def test_the_bounds_are_those_of_the_paper(people, similarity, kind):
    kinds = kinds_of(people, moved(people, L_WRIST, similarity))
    assert kinds[0, L_WRIST] == kind
    assert (np.delete(kinds.ravel(), L_WRIST) == GOOD).all()


def test_left_for_right_is_an_inversion(people):
    predicted = people.keypoints.copy()
    predicted[0, L_WRIST] = people.keypoints[0, R_WRIST]
    assert kinds_of(people, predicted)[0, L_WRIST] == INVERSION


def test_what_has_no_side_is_never_inverted(people):
    predicted = people.keypoints.copy()
    predicted[0, NOSE] += 300.0
    assert kinds_of(people, predicted)[0, NOSE] == MISS


@pytest.mark.parametrize("theirs", [L_WRIST, R_WRIST])
def test_a_neighbours_joint_is_a_swap(people, theirs):
    predicted = people.keypoints.copy()
    predicted[0, L_WRIST] = people.keypoints[1, theirs]
    assert kinds_of(people, predicted)[0, L_WRIST] == SWAP


def test_another_joint_of_a_neighbour_is_a_miss(people):
    predicted = people.keypoints.copy()
    predicted[0, L_WRIST] = people.keypoints[1, NOSE]
    assert kinds_of(people, predicted)[0, L_WRIST] == MISS


def test_people_of_other_photographs_are_no_neighbours(people):
    predicted = people.keypoints.copy()
    predicted[2, L_WRIST] = people.keypoints[1, L_WRIST]
    assert kinds_of(people, predicted)[2, L_WRIST] == MISS


def test_unlabelled_joints_have_no_kind_and_attract_nothing(people):
    visibility = people.visibility.copy()
    visibility[0, [L_WRIST, NOSE]] = 0
    visibility[1, R_WRIST] = 0
    fewer = People(people.keypoints, visibility, people.areas, people.photographs)
    predicted = people.keypoints.copy()
    predicted[0, R_WRIST] = people.keypoints[0, L_WRIST]
    assert kinds_of(fewer, predicted)[0, R_WRIST] == MISS
    assert kinds_of(fewer, predicted)[0, NOSE] == UNLABELLED


def test_counts_of_parts_add_up(people):
    rng = np.random.default_rng(1)
    kinds = kinds_of(people, people.keypoints + rng.normal(0, 60, (3, 17, 2)))
    whole = count_kinds(kinds)
    np.testing.assert_array_equal(
        count_kinds(kinds[:1]) + count_kinds(kinds[1:]), whole
    )
    np.testing.assert_array_equal(whole.sum(-1), 3)
    assert len({*kinds.ravel().tolist()}) > 2
    assert whole.shape == (17, len(error_kinds.KINDS))

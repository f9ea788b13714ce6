from pathlib import Path

import numpy as np
import pytest

from hourglass_jax.data.annotations import Annotations, Person
from hourglass_jax.data.check_sides import FEWEST, swapped_sides
from hourglass_jax.data.figure_pose import draw_body, draw_build, draw_view
from hourglass_jax.data.leeds import read_joints
from hourglass_jax.skeleton import LSP, MPII, Skeleton

from .check_forms import NAMES, make_people

FIGURE = Skeleton(
    name="figure", keypoints=tuple(NAMES), limbs=(), groups={}, sigmas=(0.0,) * 14
)
CROWD = 300


def find(keypoints, visibility=None, skeleton=FIGURE):
    """The numbers of the people who are named, by kind."""
    if visibility is None:
        visibility = np.full(keypoints.shape[:2], 2)
    people = tuple(
        Person(
            person=number,
            file="photo.jpg",
            where=f"file : person {number}",
            keypoints_img=joints.astype(np.float32),
            visibility=seen.astype(np.uint8),
            center_img=np.zeros(2),
            side_img=1.0,
        )
        for number, (joints, seen) in enumerate(zip(keypoints, visibility, strict=True))
    )
    annotations = Annotations(
        name="crowd", skeleton=skeleton, folder=Path(), splits={"train": people}
    )
    named = {}
    for problem in swapped_sides(annotations):
        named.setdefault(problem.kind, []).append(problem.person)
    return named


def swap(keypoints, person, *names):
    for name in names:
        left = NAMES.index(f"left_{name}")
        keypoints[person, [left, left + 1]] = keypoints[person, [left + 1, left]]


def face_away(keypoints, people):
    """Seen from behind: the same outline, left and right changed over."""
    for person in people:
        swap(keypoints, person, "shoulder", "elbow", "wrist", "hip", "knee", "ankle")


def test_nobody_is_named_where_nothing_is_swapped():
    assert find(make_people(CROWD)) == {}


@pytest.mark.parametrize(
    "names",
    [
        *(("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")),
        *(("knee", "ankle"), ("shoulder",), ("hip",)),
        *(("knee",), ("elbow",), ("wrist",), ("ankle",)),
    ],
    ids=" ".join,
)
def test_a_contradiction_is_named_whichever_way_people_face(names):
    people = make_people(CROWD)
    face_away(people, range(0, CROWD, 2))
    for person in (10, 51):
        swap(people, person, *names)
    assert set(find(people)) == {"left and right swapped"}
    assert sorted(find(people)["left and right swapped"]) == [10, 51]


def test_a_person_swapped_as_a_whole_is_named_where_all_others_face_us():
    people = make_people(CROWD)
    face_away(people, [7, 123])
    kind = "left and right swapped, or seen from the other side"
    assert find(people) == {kind: [7, 123]}


def test_where_some_face_away_they_are_not_named():
    people = make_people(CROWD)
    face_away(people, range(0, CROWD, 20))
    assert find(people) == {}


def test_where_nearly_all_face_away_who_faces_us_is_named():
    people = make_people(CROWD)
    face_away(people, range(1, CROWD))
    assert list(find(people).values()) == [[0]]


def test_people_upside_down_lying_or_of_any_size_are_no_different():
    people = make_people(CROWD)
    for person in range(0, CROWD, 3):
        turn = np.array([[0.0, -1], [1, 0]]) if person % 2 else -np.eye(2)
        people[person] = 7 * people[person] @ turn
    assert find(people) == {}
    face_away(people, [6, 7])
    assert list(find(people).values()) == [[6, 7]]


def test_who_shows_too_little_to_tell_what_is_upright_is_not_named():
    people = make_people(CROWD)
    seen = np.full(people.shape[:2], 2)
    wrists, hips = (NAMES.index(f"left_{name}") for name in ("wrist", "hip"))
    for person in (10, 20, 30):  # wrists just below the hips, where others have them
        people[person, wrists : wrists + 2, 1] = people[person, hips, 1] + 3
        seen[person] = 0
        seen[person, wrists : hips + 2] = 2
    assert find(people, seen) == {}


def test_joints_that_are_absent_tell_nothing():
    people = make_people(CROWD)
    seen = np.full(people.shape[:2], 2)
    seen[np.random.default_rng(0).random(seen.shape) < 0.3] = 0
    swap(people, 3, "hip", "knee", "ankle")
    seen[3] = 2
    seen[3, NAMES.index("left_elbow") : NAMES.index("left_hip")] = 0
    people[seen == 0] = 0
    assert find(people, seen) == {"left and right swapped": [3]}
    seen[3, NAMES.index("left_hip") :] = 0
    assert find(people, seen) == {}


def test_too_few_people_tell_nothing():
    people = make_people(FEWEST - 1)
    swap(people, 3, "hip", "knee", "ankle")
    assert find(people) == {}


def test_a_skeleton_without_sides_tells_nothing():
    names = tuple(f"tip_{i}" for i in range(14))
    tips = Skeleton(
        name="tips", keypoints=names, limbs=(), groups={}, sigmas=(0.0,) * 14
    )
    assert find(make_people(CROWD), skeleton=tips) == {}


def test_drawn_figures_are_not_named_and_swapped_legs_of_theirs_are():
    figures = np.stack([draw_joints(number) for number in range(CROWD)])
    seen = np.full(figures.shape[:2], 2)
    assert find(figures, seen, MPII) == {}
    swapped, legs = [*range(0, CROWD, 20)], [*range(6)]
    for person in swapped:
        figures[person, legs] = figures[person, legs[::-1]]
    named = find(figures, seen, MPII)["left and right swapped"]
    assert set(named) <= set(swapped)
    assert len(named) >= 0.8 * len(swapped)  # some are seen from the side


def draw_joints(number):
    """Joints [16 2] of a figure, which nobody paints."""
    rng = np.random.default_rng(number)
    view = draw_view(rng, draw_body(rng, draw_build(rng)), 256, 256)
    return np.array([view.points[name][:2] for name in MPII.keypoints])


def test_real_people_whose_legs_are_the_wrong_way_round(shared_data):
    # The photographs im02673, im03673 and im04153 show it clearly.
    joints, seen = read_joints(shared_data / "lspet" / "joints.mat", "labelled")
    named = find(joints, seen, LSP)["left and right swapped"]
    assert {2672, 3672, 4152} <= set(named)
    assert len(named) < 0.015 * len(joints)

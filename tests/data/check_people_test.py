import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hourglass_jax.data.annotations import Annotations, Person
from hourglass_jax.data.check_people import (
    FAR_OUTSIDE,
    faults,
    look_alikes,
    misfits,
    repeated,
)
from hourglass_jax.skeleton import LSP

SIZE = (200, 100)


def person(number, file="a.jpg", **changes):
    rng = np.random.default_rng(number)
    fields = {
        "person": number,
        "file": file,
        "where": f"labels : person {number}",
        "keypoints_img": rng.uniform(20, 90, (14, 2)).astype(np.float32),
        "visibility": np.full(14, 2, np.uint8),
        "center_img": np.array([55.0, 55.0]),
        "side_img": 90.0,
    }
    return Person(**fields | changes)


def crowd(*people):
    return Annotations(
        name="crowd", skeleton=LSP, folder=Path(), splits={"train": people}
    )


def kinds(problems):
    return [problem.kind for problem in problems]


def find_misfits(one):
    return kinds(misfits(crowd(one), {"a.jpg": SIZE}))


def move(one, joint, x, y, seen=2):
    points, visibility = one.keypoints_img.copy(), one.visibility.copy()
    points[joint], visibility[joint] = (x, y), seen
    return dataclasses.replace(one, keypoints_img=points, visibility=visibility)


def test_people_who_fit_have_no_fault():
    people = crowd(person(0), person(1), person(2, file="b.jpg"))
    assert [*repeated(people), *faults(people), *look_alikes(people)] == []
    assert list(misfits(people, {"a.jpg": SIZE, "b.jpg": SIZE})) == []


@pytest.mark.parametrize(
    ("x", "y"),
    [(-0.5, 50), (199.5, 50), (50, -0.5), (50, 99.5)],
    ids=["left", "right", "top", "bottom"],
)
def test_a_joint_may_lie_outside_but_not_far(x, y):
    far = FAR_OUTSIDE * max(SIZE)
    outwards = np.sign([x - 50 if y == 50 else 0, y - 50 if x == 50 else 0])
    near, beyond = (np.array([x, y]) + (far + d) * outwards for d in (-0.01, 0.01))
    assert find_misfits(move(person(0), 3, *near)) == []
    assert find_misfits(move(person(0), 3, *beyond)) == [
        "joint far outside the photograph"
    ]


def test_a_joint_that_is_absent_is_nowhere():
    assert find_misfits(move(person(0), 3, 9999, 9999, seen=0)) == []


def test_a_photograph_of_unknown_size_tells_nothing():
    assert list(misfits(crowd(move(person(0), 3, 9999, 0)), {})) == []


@pytest.mark.parametrize(
    ("x", "y", "kinds"),
    [
        (-45.4, 50, []),
        (-45.6, 50, ["box misses the photograph"]),
        (244.4, 50, []),
        (244.6, 50, ["box misses the photograph"]),
        (50, -45.6, ["box misses the photograph"]),
        (50, 144.6, ["box misses the photograph"]),
    ],
)
def test_a_box_must_meet_the_photograph(x, y, kinds):
    assert find_misfits(person(0, center_img=np.array([x, y]))) == kinds


def test_a_number_twice_is_found_within_a_split_and_across():
    again = person(5, person=4)
    apart = {"train": (person(4), person(6)), "test": (again,)}
    within = crowd(person(4), person(6), again)
    for people in (within, dataclasses.replace(within, splits=apart)):
        (problem,) = repeated(people)
        assert problem.kind == "number given twice"
        assert problem.where == "labels : person 5 : number"
        assert problem.found == "4, which labels : person 4 has, too"


def test_the_same_joints_twice_are_a_fault_in_one_photograph_only():
    copy = dataclasses.replace(person(0), person=1, where="labels : person 1")
    (problem,) = faults(crowd(person(0), copy))
    assert problem.kind == "two people with the same joints"
    assert (problem.person, problem.found) == (1, "the same as labels : person 0")
    assert list(look_alikes(crowd(person(0), copy))) == []
    elsewhere = crowd(person(0), dataclasses.replace(copy, file="b.jpg"))
    assert list(faults(elsewhere)) == []
    assert kinds(look_alikes(elsewhere)) == ["same joints in two photographs"]


def test_a_joint_or_two_may_be_the_same():
    seen = np.zeros(14, np.uint8)
    seen[:2] = 2
    points = np.where(seen[:, None] > 0, person(0).keypoints_img, 0).astype("f")
    few = [person(n, keypoints_img=points, visibility=seen) for n in range(2)]
    assert [*faults(crowd(*few)), *look_alikes(crowd(*few))] == []


@pytest.mark.parametrize(("shift", "found"), [(4.4, 1), (4.6, 0)])
def test_nearly_the_same_is_a_twentieth_of_the_box(shift, found):
    near = person(1, keypoints_img=person(0).keypoints_img + np.float32([shift, 0]))
    far = person(2, keypoints_img=person(0).keypoints_img + np.float32(40))
    assert len([*look_alikes(crowd(person(0), near, far))]) == found
    elsewhere = dataclasses.replace(near, file="b.jpg")
    assert list(look_alikes(crowd(person(0), elsewhere))) == []


def test_a_box_without_joints_is_a_fault():
    away = person(0, center_img=np.array([130.0, 55.0]), side_img=60.0)
    assert kinds(faults(crowd(away))) == ["box without joints"]
    assert kinds(faults(crowd(move(away, 0, 101, 55)))) == []

import math

import numpy as np
import pytest

from hourglass_jax.geometry import picture_box, square_box

from .coco_forms import NAMES, content, faults, person, read, split_sizes, write


def test_people_are_read_as_they_stand(tmp_path):
    found = read(write(tmp_path, content()), validation_share=0.0)
    assert split_sizes(found) == {"train": 3}
    assert found.skeleton.keypoints == NAMES
    assert found.skeleton.flip == (0, 2, 1)
    assert found.skeleton.limbs == ((0, 1),)
    first = found.splits["train"][0]
    np.testing.assert_array_equal(
        first.keypoints_img, [[20.5, 30], [10, 40], [30, 45.25]]
    )
    np.testing.assert_array_equal(first.visibility, [2, 1, 2])
    assert (first.person, first.file, first.area_img) == (0, "p1.jpg", 900.5)
    assert first.where.endswith("all.json : annotation 1")
    assert not found.problems


def test_a_box_counts_from_the_outer_edge_of_the_first_pixel(tmp_path):
    whole = person(1, bbox=[0, 0, 80, 70])
    (found,) = read(write(tmp_path, content(whole)), validation_share=0.0).people()
    center, side = square_box(picture_box(70, 80), 1.25)
    np.testing.assert_array_equal(found.center_img, center)
    assert found.side_img == side


@pytest.mark.parametrize("bbox", [None, []])
def test_without_a_box_it_is_that_of_the_joints(tmp_path, bbox):
    joints = [20, 30, 2, 10, 40, 1, 900, 900, 0]
    found = read(write(tmp_path, content(person(1, bbox=bbox, keypoints=joints))))
    (one,) = found.people()
    np.testing.assert_array_equal(one.center_img, [15, 35])
    assert one.side_img == 12.5
    np.testing.assert_array_equal(one.keypoints_img[2], 0)
    assert any("1 people have the box of their joints" in note for note in found.notes)


@pytest.mark.parametrize(
    ("fields", "kind", "field"),
    [
        ({"keypoints": [1] * 8}, "keypoints of wrong length", "keypoints"),
        ({"keypoints": None}, "keypoints of wrong length", "keypoints"),
        ({"keypoints": [1] * 8 + ["2"]}, "keypoints not numbers", "keypoints[8]"),
        ({"keypoints": [True] + [2] * 8}, "keypoints not numbers", "keypoints[0]"),
        ({"keypoints": [None] + [2] * 8}, "keypoints not numbers", "keypoints[0]"),
        (
            {"keypoints": [2, math.nan] + [2] * 7},
            "keypoints not finite",
            "keypoints[1]",
        ),
        (
            {"keypoints": [2, -math.inf] + [2] * 7},
            "keypoints not finite",
            "keypoints[1]",
        ),
        ({"keypoints": [2, 10**400] + [2] * 7}, "keypoints not finite", "keypoints[1]"),
        ({"keypoints": [1] * 8 + [3]}, "visibility out of range", "keypoints[8]"),
        ({"keypoints": [1] * 8 + [1.5]}, "visibility out of range", "keypoints[8]"),
        ({"keypoints": [1] * 8 + [-1]}, "visibility out of range", "keypoints[8]"),
        ({"keypoints": [0] * 9}, "no keypoint", "keypoints"),
        ({"bbox": [1, 2, 3]}, "box of wrong length", "bbox"),
        ({"bbox": "1 2 3 4"}, "box of wrong length", "bbox"),
        ({"bbox": [1, 2, "3", 4]}, "box not numbers", "bbox[2]"),
        ({"bbox": [1, 2, 3, math.inf]}, "box not finite", "bbox[3]"),
        ({"bbox": [1, 2, 0, 4]}, "box without size", "bbox"),
        ({"bbox": [1, 2, 3, -4]}, "box without size", "bbox"),
        ({"bbox": [0.1, 0.2, 0.3, 0.4]}, "box without size", "bbox"),
        ({"bbox": None, "keypoints": [5, 6, 2] * 3}, "joints span no box", "keypoints"),
        ({"area": "9"}, "area not a number", "area"),
        ({"area": math.nan}, "area not a number", "area"),
        ({"area": -1}, "area not a number", "area"),
        ({"iscrowd": 2}, "iscrowd not 0 or 1", "iscrowd"),
        ({"id": None}, "no id", "id"),
        ({"id": True}, "no id", "id"),
        ({"id": 1}, "duplicate id", "id"),
        ({"image_id": 5}, "unknown photograph", "image_id"),
        ({"image_id": "1"}, "unknown photograph", "image_id"),
        ({"image_id": True}, "unknown photograph", "image_id"),
        ({"image_id": [1]}, "unknown photograph", "image_id"),
        ({"category_id": 5}, "unknown category", "category_id"),
        ({"category_id": None}, "unknown category", "category_id"),
    ],
)
def test_what_is_wrong_with_a_person_is_one_problem(tmp_path, fields, kind, field):
    found = read(write(tmp_path, content(person(1), person(2, **fields), person(3))))
    assert faults(found) == [(kind, field)]
    (problem,) = found.problems
    assert problem.person == 1
    assert [one.person for one in found.people()] == [0, 2]
    assert "all.json : annotation" in problem.where


def test_everything_that_is_wrong_with_a_person_is_told(tmp_path):
    bad = person(2, image_id=8, keypoints=[], bbox=[1, 2, 3, 0], area=[])
    found = read(write(tmp_path, content(person(1), bad, 5)))
    assert faults(found) == [
        ("unknown photograph", "image_id"),
        ("keypoints of wrong length", "keypoints"),
        ("box without size", "bbox"),
        ("area not a number", "area"),
        ("not a record", "annotations[2]"),
    ]
    assert {problem.person for problem in found.problems} == {1, 2}
    assert str(found.problems[0]).endswith(
        "all.json : annotation 2 : image_id: 8; expected the id of one in images"
    )


def test_crowds_and_other_categories_are_counted(tmp_path):
    people = (person(1), person(2, iscrowd=1, keypoints=[]), person(3, category_id=4))
    found = read(write(tmp_path, content(*people)))
    assert len(list(found.people())) == 1
    assert not found.problems
    told = " ".join(found.notes)
    assert "left out 1 crowds" in told
    assert "left out 1 annotations of other categories" in told

import dataclasses
import json

import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import (
    COCO,
    LEFT,
    LSP,
    MIDDLE,
    MPII,
    RIGHT,
    SKELETONS,
    Skeleton,
)

# Facts of the data sets, written down apart from the code.
MPII_FLIP = (5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10)
COCO_FLIP = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
LSP_FLIP = (5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13)


@pytest.mark.parametrize(
    ("skeleton", "flip"), [(MPII, MPII_FLIP), (COCO, COCO_FLIP), (LSP, LSP_FLIP)]
)
def test_partners_are_those_of_the_data_set(skeleton, flip):
    assert skeleton.flip == flip


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_flipping_twice_changes_nothing(skeleton):
    assert [skeleton.flip[i] for i in skeleton.flip] == list(range(len(skeleton.flip)))


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_limbs_are_as_symmetric_as_the_body(skeleton):
    limbs = {frozenset(limb) for limb in skeleton.limbs}
    assert {frozenset(skeleton.flip[i] for i in limb) for limb in limbs} == limbs


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_the_torso_runs_from_a_shoulder_to_the_other_sides_hip(skeleton):
    shoulder, hip = (skeleton.keypoints[i].split("_") for i in skeleton.torso)
    assert (shoulder[1], hip[1]) == ("shoulder", "hip")
    # FLIC is scored from right shoulder to left hip, its sides being the picture's.
    sides = {"flic": "rl"}.get(skeleton.name, "lr")
    assert shoulder[0][0] + hip[0][0] == sides


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_a_skeleton_survives_json(skeleton):
    assert Skeleton.from_dict(json.loads(json.dumps(skeleton.to_dict()))) == skeleton


def test_a_side_without_its_partner_is_refused_by_name():
    with pytest.raises(InputError, match="left_eye has no partner; expected right_eye"):
        Skeleton(
            name="pirate",
            keypoints=("nose", "left_eye"),
            limbs=(),
            groups={},
            sigmas=(0.1, 0.1),
        )


@pytest.mark.parametrize("field", ["name", "keypoints", "limbs", "groups", "sigmas"])
def test_a_missing_field_is_an_input_error(field):
    fields = MPII.to_dict()
    del fields[field]
    with pytest.raises(InputError, match="skeleton"):
        Skeleton.from_dict(fields)


def test_an_index_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="an index is not in 0..13"):
        Skeleton.from_dict(LSP.to_dict() | {"limbs": [[0, 14]]})


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_a_file_from_before_partners_were_written_means_the_same(skeleton):
    older = skeleton.to_dict()
    del older["flip"], older["colours"]
    assert Skeleton.from_dict(json.loads(json.dumps(older))) == skeleton


def windmill(**fields):
    return Skeleton(
        **dict(name="windmill", keypoints=("hub", "vane", "sail", "door"))
        | dict(limbs=(), groups={}, sigmas=(0.1,) * 4)
        | fields
    )


def test_partners_need_no_sides_in_their_names():
    skeleton = windmill(flip=(0, 2, 1, 3))
    assert skeleton.flip == (0, 2, 1, 3)
    assert Skeleton.from_dict(json.loads(json.dumps(skeleton.to_dict()))) == skeleton
    assert skeleton != windmill()


def test_colours_are_by_side_unless_given():
    names = ("nose", "left_eye", "right_eye", "chin")
    assert windmill(keypoints=names).colours == (MIDDLE, LEFT, RIGHT, MIDDLE)
    given = ((1, 2, 3), (4, 5, 6), (7, 8, 9), (0, 0, 0))
    skeleton = windmill(colours=given)
    assert skeleton.colours == given
    assert Skeleton.from_dict(json.loads(json.dumps(skeleton.to_dict()))) == skeleton


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (dict(flip=(1, 2, 0, 3)), "vane is the partner of hub, but sail that of vane"),
        (dict(flip=(0, 2, 1)), "3 flip, expected 4"),
        (dict(flip=(0, 2, 1, 4)), "an index is not in 0..3"),
        (dict(colours=((1, 2, 3),)), "1 colours, expected 4"),
        (dict(colours=((1, 2, 256),) * 4), "a colour is not in 0..255"),
        (dict(keypoints=("hub", "vane", "hub", "door")), "2 keypoints are called hub"),
        (dict(keypoints=("hub", "", "sail", "door")), "'' is no name"),
        (dict(keypoints=("hub", "va\nne", "sail", "door")), r"'va\\nne' is no name"),
        (
            dict(keypoints=("l_eye", "r_eye", "x", "y"), flip=(0, 1, 3, 2)),
            "l_eye, r_eye have no partner",
        ),
        (
            dict(keypoints=("l_eye", "l_ear", "x", "y"), flip=(1, 0, 2, 3)),
            "l_eye and l_ear are partners and both left",
        ),
    ],
)
def test_what_does_not_fit_is_refused(fields, message):
    with pytest.raises(InputError, match=f"skeleton 'windmill': {message}"):
        windmill(**fields)


def test_partners_of_a_copy_with_other_names_are_kept():
    renamed = dataclasses.replace(COCO, keypoints=tuple("abcdefghijklmnopq"))
    assert renamed.flip == COCO.flip

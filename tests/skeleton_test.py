import json

import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import COCO, LSP, MPII, SKELETONS, Skeleton

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
def test_the_torso_runs_from_left_shoulder_to_right_hip(skeleton):
    left, right = (skeleton.keypoints[i] for i in skeleton.torso)
    assert (left.removeprefix("left_"), right.removeprefix("right_")) in [
        ("shoulder", "hip"),
        ("l_shoulder", "r_hip"),
    ]


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

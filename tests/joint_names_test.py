import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.joint_names import find_partners, read_name, read_names

LEFT_EYES = (
    *("left_eye", "Left Eye", "LEFT-EYE", "leftEye", "LeftEye", "lefteye", "l_eye"),
    *("L_Eye", "LEye", "lEye", "eye_l", "eye.L", "EyeL", "Eye (left)", "eye left"),
)


@pytest.mark.parametrize("name", LEFT_EYES)
def test_a_side_is_read_however_it_is_spelt(name):
    assert read_name(name) == ("left", "eye")


@pytest.mark.parametrize(
    "name",
    ["nose", "L5", "T12", "lip", "Rib", "collar", "bright", "upright", "root_r2"],
)
def test_a_name_without_a_side_says_none(name):
    assert read_name(name).side == ""


def test_one_skeleton_may_spell_its_sides_in_several_ways():
    assert find_partners(["LeftEye", "nose", "eye.R", "l_ear", "ear right"]) == (
        *(2, 1, 0, 4, 3),
    )


@pytest.mark.parametrize(
    "pair",
    [("LSHO", "RSHO"), ("lknee", "rknee"), ("eyeleft", "eyeright"), ("legL1", "legR1")],
)
def test_some_names_say_a_side_beside_their_mirror_image_alone(pair):
    assert [joint.side for joint in read_names(pair)] == ["left", "right"]
    assert find_partners(pair) == (1, 0)
    assert [read_names([name])[0].side for name in pair] == ["", ""]


def test_every_name_without_its_partner_is_told_with_what_to_write():
    with pytest.raises(
        InputError, match=r"Left Eye, ear_R have no partner; expected Right Eye, ear_L"
    ):
        find_partners(["Left Eye", "nose", "ear_R"])


def test_two_names_of_one_joint_are_refused():
    with pytest.raises(InputError, match="'left_eye' and 'l_eye' both say left eye"):
        find_partners(["left_eye", "right_eye", "l_eye"])

import numpy as np
import pytest

from hourglass_jax.data.annotations import (
    Annotations,
    Person,
    Problem,
    missing_photographs,
    refuse,
)
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import LSP


def person(number, file):
    return Person(
        person=number,
        file=file,
        where="here",
        keypoints_img=np.zeros((14, 2), np.float32),
        visibility=np.zeros(14, np.uint8),
        center_img=np.zeros(2),
        side_img=1.0,
    )


@pytest.fixture
def found(tmp_path):
    """Two people in a photograph that is missing, one in one that is there."""
    (tmp_path / "there.jpg").touch()
    people = person(0, "gone.jpg"), person(1, "gone.jpg"), person(2, "there.jpg")
    return Annotations(
        name="mine", skeleton=LSP, folder=tmp_path, splits={"train": people}
    )


def test_a_missing_photograph_names_all_its_people(found):
    assert [p.person for p in missing_photographs(found)] == [0, 1]


def test_a_refusal_counts_photographs_once_and_names_few(found):
    others = [
        Problem(kind="odd", where=str(i), found="x", expected="y") for i in range(9)
    ]
    with pytest.raises(InputError) as error:
        refuse("mine", [*missing_photographs(found), *others])
    said = str(error.value)
    assert "photograph missing (1): " in said
    assert said.count("gone.jpg") == 1
    assert "odd (9): " in said
    assert "and 4 more" in said
    refuse("mine", [])


def test_who_is_left_out_takes_his_problems_with_him(found):
    problem = Problem(kind="odd", where="x", found="x", expected="y", person=1)
    left = Annotations(
        name="mine",
        skeleton=LSP,
        folder=found.folder,
        splits=found.splits,
        problems=(problem,),
    ).without([1])
    assert [p.person for p in left.people()] == [0, 2]
    assert left.problems == ()

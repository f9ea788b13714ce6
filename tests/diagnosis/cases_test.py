import pytest

from hourglass_jax.diagnosis.cases import default_cases, parse_case
from hourglass_jax.errors import InputError


def test_a_case_is_what_its_name_says():
    for name in ("train:8:4:bfloat16", "inference:2:1:float32:64:16:2"):
        assert parse_case(name).name == name
    assert parse_case("train:8:4:bfloat16").features == 256


@pytest.mark.parametrize(
    "name",
    [
        *("", "train", "train:2:1", "train:0:1:float32", "train:2:x:float32"),
        *("trian:2:1:float32", "train:2:1:float16", "train:2:1:float32:64"),
    ],
)
def test_what_is_no_case_is_refused(name):
    with pytest.raises(InputError, match="expected KIND:STACKS:BATCH:DTYPE"):
        parse_case(name)


def test_the_default_cases_are_all_loads_once():
    names = [case.name for case in default_cases()]
    assert len(set(names)) == len(names) == 4 * 3 * 2
    assert "train:2:4:float32" in names
    assert "inference:8:32:bfloat16" in names

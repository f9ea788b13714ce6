import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference.options import Options, check_scales, make_options


def make(scales=(1.0,), stacks=None, input_size=None):
    return make_options(False, scales, stacks, input_size)


@pytest.mark.parametrize("scales", [(0.5, 2), [0.5, 2], np.array([0.5, 2])])
def test_scales_may_be_any_row_of_numbers(scales):
    assert make(scales) == Options(scales=(0.5, 2.0))


@pytest.mark.parametrize("size", [(64, 32), [64, 32], np.array([64, 32])])
def test_an_input_size_may_be_any_pair_of_whole_numbers(size):
    found = make(input_size=size)
    assert found == Options(input_size=(64, 32))
    assert [type(side) for side in found.input_size] == [int, int]


@pytest.mark.parametrize("size", [None, "auto"])
def test_words_for_an_input_size_are_kept(size):
    assert make(input_size=size) == Options(input_size=size)


def test_whole_numbers_of_other_libraries_are_stacks():
    assert type(make(stacks=np.int64(2)).stacks) is int
    assert make(stacks=jnp.int32(2)) == Options(stacks=2)


@pytest.mark.parametrize(
    "size",
    [128, "Auto", "", (128.0, 128.0), (128,), (1, 2, 3), ("1", "2"), [[1], [1, 2]], {}],
)
def test_what_is_no_input_size_is_refused(size):
    with pytest.raises(InputError, match=r"input size of .*; expected \(height, width"):
        make(input_size=size)


@pytest.mark.parametrize("scales", [1.0, None, "12", ["1"], [[1.0]], [None], {1.0}])
def test_what_are_no_scales_is_refused(scales):
    with pytest.raises(InputError, match="scales of .*; expected one or more numbers"):
        make(scales)


@pytest.mark.parametrize("stacks", [1.0, "1", [1], np.float32(1)])
def test_what_is_no_number_of_stacks_is_refused(stacks):
    with pytest.raises(InputError, match="stacks of .*; expected a whole number"):
        make(stacks=stacks)


def test_a_list_is_checked_as_a_tuple_is(card):
    with pytest.raises(InputError, match="expected multiples of 8"):
        make(input_size=[100, 100]).check(card)
    with pytest.raises(InputError, match=r"scales of \(\); expected"):
        check_scales(make([]).scales)

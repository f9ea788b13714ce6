import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.training.tracing import Steps


def test_steps_are_read_with_both_ends():
    assert Steps.parse("20:25") == Steps(20, 25)


@pytest.mark.parametrize("text", ["20", "0:3", "5:4", "a:b", "1:2:3", ""])
def test_what_is_no_range_of_steps_is_refused(text):
    with pytest.raises(InputError, match="expected START:STOP"):
        Steps.parse(text)


def test_steps_that_never_come_are_refused_and_steps_that_are_over_are_said(capsys):
    with pytest.raises(InputError, match="ends with step 25; expected at most .* 24"):
        Steps(20, 25).check(done=0, total=24)
    Steps(20, 25).check(done=20, total=30)
    assert "step 20 is done already: nothing is traced" in capsys.readouterr().err

"""Two starts of a process that predicts."""

from pathlib import Path

import pytest

from hourglass_jax.diagnosis import start


@pytest.mark.slow
def test_both_starts_say_where_their_time_goes(config_file):
    found = start.measure(config_file)
    assert list(found) == ["cold", "warm"]
    for seconds in found.values():
        parts = [seconds[part] for part in ("imports", "load", "first", "second")]
        assert min(parts) > 0
        assert sum(parts) < seconds["total"]
        # The first prediction compiles or loads the program, the second has it.
        assert seconds["first"] > seconds["second"]
    assert [line.split()[0] for line in start.describe(found).splitlines()] == [
        "cold",
        "warm",
    ]


def test_a_start_that_fails_says_why():
    with pytest.raises(RuntimeError, match="nowhere does not exist"):
        start.measure(Path("nowhere"))

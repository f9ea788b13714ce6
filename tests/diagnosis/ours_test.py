"""Which answer of a contender is compared: that of the way which is timed."""

import numpy as np
import pytest

from hourglass_jax.diagnosis import ours
from hourglass_jax.diagnosis.cases import parse_case

CASE = parse_case("inference:1:2:bfloat16:32:8:1")


@pytest.mark.parametrize("best", ["plain", "folded"])
def test_our_answer_is_of_the_way_that_is_timed(best, tmp_path, monkeypatch):
    monkeypatch.setattr(ours, "fastest", lambda ways, calls: (best, {}))
    made = ours.prepare(CASE, tmp_path)
    again = np.asarray(made.run(), np.float32).transpose(0, 1, 4, 2, 3)
    np.testing.assert_array_equal(made.answer, again)


def test_what_is_compared_depends_on_the_picture(tmp_path):
    """Were all ReLUs shut, every network with the same biases would answer alike."""
    pictures = ours.prepare(CASE, tmp_path).answer[-1]  # [b k h w]
    spread = np.abs(pictures[0] - pictures[1]).max()
    assert spread > 0.02 * np.abs(pictures).max()


@pytest.mark.parametrize("best", ["eager", "autocast"])
def test_so_is_that_of_pytorch(best, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from hourglass_jax.diagnosis import theirs

    ours.prepare(CASE, tmp_path)
    ways = [frozenset(), frozenset({"autocast"})]
    monkeypatch.setattr(theirs, "fastest", lambda ways, calls: (best, {}))
    made = theirs.prepare(CASE, tmp_path, ways)
    np.testing.assert_array_equal(made.answer, made.run().float().numpy())

import cv2
import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.evaluation.reliability import draw_reliability
from hourglass_jax.metrics.reliability import count_reliability

BLUE = (178, 114, 0)  # of the line, in OpenCV's order


def counts(scores):
    return count_reliability(scores, scores > 0.5, np.ones(scores.shape, dtype=bool))


def test_the_line_is_where_the_shares_are(tmp_path):
    """All wrong below a score of half, all right above: a step in the middle."""
    draw_reliability(
        counts(np.linspace(0, 1, 200)[None]), "PCK@0.2", tmp_path / "r.png"
    )
    picture = cv2.imread(str(tmp_path / "r.png"))
    panel = picture[: int(0.71 * len(picture))]
    like_the_line = np.abs(panel.astype(int) - BLUE).max(axis=-1) < 60
    rows, columns = np.nonzero(like_the_line)
    low, high = rows.max(), rows.min()
    rising = columns[np.abs(rows - (low + high) / 2) < 20]
    middle = (columns.min() + columns.max()) / 2
    assert np.abs(rising - middle).max() < 0.06 * np.ptp(columns)
    assert columns[rows < high + 10].min() > middle - 5


def test_nothing_to_draw_is_said(tmp_path):
    with pytest.raises(InputError, match="no keypoint was counted"):
        draw_reliability(counts(np.zeros((0, 14))), "PCK@0.2", tmp_path / "r.png")
    with pytest.raises(InputError, match=r"ends in \.png"):
        draw_reliability(counts(np.zeros((1, 1))), "PCK@0.2", tmp_path / "r.pdf")
    assert list(tmp_path.iterdir()) == []

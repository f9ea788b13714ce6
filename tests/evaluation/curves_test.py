import cv2
import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.evaluation import compare_files, draw_curves, score_files

from .conftest import coco_labels, coco_results, write_json

BLUE, ORANGE = (0, 114, 178), (213, 94, 0)


@pytest.fixture(scope="module")
def compared(mpii_files):
    files = (mpii_files / name for name in ("worse.mat", "better.mat", "valid.h5"))
    return compare_files(*files, "pckh", rounds=20)


def read(path):
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB).astype(int)


def heights(picture, colour, x):
    """Rows, from the bottom, of a colour in the columns of pixels around ``x``."""
    strip = picture[:, x - 2 : x + 3]
    near = (np.abs(strip - colour).sum(axis=-1) < 12).any(axis=1)
    return len(picture) - np.flatnonzero(near)


def test_a_curve_rises_and_the_better_ones_lies_above(compared, tmp_path):
    draw_curves([compared["a"], compared["b"]], tmp_path / "curves.png")
    picture = read(tmp_path / "curves.png")
    assert picture.shape[1] == 1650
    upper = picture[: len(picture) // 2]
    blue, orange = (  # in the third panel, Elbow
        [heights(upper, colour, x).mean() for x in (1031, 1128)]
        for colour in (BLUE, ORANGE)
    )
    assert blue[0] < blue[1]
    assert orange[0] < orange[1]
    assert orange[0] > blue[0]


def test_a_curve_ends_at_the_score(compared):
    result = compared["a"]
    curves = result["curves"]["columns"]
    assert curves["Head"][-1] == result["scores"]["PCKh@0.5"]["Head"]
    mean = result["scores"]["PCKh@0.1"]["pooled over 14 joints"]
    assert curves["Mean"][result["curves"]["thresholds"].index(0.1)] == mean
    values = [entry["value"] for entry in curves["Knee"]]
    assert values == sorted(values)


def test_any_number_of_keypoints_has_room(tmp_path):
    labels = coco_labels([(1, 10.0), (2, 50.0)], 5, list("abcde"))
    truth = write_json(tmp_path / "labels.json", labels)
    results = write_json(tmp_path / "r.json", coco_results(labels, [1.0, 5.0]))
    result = score_files(results, truth, "pck", normalise="box", rounds=5)
    draw_curves([result], tmp_path / "five.png")
    assert (np.abs(read(tmp_path / "five.png") - BLUE).sum(axis=-1) < 12).any()


def test_what_has_no_curve_or_no_png_is_refused(compared, tmp_path):
    with pytest.raises(InputError, match="expected a name that ends in .png"):
        draw_curves([compared["a"]], tmp_path / "curves.jpg")
    with pytest.raises(InputError, match="OKS has none"):
        draw_curves([{"metric": "oks"}], tmp_path / "curves.png")

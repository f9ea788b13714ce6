import json
from pathlib import Path

import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference.boxes import BoxFile, check_boxes

SIZE = (48, 64)


@pytest.fixture
def box_file(tmp_path):
    def write(content):
        path = tmp_path / "boxes.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return BoxFile(path)

    return write


def test_good_boxes_come_back_as_float64():
    boxes = check_boxes([(1, 2, 3, 4), np.array([-5, -5, 100, 100])], SIZE)
    assert boxes.dtype == np.float64
    np.testing.assert_array_equal(boxes, [[1, 2, 3, 4], [-5, -5, 100, 100]])


def test_no_boxes_are_no_boxes():
    assert check_boxes([], SIZE).shape == (0, 4)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([1, 2, 3], "four finite numbers"),
        ([1, 2, 3, 4, 5], "four finite numbers"),
        ([1, 2, float("nan"), 4], "four finite numbers"),
        ([1, 2, float("inf"), 4], "four finite numbers"),
        ([5, 2, 5, 4], "has no extent.*x0 < x1"),
        ([5, 4, 9, 2], "has no extent.*width, height"),
        ([64, 0, 80, 9], "outside the photograph of 64 x 48"),
        ([0, 47.5, 9, 60], "outside the photograph of 64 x 48"),
        ([-9, 0, -0.5, 9], "outside the photograph of 64 x 48"),
        ([0, -9, 9, -0.5], "outside the photograph of 64 x 48"),
    ],
)
def test_a_bad_box_is_named_by_number(box, message):
    with pytest.raises(InputError, match=rf"boxes: box 2 \[.*{message}"):
        check_boxes([[0, 0, 1, 1], box], SIZE)


@pytest.mark.parametrize("boxes", [5, [1, 2, 3, 4], [["a", 1, 2, 3]], [[[1], 2, 3, 4]]])
def test_what_is_no_list_of_boxes_is_refused(boxes):
    with pytest.raises(InputError, match="boxes: "):
        check_boxes(boxes, SIZE)


def test_a_file_gives_boxes_by_name_and_the_longest_path_wins(box_file):
    boxes = box_file({"a.jpg": [[0, 0, 1, 1]], "x/a.jpg": [[0, 0, 2, 2]], "b.jpg": []})
    assert boxes.of(Path("somewhere/a.jpg"), SIZE)[0, 2] == 1
    assert boxes.of(Path("some/x/a.jpg"), SIZE)[0, 2] == 2
    assert boxes.of(Path("b.jpg"), SIZE).shape == (0, 4)


def test_a_name_is_matched_whole(box_file):
    with pytest.raises(InputError, match=r"no entry for .*aa\.jpg"):
        box_file({"a.jpg": []}).of(Path("aa.jpg"), SIZE)


def test_entries_that_were_not_asked_for_are_told(box_file):
    boxes = box_file({"a.jpg": [], "b.jpg": []})
    boxes.of(Path("a.jpg"), SIZE)
    assert boxes.unused == ("b.jpg",)


def test_a_bad_box_in_a_file_names_file_and_photograph(box_file):
    boxes = box_file({"a.jpg": [[0, 0, 0, 0]]})
    with pytest.raises(InputError, match=r"boxes\.json: a\.jpg: box 1 \[0, 0, 0, 0\]"):
        boxes.of(Path("a.jpg"), SIZE)


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "not JSON"), ("[]", "holds a list"), ("", "not JSON")],
)
def test_a_file_of_another_form_is_refused(box_file, content, message):
    with pytest.raises(InputError, match=rf"boxes\.json.* {message}"):
        box_file(content)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.json cannot be read"):
        BoxFile(tmp_path / "none.json")

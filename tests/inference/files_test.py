import json

import cv2
import numpy as np
import pytest

from hourglass_jax.data.photographs import read_photograph
from hourglass_jax.errors import InputError
from hourglass_jax.inference import files
from hourglass_jax.inference.files import find_photographs, predict_files


@pytest.fixture
def write(tmp_path, photograph):
    def write_picture(name):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        assert cv2.imwrite(str(path), photograph)
        return path

    return write_picture


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_each_photograph_becomes_a_picture_and_a_json(
    predictor, photograph, write, tmp_path
):
    path = write("in/a.png")
    assert predict_files(predictor, [path], tmp_path / "out") == 0
    assert names(tmp_path / "out") == ["a.json", "a_pose.png"]
    read = json.loads((tmp_path / "out/a.json").read_text())
    (expected,) = predictor.predict(path)
    assert read["people"] == [expected.to_dict()]
    assert (read["photograph"], read["height"], read["width"]) == (str(path), 48, 64)
    drawn = read_photograph(tmp_path / "out/a_pose.png")
    assert drawn.shape == photograph.shape


def test_the_drawing_keeps_the_colours(predictor, write, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "draw_poses", lambda picture, poses: picture)
    path = write("in/a.png")
    predict_files(predictor, [path], tmp_path / "out")
    drawn = read_photograph(tmp_path / "out/a_pose.png")
    np.testing.assert_array_equal(drawn, read_photograph(path))


def test_boxes_come_from_the_file(predictor, write, tmp_path):
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps({"a.png": [[0, 0, 20, 30], [5, 5, 60, 40]]}))
    predict_files(predictor, [write("in/a.png")], tmp_path / "out", boxes)
    people = json.loads((tmp_path / "out/a.json").read_text())["people"]
    assert [person["box"] for person in people] == [[0, 0, 20, 30], [5, 5, 60, 40]]


def test_an_unusable_photograph_is_named_and_the_others_go_on(
    predictor, write, tmp_path, capsys
):
    inputs = [write("in/a.png"), tmp_path / "in/gone.jpg", write("in/b.png")]
    assert predict_files(predictor, inputs, tmp_path / "out") == 2
    assert names(tmp_path / "out") == [
        *("a.json", "a_pose.png", "b.json", "b_pose.png")
    ]
    said = capsys.readouterr().err
    assert "gone.jpg does not exist" in said
    assert "photographs: 2 done, 1 failed (named above); people: 2;" in said


def test_a_bad_box_fails_its_photograph_alone(predictor, write, tmp_path, capsys):
    boxes = tmp_path / "boxes.json"
    table = {"a.png": [[0, 0, 0, 9]], "b.png": [[0, 0, 9, 9]], "c.png": []}
    boxes.write_text(json.dumps(table))
    inputs = [write("in/a.png"), write("in/b.png")]
    assert predict_files(predictor, inputs, tmp_path / "out", boxes) == 2
    assert names(tmp_path / "out") == ["b.json", "b_pose.png"]
    said = capsys.readouterr().err
    assert "boxes.json: a.png: box 1 [0, 0, 0, 9] has no extent" in said
    assert "entries that were not used: 1 (c.png)" in said


def test_a_bad_box_file_stops_before_anything_is_written(predictor, write, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        predict_files(
            predictor, [write("in/a.png")], tmp_path / "out", tmp_path / "none.json"
        )
    assert not (tmp_path / "out").exists()


def test_equal_names_in_different_folders_do_not_collide(predictor, write, tmp_path):
    inputs = [write(name) for name in ("x/a.png", "y/a.png", "y/a-2.png", "y/a.jpg")]
    assert predict_files(predictor, inputs, tmp_path / "out") == 0
    sources = {
        path.stem: json.loads(path.read_text())["photograph"]
        for path in (tmp_path / "out").glob("*.json")
    }
    assert sources == {
        "a": str(inputs[0]),
        "a-3": str(inputs[1]),
        "a-2": str(inputs[2]),
        "a-4": str(inputs[3]),
    }


def test_folders_patterns_and_files_are_found_once_each(write, tmp_path, capsys):
    a, b = write("in/a.png"), write("in/B.JPG")
    odd = write("in/odd[1].png")
    (tmp_path / "in/notes.txt").write_text("")
    found = find_photographs([b, tmp_path / "in", str(tmp_path / "in/*.png"), odd])
    assert found == [b, a, odd]
    assert "1 other files left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [("empty", "folder without photographs"), ("*.png", "nothing matches")],
)
def test_an_input_without_photographs_is_refused(tmp_path, given, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        find_photographs([tmp_path / given])
    with pytest.raises(InputError, match="no photograph"):
        find_photographs([])


def test_results_never_lie_beside_the_photographs(predictor, write, tmp_path):
    path = write("in/a.png")
    with pytest.raises(InputError, match="is the folder of"):
        predict_files(predictor, [path], tmp_path / "in")
    assert names(tmp_path / "in") == ["a.png"]


def test_an_out_that_is_a_file_is_refused(predictor, write, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        predict_files(predictor, [write("in/a.png")], tmp_path / "out")


def test_a_full_disk_leaves_no_half_file(predictor, write, tmp_path, monkeypatch):
    def fail(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="No space"):
        predict_files(predictor, [write("in/a.png")], tmp_path / "out")
    assert names(tmp_path / "out") == []

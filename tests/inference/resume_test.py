"""Starts that are stopped, and starts that go on from there."""

import json
import re

import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference import photograph_files
from hourglass_jax.inference.journal import CannotWriteError
from hourglass_jax.inference.options import Options

from .film_forms import make
from .results_folder import answers, names


def fail_from(letter, monkeypatch, error):
    """Let the writing of pictures that are called so, or later, raise an error."""
    original = photograph_files.write_picture

    def write(path, picture):
        if path.name >= letter:
            raise error
        original(path, picture)

    monkeypatch.setattr(photograph_files, "write_picture", write)


def test_a_full_disk_leaves_no_half_file(run, write, tmp_path, monkeypatch):
    def fail(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(InputError, match="No space left on device.*--resume"):
        run([write("in/a.png")])
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), CannotWriteError("disk full")])
def test_a_stopped_start_goes_on_where_it_stopped(
    run, write, tmp_path, monkeypatch, error, watch_batches
):
    inputs = [write(f"in/{name}.png") for name in "abcde"]
    run(inputs, out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        fail_from("c", patch, error)
        with pytest.raises(type(error)):
            run(inputs)
    finished = answers(tmp_path / "out")
    assert finished.keys() == {"a.json", "b.json"}
    seen = watch_batches()
    assert run(inputs, resume=True) == 0
    assert sum(seen) == 3
    assert names(tmp_path / "out") == names(tmp_path / "whole")
    for name, (expected,) in answers(tmp_path / "whole").items():
        (person,) = answers(tmp_path / "out")[name]
        np.testing.assert_allclose(
            person["keypoints"], expected["keypoints"], atol=1e-3
        )
    seen.clear()
    assert run(inputs, resume=True) == 0
    assert seen == []


def test_what_failed_is_tried_again_and_other_options_are_refused(run, write, tmp_path):
    good, bad = write("in/a.png"), tmp_path / "in/b.png"
    assert run([good, bad]) == 2
    write("in/b.png")
    assert run([good, bad], resume=True) == 0
    assert set(answers(tmp_path / "out")) == {"a.json", "b.json"}
    with pytest.raises(InputError, match="flip was False .* True now"):
        run([good, bad], resume=True, options=Options(flip=True))


def test_an_interrupted_start_leaves_csv_of_what_was_finished(
    run, write, tmp_path, monkeypatch
):
    fail_from("b", monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run([write(f"in/{name}.png") for name in "abc"], format="csv")
    assert len((tmp_path / "out/poses.csv").read_text().splitlines()) == 2


def refused(message):
    return pytest.raises(InputError, match=message)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({"format": "csv"}, {"format": "json"}, "format was csv .* json now"),
        ({"draw": False}, {"draw": True}, "draw was False .* True now"),
        ({}, {"heatmaps": True}, "heatmaps was False .* True now"),
    ],
)
def test_results_of_another_kind_are_not_gone_on_with(
    run, write, tmp_path, first, second, message
):
    path = write("in/a.png")
    run([path], **first)
    before = names(tmp_path / "out")
    with refused(f"{message}; give the same again, or another --out"):
        run([path], **first | second, resume=True)
    assert names(tmp_path / "out") == before


@pytest.mark.parametrize("form", ["boxes", "annotations"])
def test_only_where_boxes_have_changed_a_photograph_is_answered_again(
    run, write, tmp_path, form, capsys
):
    """Be they given by --boxes, or among the inputs."""
    paths = [write("in/a.png"), write("in/b.png")]
    box = [
        {"image_id": i, "category_id": 1, "bbox": [2, 3, 20, 30]} for i in range(1, 3)
    ]
    annotations = tmp_path / "in/coco.json"
    content = {
        "images": [{"id": i, "file_name": f"{n}.png"} for i, n in ((1, "a"), (2, "b"))],
        "annotations": box,
        "categories": [{"id": 1, "keypoints": ["nose"]}],
    }
    annotations.write_text(json.dumps(content))
    boxes = other = None
    inputs = [annotations]
    if form == "boxes":
        inputs = paths
        boxes = {"a.png": [[0, 0, 20, 30]], "b.png": [[0, 0, 20, 30]]}
        other = boxes | {"b.png": [[0, 0, 20, 31]]}
    run(inputs, boxes)
    before = answers(tmp_path / "out")
    assert run(inputs, boxes, resume=True) == 0
    assert "photographs: 0 done, 2 earlier" in capsys.readouterr().err
    box[1]["bbox"] = [2, 3, 20, 31]
    annotations.write_text(json.dumps(content))
    assert run(inputs, other, resume=True) == 0
    assert "photographs: 1 done, 1 earlier" in capsys.readouterr().err
    after = answers(tmp_path / "out")
    assert after["a.json"] == before["a.json"]
    assert after["b.json"] != before["b.json"]


def test_only_frames_whose_boxes_have_changed_are_answered_again(
    run, tmp_path, watch_batches
):
    film, one = make(tmp_path / "b.mp4"), [[0, 0, 20, 30]]
    boxes = {"b.mp4": {str(i): one for i in range(6)}}
    run([film], boxes, draw=False)
    boxes["b.mp4"]["3"] = [[0, 0, 20, 31]]
    seen = watch_batches()
    run([film], boxes, draw=False, resume=True)
    assert len(seen) == 1


def test_boxes_of_what_was_done_earlier_count_as_used(run, write, tmp_path, capsys):
    inputs = [write("in/a.png"), make(tmp_path / "b.mp4")]
    one = [[0, 0, 20, 30]]
    boxes = {"a.png": one, "b.mp4": {"0": one, "7": one, "99": one}, "c.png": []}
    told = []
    for again in (False, True):
        run(inputs, boxes, resume=again, draw=False)
        (line,) = re.findall("entries that were not used: .*", capsys.readouterr().err)
        told.append(line)
    assert told[0] == told[1]
    assert [name in told[0] for name in ("a.png", "99", "c.png")] == [False, True, True]


@pytest.mark.parametrize("lost", ["a-2.json", "a-2_pose.png", "a-2_heatmaps_2.png"])
def test_results_that_were_deleted_are_made_again(run, write, tmp_path, lost, capsys):
    """Under the same names, and alone."""
    inputs = [write("in/x/a.png"), write("in/y/a.png")]
    boxes = {"a.png": [[0, 0, 20, 30], [5, 5, 60, 40]]}
    assert run(inputs, boxes, heatmaps=True) == 0
    before = names(tmp_path / "out")
    (tmp_path / "out" / lost).unlink()
    (tmp_path / "out/a.json").write_text("kept")
    assert run(inputs, boxes, heatmaps=True, resume=True) == 0
    assert names(tmp_path / "out") == before
    assert (tmp_path / "out/a.json").read_text() == "kept"
    assert "photographs: 1 done, 1 earlier" in capsys.readouterr().err
    assert run(inputs, boxes, heatmaps=True, resume=True) == 0
    assert "photographs: 0 done, 2 earlier" in capsys.readouterr().err


def test_a_film_keeps_its_name_when_more_is_given(run, write, tmp_path):
    film = make(tmp_path / "in.mp4")
    assert run([film]) == 0
    assert run([write("in.png"), film], resume=True) == 0
    assert names(tmp_path / "out") == [
        *("in-2.json", "in-2_pose.png", "in.json", "in_pose.mp4")
    ]
    assert "frames" in json.loads((tmp_path / "out/in.json").read_text())


def test_forgetting_to_resume_loses_nothing(run, write, tmp_path):
    good, bad = write("in/a.png"), tmp_path / "in/b.png"
    assert run([good, bad], format="csv", draw=False) == 2
    before = (tmp_path / "out/poses.csv").read_bytes()
    write("in/b.png")
    journal = tmp_path / "out/poses.jsonl"
    *lines, _ = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines))  # as if it had been interrupted
    with refused(r"holds 1 answers .* --resume, give another --out"):
        run([good, bad], format="csv", draw=False)
    assert (tmp_path / "out/poses.csv").read_bytes() == before
    assert run([good, bad], format="csv", draw=False, resume=True) == 0
    assert run([bad], format="csv", draw=False) == 0
    assert len((tmp_path / "out/poses.csv").read_text().splitlines()) == 2


def test_after_a_start_that_came_to_its_end_a_new_one_begins_anew(run, write, tmp_path):
    """Failures or not: what was wrong, such as a box, may have been corrected."""
    good, bad = write("in/a.png"), tmp_path / "in/b.png"
    assert run([good, bad]) == 2
    write("in/b.png")
    assert run([good, bad]) == 0
    assert {"a.json", "b.json"} <= set(names(tmp_path / "out"))


def test_a_least_score_without_boxes_is_refused(run, write):
    with refused("--min-box-score is for boxes, and there are none"):
        run([write("in/a.png")], least_box_score=0.3)

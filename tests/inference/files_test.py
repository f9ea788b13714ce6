import errno
import json
import os
import re

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from hourglass_jax.data.photographs import read_photograph
from hourglass_jax.errors import InputError
from hourglass_jax.inference import photograph_files
from hourglass_jax.inference.files import predict_files
from hourglass_jax.inference.job import Job
from hourglass_jax.inference.options import Options

from .results_folder import answers, names

TWO = [[0, 0, 20, 30], [5, 5, 60, 40]]


def test_each_photograph_becomes_a_picture_and_a_json(
    run, predictor, photograph, write, tmp_path
):
    path = write("in/a.png")
    assert run([path]) == 0
    assert names(tmp_path / "out") == ["a.json", "a_pose.png"]
    read = json.loads((tmp_path / "out/a.json").read_text())
    (expected,) = predictor.predict(path)
    assert read["people"] == [expected.to_dict()]
    assert (read["photograph"], read["height"], read["width"]) == (str(path), 48, 64)
    drawn = read_photograph(tmp_path / "out/a_pose.png")
    assert drawn.shape == photograph.shape
    assert not np.array_equal(drawn, photograph)


@pytest.mark.parametrize("kept", [0, 10**9])
def test_the_drawing_keeps_the_photograph(run, write, tmp_path, monkeypatch, kept):
    """Whether it is kept in memory or read again."""
    monkeypatch.setattr(photograph_files, "KEPT_PIXELS", kept)
    monkeypatch.setattr(photograph_files, "draw_poses", lambda picture, poses: picture)
    path = write("in/a.png")
    run([path])
    drawn = read_photograph(tmp_path / "out/a_pose.png")
    np.testing.assert_array_equal(drawn, read_photograph(path))


def test_boxes_come_from_the_file(run, write, tmp_path):
    run([write("in/a.png")], {"a.png": TWO})
    people = answers(tmp_path / "out")["a.json"]
    assert [person["box"] for person in people] == TWO


def test_an_unusable_photograph_is_named_and_the_others_go_on(
    run, write, tmp_path, capsys
):
    inputs = [write("in/a.png"), tmp_path / "in/gone.jpg", write("in/b.png")]
    (tmp_path / "in/cut.png").write_bytes((tmp_path / "in/a.png").read_bytes()[:900])
    assert run([*inputs, tmp_path / "in/cut.png"]) == 2
    assert names(tmp_path / "out") == [
        *("a.json", "a_pose.png", "b.json", "b_pose.png")
    ]
    said = capsys.readouterr().err
    assert "gone.jpg does not exist" in said
    assert "cut.png is cut off" in said
    assert "photographs: 2 done, 2 failed (named above); people: 2;" in said


def test_a_photograph_with_a_long_name_has_results_like_others(run, write, tmp_path):
    inputs = [write("in/a.png"), write(f"in/{'b' * 245}.png"), write("in/c.png")]
    assert run(inputs, heatmaps=True) == 0
    results = names(tmp_path / "out")
    assert len(results) == 9
    assert f"{'b' * 220}_heatmaps_1.png" in results


@pytest.mark.parametrize("side", [0, 1])
def test_a_photograph_too_long_for_jpeg_is_drawn_as_png(run, tmp_path, side):
    tall = np.full((70_000, 4, 3), 90, np.uint8)
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in/tall.tif"), np.moveaxis(tall, 0, side))
    assert run([tmp_path / "in/tall.tif"]) == 0
    assert names(tmp_path / "out") == ["tall.json", "tall_pose.png"]
    drawn = read_photograph(tmp_path / "out/tall_pose.png")
    assert drawn.shape[side] == 70_000
    assert run([tmp_path / "in/tall.tif"], resume=True) == 0


def test_a_photograph_too_long_to_be_drawn_is_named_and_others_go_on(
    run, write, tmp_path, capsys
):
    path = write("in/z.png")
    cv2.imwrite(str(tmp_path / "in/long.bmp"), np.zeros((1, 1_010_000, 3), np.uint8))
    assert run([tmp_path / "in/long.bmp", path]) == 2
    assert names(tmp_path / "out") == ["z.json", "z_pose.png"]
    assert "cannot be drawn: 1010000x1 pixels" in capsys.readouterr().err


def test_a_name_too_long_for_a_disk_fails_its_photograph_alone(
    run, write, tmp_path, monkeypatch, capsys
):
    """Some encrypted file systems hold 143 bytes."""
    original = os.replace

    def replace(source, target):
        if "long" in target.name:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        original(source, target)

    monkeypatch.setattr("os.replace", replace)
    assert run([write("in/long.png"), write("in/z.png")]) == 2
    assert names(tmp_path / "out") == ["z.json", "z_pose.png"]
    said = capsys.readouterr().err
    assert "cannot be written (File name too long); give a shorter name" in said


@pytest.mark.parametrize("form", ["json", "csv", "coco"])
def test_a_name_that_is_no_utf8_is_written_as_it_is(run, write, tmp_path, form):
    path = tmp_path / "in" / os.fsdecode(b"caf\xe9.png")
    write("in/a.png").rename(path)
    assert run([path], format=form, draw=False) == 0
    results = [name for name in names(tmp_path / "out") if name != "images.json"]
    content = (tmp_path / "out" / results[0]).read_bytes()
    if form == "csv":
        assert os.fsencode(path) in content
    if form == "json":
        assert json.loads(content)["photograph"] == str(path)


def test_a_bad_box_fails_its_photograph_alone(run, write, tmp_path, capsys):
    boxes = {"a.png": [[0, 0, 0, 9]], "b.png": [[0, 0, 9, 9]], "c.png": []}
    assert run([write("in/a.png"), write("in/b.png")], boxes) == 2
    assert names(tmp_path / "out") == ["b.json", "b_pose.png"]
    said = capsys.readouterr().err
    assert "boxes.json: a.png: box 1 [0, 0, 0, 9] has no extent" in said
    assert "entries that were not used: 1 (c.png)" in said


def test_photographs_without_people_are_answered(run, write, tmp_path):
    assert run([write("in/a.png")], {"a.png": []}) == 0
    assert answers(tmp_path / "out") == {"a.json": []}
    drawn = read_photograph(tmp_path / "out/a_pose.png")
    np.testing.assert_array_equal(drawn, read_photograph(tmp_path / "in/a.png"))


def test_the_smallest_and_a_too_large_photograph(run, tmp_path, capsys):
    """The second one is refused by its header: 1.2 GB are not unpacked."""
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in/tiny.png"), np.full((1, 1, 3), 90, np.uint8))
    small = cv2.imencode(".png", np.zeros((2, 2, 3), np.uint8))[1].tobytes()
    size = (20_000).to_bytes(4, "big") * 2
    (tmp_path / "in/vast.png").write_bytes(small[:16] + size + small[24:])
    assert run([tmp_path / "in"]) == 2
    assert names(tmp_path / "out") == ["tiny.json", "tiny_pose.png"]
    assert "20000x20000 pixels; expected at most" in capsys.readouterr().err


def test_a_bad_box_file_stops_before_anything_is_written(predictor, write, tmp_path):
    job = Job(out=tmp_path / "out", boxes=tmp_path / "none.json")
    with pytest.raises(InputError, match="cannot be read"):
        predict_files(predictor, [str(write("in/a.png"))], job)
    assert not (tmp_path / "out").exists()


def test_equal_names_in_different_folders_do_not_collide(run, write, tmp_path):
    inputs = [write(name) for name in ("x/a.png", "y/a.png")]
    assert run(inputs) == 0
    sources = [
        json.loads((tmp_path / "out" / name).read_text())["photograph"]
        for name in ("a.json", "a-2.json")
    ]
    assert sources == list(map(str, inputs))


def test_results_never_lie_beside_the_photographs(run, write, tmp_path):
    path = write("in/a.png")
    with pytest.raises(InputError, match="is the folder of"):
        run([path], out=tmp_path / "in")
    assert names(tmp_path / "in") == ["a.png"]


def test_an_out_that_is_a_file_is_refused(run, write, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        run([write("in/a.png")])


def test_a_folder_that_may_not_be_written_to_is_one_line(run, write, tmp_path):
    """/proc is a folder in which not even root makes files."""
    with pytest.raises(InputError, match=r"--out /proc/.* cannot be made"):
        run([write("in/a.png")], out=type(tmp_path)("/proc/hourglass"))


def test_coco_results_are_read_and_scored_by_pycocotools(
    run, write, tmp_path, predictor, capsys
):
    inputs = [write(f"in/{number:012}.png") for number in (785, 40083)]
    boxes = {path.name: TWO for path in inputs}
    assert run(inputs, boxes, format="coco", draw=False) == 0
    assert names(tmp_path / "out") == ["images.json", "results.json"]
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert [one["image_id"] for one in results] == [785, 785, 40083, 40083]

    empty = COCO(str(tmp_path / "out/images.json"))
    assert len(empty.loadRes(str(tmp_path / "out/results.json")).anns) == 4
    truth = json.loads((tmp_path / "out/images.json").read_text())
    for number, one in enumerate(results, start=1):
        flagged = np.reshape(one["keypoints"], (-1, 3)) * [1, 1, 0] + [0, 0, 2]
        known = {"id": number, "iscrowd": 0, "area": 900, "bbox": [0, 0, 30, 30]}
        known |= {"num_keypoints": 14, "keypoints": flagged.ravel().tolist()}
        truth["annotations"].append(one | known)
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    ground = COCO(str(tmp_path / "truth.json"))
    evaluation = COCOeval(ground, ground.loadRes(results), "keypoints")
    evaluation.params.kpt_oks_sigmas = np.array(predictor.skeleton.sigmas)
    evaluation.evaluate()
    evaluation.accumulate()
    assert evaluation.eval["precision"][:, :, 0, 0, -1].min() == 1
    capsys.readouterr()


def test_coco_annotations_give_photographs_boxes_and_ids(run, write, tmp_path):
    write("in/a.png")
    content = {
        "images": [{"id": 12, "file_name": "a.png"}],
        "annotations": [{"image_id": 12, "category_id": 1, "bbox": [2, 3, 20, 30]}],
        "categories": [{"id": 1, "keypoints": ["nose"]}],
    }
    (tmp_path / "in/coco.json").write_text(json.dumps(content))
    assert run([tmp_path / "in/coco.json"], format="coco") == 0
    (result,) = json.loads((tmp_path / "out/results.json").read_text())
    assert result["image_id"] == 12
    (image,) = json.loads((tmp_path / "out/images.json").read_text())["images"]
    assert image == {"id": 12, "file_name": "a.png", "width": 64, "height": 48}


def coco_ids(run, write, tmp_path, images, others, capsys):
    """Ids in the results for annotations and other photographs; and what was said."""
    for name in (*(name for _, name in images), *others):
        write(f"in/{name}")
    listed = [{"id": key, "file_name": name} for key, name in images]
    content = {"images": listed, "annotations": [], "categories": []}
    (tmp_path / "in/coco.json").write_text(json.dumps(content))
    inputs = [tmp_path / "in/coco.json"] if images else []
    inputs += [tmp_path / "in" / name for name in others]
    every = dict.fromkeys((*(name for _, name in images), *others), TWO[:1])
    assert run(inputs, every, format="coco", draw=False) == 0
    results = json.loads((tmp_path / "out/results.json").read_text())
    return [one["image_id"] for one in results], capsys.readouterr().err


@pytest.mark.parametrize(
    ("images", "others", "ids", "first"),
    [
        ([], ["a.png", "b.png"], [1, 2], None),
        ([(7, "a.png")], ["x.png", "y.png"], [7, 8, 9], "2 .* numbered from 8 on"),
        ([(7, "a.png"), (8, "a.png")], [], [7, 8], None),
        ([(7, "a.png")], ["7.png", "12.png"], [7, 13, 12], "1 .* numbered from 13"),
        ([], ["12.png", "x.png"], [12, 13], "1 .* numbered from 13"),
        ([("a", "a.png")], ["x.png"], ["a", 1], "1 .* numbered from 1 on"),
    ],
)
def test_ids_of_coco_s_results_are_kept_and_missing_ones_told(
    run, write, tmp_path, capsys, images, others, ids, first
):
    found, said = coco_ids(run, write, tmp_path, images, others, capsys)
    assert found == ids
    assert ("coco: " in said) == (first is not None)
    assert first is None or re.search(f"coco: {first}", said)


def test_csv_has_a_line_a_person_in_the_order_of_the_inputs(run, write, tmp_path):
    inputs = [write("in/b.png"), write("in/a.png")]
    assert run(inputs, {"a.png": TWO, "b.png": TWO[:1]}, format="csv") == 0
    lines = (tmp_path / "out/poses.csv").read_text().splitlines()
    assert lines[0].startswith("file,frame,time,track,box_score,x0,y0,x1,y1,r_ankle_x")
    assert [line.split(",")[0][-5:] for line in lines[1:]] == ["b.png"] + 2 * ["a.png"]


def test_heatmaps_are_a_sheet_a_person_with_a_row_a_stack(run, write, tmp_path):
    run([write("in/a.png")], {"a.png": TWO}, heatmaps=True, draw=False)
    assert names(tmp_path / "out") == [
        *("a.json", "a_heatmaps_1.png", "a_heatmaps_2.png")
    ]
    sheet = read_photograph(tmp_path / "out/a_heatmaps_1.png")
    one = Options(stacks=1)
    run([write("in/a.png")], {"a.png": TWO}, heatmaps=True, options=one)
    shorter = read_photograph(tmp_path / "out/a_heatmaps_1.png")
    np.testing.assert_array_equal(sheet[: len(shorter)], shorter)
    assert len(sheet) - len(shorter) == 132  # a row

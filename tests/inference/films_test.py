import json

import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference import films
from hourglass_jax.inference.video import Film, read_film

from .film_forms import TICKS, make


def read(tmp_path, name="a.json"):
    return json.loads((tmp_path / "out" / name).read_text())


def test_a_film_becomes_a_drawn_film_and_json_with_its_times(run, predictor, tmp_path):
    path = make(tmp_path / "a.mp4")
    assert run([path]) == 0
    content = read(tmp_path)
    assert (content["film"], content["height"], content["width"]) == (str(path), 48, 64)
    assert [frame["frame"] for frame in content["frames"]] == list(range(len(TICKS)))
    times = np.array(TICKS) / 1000
    np.testing.assert_allclose([f["time"] for f in content["frames"]], times)
    expected = list(predictor.predict(read_film(path)))
    found = [frame["people"] for frame in content["frames"]]
    assert found == [[pose.to_dict() for pose in poses] for poses in expected]
    drawn = list(Film(tmp_path / "out/a_pose.mp4").read())
    np.testing.assert_allclose([frame.time for frame in drawn], times)
    plain = list(read_film(path))
    assert all(
        np.abs(frame.picture.astype(int) - p).max() > 60
        for frame, p in zip(drawn, plain, strict=True)
    )


def test_tracks_and_smoothing_are_off_unless_asked_for(run, tmp_path, capsys):
    path = make(tmp_path / "a.mp4")
    run([path], draw=False)
    plain = read(tmp_path)
    assert "jitter" not in plain
    assert "track" not in plain["frames"][0]["people"][0]
    run([path], draw=False, track=True)
    tracked = read(tmp_path)
    assert {p["track"] for f in tracked["frames"] for p in f["people"]} == {1}
    for how in ("one_euro", "savgol"):
        run([path], draw=False, smooth=how)
        smoothed = read(tmp_path)
        assert smoothed["jitter_before"] == tracked["jitter"] > smoothed["jitter"]
        assert "jitter: " in capsys.readouterr().err


def test_boxes_frame_by_frame(run, tmp_path):
    path, boxes = make(tmp_path / "a.mp4"), tmp_path / "boxes.csv"
    boxes.write_text("file,frame,x0,y0,x1,y1\na.mp4,1,2,3,40,30\na.mp4,1,9,9,50,40\n")
    assert run([path], boxes=boxes, draw=False) == 0
    counts = [len(frame["people"]) for frame in read(tmp_path)["frames"]]
    assert counts == [0, 2] + [0] * (len(TICKS) - 2)


def test_a_film_whose_times_stand_still_is_answered_like_others(run, tmp_path, capsys):
    path = make(tmp_path / "a.mkv", shown=(0, 40, 40, 40, *TICKS[4:]))
    assert run([path, make(tmp_path / "b.mp4")], smooth="one_euro") == 0
    content = read(tmp_path)
    times = [frame["time"] for frame in content["frames"]]
    np.testing.assert_allclose(times[:5], [0, 0.04, 0.041, 0.042, 0.16])
    assert np.isfinite([content["jitter_before"], content["jitter"]]).all()
    assert len(read(tmp_path, "b.json")["frames"]) == len(TICKS)
    assert "predict a.mkv 12/14 " in capsys.readouterr().err  # Matroska has no count


def test_a_film_that_cannot_be_drawn_is_named_and_answered(
    run, tmp_path, monkeypatch, capsys
):
    original = films._draw_frame

    def turn_back(pair):
        ticks, picture = original(pair)
        return -ticks, picture

    with monkeypatch.context() as patch:
        patch.setattr(films, "_draw_frame", turn_back)
        assert run([make(tmp_path / "a.mp4")], format="csv") == 2
    said = capsys.readouterr().err
    assert "a.mp4 cannot be drawn: the encoder says" in said
    assert "films: 1 done" in said
    lines = (tmp_path / "out/poses.csv").read_text().splitlines()
    assert len(lines) == 1 + len(TICKS)


@pytest.mark.parametrize("wish", [{"track": True}, {"smooth": "savgol"}])
def test_tracks_of_photographs_alone_are_refused(run, write, tmp_path, wish):
    (option,) = wish
    with pytest.raises(InputError, match=f"--{option} is for films, and there is none"):
        run([write("in/a.png")], **wish)
    assert not (tmp_path / "out").exists()
    assert run([write("in/a.png"), make(tmp_path / "b.mp4")], **wish) == 0


def test_csv_has_a_line_a_person_and_frame(run, tmp_path):
    run([make(tmp_path / "a.mp4")], format="csv", track=True)
    lines = (tmp_path / "out/poses.csv").read_text().splitlines()
    assert len(lines) == 1 + len(TICKS)
    assert lines[2].split(",")[1:4] == ["1", "0.04", "1"]


def test_coco_results_of_a_film_are_refused(run, tmp_path):
    with pytest.raises(InputError, match="is a film, and COCO's results are of"):
        run([make(tmp_path / "a.mp4")], format="coco")


def test_heatmaps_of_a_film_are_refused(run, tmp_path):
    with pytest.raises(InputError, match=r"a\.mp4 is a film, and --heatmaps"):
        run([make(tmp_path / "a.mp4")], heatmaps=True)
    assert not (tmp_path / "out").exists()


def test_a_film_cut_off_is_answered_so_far_and_named(run, tmp_path, capsys):
    path = make(tmp_path / "a.mp4", movflags="faststart")
    path.write_bytes(path.read_bytes()[:-400])
    other = make(tmp_path / "b.mp4")
    (tmp_path / "c.mp4").write_text("nothing")
    assert run([path, tmp_path / "c.mp4", other]) == 2
    said = capsys.readouterr().err
    assert "a.mp4 is cut off after 5 frames of 12" in said
    assert "c.mp4 cannot be read" in said
    count = len(read(tmp_path)["frames"])
    assert count == 5
    assert len(list(Film(tmp_path / "out/a_pose.mp4").read())) == count
    assert len(read(tmp_path, "b.json")["frames"]) == len(TICKS)


def test_a_stopped_film_goes_on_where_it_stopped(
    run, tmp_path, monkeypatch, watch_batches
):
    path = make(tmp_path / "a.mp4")
    run([path], draw=False, out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        original = films._entry

        def fail(film, task):
            if task.source[0] == 5:
                raise KeyboardInterrupt
            return original(film, task)

        patch.setattr(films, "_entry", fail)
        with pytest.raises(KeyboardInterrupt):
            run([path])
    seen = watch_batches()
    assert run([path], resume=True) == 0
    assert sum(seen) == len(TICKS) - 5
    frames = read(tmp_path)["frames"]
    expected = json.loads((tmp_path / "whole/a.json").read_text())["frames"]
    for one, other in zip(frames, expected, strict=True):
        assert one["time"] == other["time"]
        points = (x["people"][0]["keypoints"] for x in (one, other))
        np.testing.assert_allclose(*points, atol=1e-3)

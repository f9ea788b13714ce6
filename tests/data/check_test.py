import json
import struct
import zlib

import cv2
import numpy as np
import pytest

from hourglass_jax.config import SourceConfig
from hourglass_jax.data import check as check_module
from hourglass_jax.data.check import check, format_report
from hourglass_jax.errors import InputError

from .check_forms import (
    NAMES,
    PEOPLE,
    change,
    check_folder,
    draw_photograph,
    json_path,
    kinds,
    write_folder,
)


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "mine")


def snapshot(folder):
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
    }


def test_a_clean_folder_has_no_finding_and_is_left_as_it_is(folder):
    before = snapshot(folder)
    report = check_folder(folder)
    assert report.errors == ()
    assert report.suspicions == ()
    assert snapshot(folder) == before
    told = report.to_dict()
    assert told["people"] == {"train": 50, "validation": 10}
    assert told["photographs"] == {"present": 6, "missing": 0}
    assert told["labelled"] == dict.fromkeys(NAMES, PEOPLE)


def bomb():
    """A PNG that says it has 30,000 x 30,000 pixels."""

    def chunk(kind, body):
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(999))), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("photograph missing", lambda path: path.unlink()),
        ("photograph empty", lambda path: path.write_bytes(b"")),
        (
            "photograph cut off",
            lambda path: path.write_bytes(path.read_bytes()[:-100]),
        ),
        ("photograph not a picture", lambda path: path.write_text("<html>404</html>")),
        ("photograph too large", lambda path: path.write_bytes(bomb())),
    ],
)
def test_a_bad_photograph_is_found_once(folder, kind, spoil):
    spoil(folder / "images" / "photo2.png")
    before = snapshot(folder)
    report = check_folder(folder)
    assert [problem.kind for problem in report.errors] == [kind]
    assert report.errors[0].where == str(folder / "images" / "photo2.png")
    assert report.suspicions == ()
    assert snapshot(folder) == before


def set_keypoint(place, value):
    def edit(_, people):
        people[3]["keypoints"][place] = value

    return edit


def set_field(name, value):
    return lambda _, people: people[3].__setitem__(name, value)


def copy_joints(shift):
    """Person 3 gets the joints of another one in the same photograph."""

    def edit(_, people):
        other = next(p for p in people[4:] if p["image_id"] == people[3]["image_id"])
        joints = np.array(other["keypoints"]).reshape(-1, 3)
        joints[:, :2] += shift
        people[3]["keypoints"] = joints.ravel().tolist()
        people[3]["bbox"] = other["bbox"]

    return edit


@pytest.mark.parametrize(
    ("kind", "field", "edit"),
    [
        (
            "keypoints of wrong length",
            "keypoints",
            lambda _, people: people[3]["keypoints"].pop(),
        ),
        ("keypoints not numbers", "keypoints[4]", set_keypoint(4, "left")),
        ("keypoints not finite", "keypoints[4]", set_keypoint(4, float("nan"))),
        ("keypoints not finite", "keypoints[4]", set_keypoint(4, float("inf"))),
        ("visibility out of range", "keypoints[5]", set_keypoint(5, 3)),
        ("box without size", "bbox", set_field("bbox", [10, 10, 0, 20])),
        ("box without size", "bbox", set_field("bbox", [10, 10, -5, 20])),
        ("no keypoint", "keypoints", set_field("keypoints", [0] * 42)),
        ("duplicate id", "id", set_field("id", 0)),
        ("unknown photograph", "image_id", set_field("image_id", 99)),
        ("unknown category", "category_id", set_field("category_id", 99)),
        ("joint far outside the photograph", "keypoints", set_keypoint(3, 400.0)),
        ("box without joints", "box", set_field("bbox", [2, 2, 4, 4])),
        ("two people with the same joints", "keypoints", copy_joints(0)),
    ],
)
def test_a_bad_annotation_is_found_once(folder, kind, field, edit):
    change(folder, edit)
    before = snapshot(folder)
    report = check_folder(folder)
    assert [problem.kind for problem in report.errors] == [kind]
    file, record, where = report.errors[0].where.split(" : ")
    assert file == str(json_path(folder, "train"))
    assert record.startswith("annotation ")
    assert where == field
    assert report.suspicions == ()
    assert snapshot(folder) == before


def test_a_box_that_misses_the_photograph_is_found(folder):
    change(folder, set_field("bbox", [500, 10, 40, 50]))
    assert "box misses the photograph" in kinds(check_folder(folder).errors)


def test_people_with_nearly_the_same_joints_are_suspicious(folder):
    change(folder, copy_joints(0.5))
    report = check_folder(folder)
    assert report.errors == ()
    assert kinds(report.suspicions) == ["two people with nearly the same joints"]


def test_swapped_sides_are_suspicious(folder):
    def swap(_, people):
        joints = np.array(people[3]["keypoints"]).reshape(-1, 3)
        legs = [NAMES.index(f"left_{name}") for name in ("hip", "knee", "ankle")]
        for left in legs:
            joints[[left, left + 1]] = joints[[left + 1, left]]
        people[3]["keypoints"] = joints.ravel().tolist()

    change(folder, swap)
    report = check_folder(folder)
    assert report.errors == ()
    (found,) = report.suspicions
    assert found.kind == "left and right swapped"
    # Arms that contradict legs, or legs that contradict arms: it is the same.
    assert "left_elbow/right_elbow" in found.found


def test_a_photograph_of_two_splits_is_found(folder):
    def borrow(content, people):
        content["images"][0]["file_name"] = "photo2.png"

    change(folder, borrow, "val")
    assert kinds(check_folder(folder).errors) == ["same photograph in two splits"]


def test_a_copy_under_another_name_is_found(folder):
    images = folder / "images"
    (images / "photo5.png").write_bytes((images / "photo2.png").read_bytes())
    report = check_folder(folder)
    assert kinds(report.errors) == ["same photograph in two splits"]
    assert "the same bytes as images/photo2.png of train" in report.errors[0].found
    assert report.suspicions == ()


def test_a_near_duplicate_is_suspicious(folder):
    brighter = cv2.convertScaleAbs(draw_photograph(2), alpha=0.9, beta=12)
    cv2.imwrite(str(folder / "images" / "photo5.png"), brighter)
    report = check_folder(folder)
    assert report.errors == ()
    assert kinds(report.suspicions) == ["nearly the same photograph in two splits"]


def test_all_are_counted_and_the_first_are_printed(folder, monkeypatch):
    monkeypatch.setattr(check_module, "_PRINTED", 3)
    change(folder, lambda _, people: [p.update(keypoints=[1]) for p in people])
    lines = format_report(check_folder(folder)).splitlines()
    start = lines.index("  keypoints of wrong length: 50")
    assert lines[start - 1] == "errors: 50"
    assert all(" : keypoints: [1]; expected" in x for x in lines[start + 1 : start + 4])
    assert lines[start + 4] == "    and 47 more; --json lists all"


def test_everything_is_there_as_json(folder):
    (folder / "images" / "photo2.png").unlink()
    told = json.loads(json.dumps(check_folder(folder).to_dict()))
    assert told["photographs"] == {"present": 5, "missing": 1}
    (error,) = told["errors"]
    assert error["kind"] == "photograph missing"
    assert error["found"] == "no such file, for 10 annotated"


def test_what_cannot_be_told_of_few_people_is_said(folder):
    told = "left and right cannot be checked with fewer than 50 people"
    assert told not in check_folder(folder).notes
    change(folder, lambda _, people: people.__delitem__(slice(20, None)))
    assert f"note: {told}" in format_report(check_folder(folder)).splitlines()


def test_what_is_drawn_cannot_be_checked(tmp_path):
    with pytest.raises(InputError, match="check: synthetic_people is drawn"):
        check(SourceConfig(), tmp_path)

import json
from pathlib import Path

import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference.box_files import BoxFile

SIZE = (48, 64)


@pytest.fixture
def box_file(tmp_path):
    def write(content, name="boxes.json", **options):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return BoxFile(path, **options)

    return write


def detection(image, box, score=0.9, category=1):
    return {"image_id": image, "bbox": box, "score": score, "category_id": category}


def film_file(box_file, numbers):
    return box_file({"a.mp4": {str(i): [[0, 0, 9, 9]] for i in numbers}, "b.mp4": []})


def test_a_file_gives_boxes_by_name_and_the_longest_path_wins(box_file):
    boxes = box_file({"a.jpg": [[0, 0, 1, 1]], "x/a.jpg": [[0, 0, 2, 2]], "b.jpg": []})
    assert boxes.of(Path("somewhere/a.jpg"), SIZE).boxes[0, 2] == 1
    assert boxes.of(Path("some/x/a.jpg"), SIZE).boxes[0, 2] == 2
    assert boxes.of(Path("b.jpg"), SIZE).boxes.shape == (0, 4)


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


def test_a_film_has_boxes_frame_by_frame_or_the_same_in_all(box_file):
    boxes = box_file({"a.mp4": {"0": [[0, 0, 1, 1]], "2": []}, "b.mp4": [[0, 0, 5, 5]]})
    found = [len(boxes.of(Path("a.mp4"), SIZE, frame=i).boxes) for i in range(4)]
    assert found == [1, 0, 0, 0]
    assert boxes.of(Path("b.mp4"), SIZE, frame=7).boxes[0, 3] == 5


def test_boxes_for_frames_are_none_of_a_photograph(box_file):
    csv = "file,frame,x0,y0,x1,y1\na.jpg,0,10,15,50,40\n"
    for boxes in (box_file(csv, "b.csv"), box_file({"a.jpg": {"0": 5}})):
        with pytest.raises(InputError, match=r"a\.jpg has boxes for frames, such as 0"):
            boxes.of(Path("a.jpg"), SIZE)


def test_frames_that_a_film_does_not_have_are_told(box_file):
    boxes = film_file(box_file, numbers=range(1, 4))
    for frame in range(3):
        boxes.of(Path("a.mp4"), SIZE, frame=frame)
    assert boxes.unused == ("a.mp4 frame 3", "b.mp4")


def test_a_bad_box_in_a_film_names_the_frame(box_file):
    boxes = box_file({"a.mp4": {"5": [[0, 0, 0, 0]]}, "b.mp4": [[0, 0, 0, 0]]})
    with pytest.raises(InputError, match=r"a\.mp4 frame 5: box 1 \[0, 0, 0, 0\]"):
        boxes.of(Path("a.mp4"), SIZE, frame=5)
    with pytest.raises(InputError, match=r"b\.mp4: box 1"):  # the same in all
        boxes.of(Path("b.mp4"), SIZE, frame=5)


def test_what_an_earlier_start_answered_is_not_told_as_unused(box_file):
    boxes = film_file(box_file, numbers=range(3))
    boxes.skip(Path("a.mp4"))
    boxes.skip(Path("none.mp4"))
    assert boxes.unused == ("b.mp4",)
    boxes = film_file(box_file, numbers=range(4))
    boxes.skip(Path("a.mp4"), frames=[0, 1])
    boxes.of(Path("a.mp4"), SIZE, frame=2)
    assert boxes.unused == ("a.mp4 frame 3", "b.mp4")
    boxes = box_file([detection(785, [1, 2, 9, 9]), detection("p", [1, 2, 9, 9])])
    boxes.skip(Path("any.jpg"), photograph_id=785)
    boxes.skip(Path("p.jpg"))
    assert boxes.unused == ()


def test_coco_detections_are_found_by_id_or_by_the_number_in_the_name(box_file):
    boxes = box_file([detection(785, [1, 2, 10, 20], 0.5), detection(9, [0, 0, 5, 5])])
    people = boxes.of(Path("000000000785.jpg"), SIZE)
    np.testing.assert_array_equal(people.boxes, [[0.5, 1.5, 10.5, 21.5]])
    np.testing.assert_array_equal(people.scores, [0.5])
    assert boxes.of(Path("any.jpg"), SIZE, photograph_id=9).boxes[0, 2] == 4.5
    assert boxes.of(Path("000000000001.jpg"), SIZE).boxes.shape == (0, 4)
    with pytest.raises(InputError, match="give COCO's annotations as input"):
        boxes.of(Path("holiday.jpg"), SIZE)


@pytest.mark.parametrize(
    ("image_id", "name", "given"),
    [
        ("p0", "p0.jpg", None),
        ("p0.jpg", "p0.jpg", None),
        ("785", "785.jpg", None),
        (785, "000785.jpg", None),
        ("p0", "p0.jpg", 7),  # numbers say nothing of texts
        (785, "785.jpg", "p0"),
        ("p0", "other.jpg", "p0"),
    ],
)
def test_ids_are_what_detectors_make_of_names(box_file, image_id, name, given):
    boxes = box_file([detection(image_id, [1, 2, 10, 20])])
    assert len(boxes.of(Path(name), SIZE, given).boxes) == 1


@pytest.mark.parametrize(("name", "given"), [("785.jpg", None), ("p0.jpg", "a")])
def test_a_detector_that_found_nobody_at_all_says_so(box_file, name, given):
    assert len(box_file([]).of(Path(name), SIZE, given).boxes) == 0


def test_a_photograph_never_gets_the_boxes_of_another_s_id(box_file):
    """The detector found nobody in 7, which is called as 785 is numbered."""
    boxes = box_file([detection(785, [1, 2, 10, 20])])
    assert len(boxes.of(Path("785.jpg"), SIZE, photograph_id=7).boxes) == 0
    boxes = box_file([detection("b", [1, 2, 10, 20])])
    assert len(boxes.of(Path("b.jpg"), SIZE, photograph_id="a").boxes) == 0


@pytest.mark.parametrize("given", [None, 786])
def test_a_number_is_not_looked_for_among_texts(box_file, given):
    boxes = box_file([detection("p0", [1, 2, 10, 20])])
    with pytest.raises(InputError, match=r"no entry for 786\.jpg; no id in it is its"):
        boxes.of(Path("786.jpg"), SIZE, given)


def test_people_of_another_category_are_no_empty_file(box_file):
    some = [detection(1, [0, 0, 9, 9], category=0)] * 2
    with pytest.raises(InputError, match="all are of category 0; people are 1"):
        box_file(some)
    other = detection(1, [0, 0, 9, 9], category=17)
    assert box_file([*some, other]).left_out == 3  # it says which things are which


def test_detections_of_other_things_and_of_low_score_are_counted(box_file):
    rows = [detection(1, [0, 0, 9, 9], score) for score in (0.2, 0.6)]
    rows.append(detection(1, [0, 0, 9, 9], category=17))
    boxes = box_file(rows, least_score=0.5)
    people = boxes.of(Path("1.jpg"), SIZE)
    assert (people.scores.tolist(), boxes.left_out) == ([0.6], 2)


def test_coco_annotations_give_people_without_crowds(box_file):
    annotation = {"image_id": 4, "category_id": 1, "bbox": [0, 0, 9, 9]}
    content = {
        "images": [{"id": 4, "file_name": "in/a.jpg"}],
        "annotations": [annotation, annotation | {"iscrowd": 1}],
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose"]}],
    }
    boxes = box_file(content)
    people = boxes.of(Path("here/in/a.jpg"), SIZE)
    assert people.boxes.tolist() == [[-0.5, -0.5, 8.5, 8.5]]
    assert people.scores is None
    assert boxes.left_out == 1


def test_csv_says_by_its_columns_what_its_boxes_are(box_file):
    corners = box_file("file,x0,y0,x1,y1\na.jpg,1,2,30,40\n", "a.csv")
    extents = box_file(
        "file,x,y,width,height,score\na.jpg,1.5,2.5,29,38,0.5\n", "b.csv"
    )
    one, other = (file.of(Path("a.jpg"), SIZE) for file in (corners, extents))
    np.testing.assert_array_equal(one.boxes, other.boxes)
    assert (one.scores, other.scores.tolist()) == (None, [0.5])
    film = box_file("file,frame,x0,y0,x1,y1\na.mp4,3,1,2,30,40\n", "c.csv")
    assert len(film.of(Path("a.mp4"), SIZE, frame=3).boxes) == 1
    assert len(film.of(Path("a.mp4"), SIZE, frame=2).boxes) == 0


@pytest.mark.parametrize(
    ("content", "name", "where"),
    [
        ({"a.jpg": [[0, 0, 9, 9]]}, "b.json", ""),
        ([{"image_id": 1, "bbox": [0, 0, 9, 9]}], "b.json", r" : \[0\]"),
        ("file,x0,y0,x1,y1\na.jpg,0,0,9,9\n", "b.csv", " : line 2"),
        (
            {
                "images": [{"id": 4, "file_name": "a.jpg"}],
                "annotations": [
                    {"image_id": 4, "category_id": 1, "bbox": [0, 0, 9, 9]}
                ],
                "categories": [{"id": 1, "keypoints": ["nose"]}],
            },
            "b.json",
            r" : annotations\[0\]",
        ),
    ],
)
def test_a_least_score_needs_scores(box_file, content, name, where):
    box_file(content, name)
    with pytest.raises(InputError, match=rf"{name}{where}: no score; --min-box-score"):
        box_file(content, name, least_score=0.5)


def test_a_least_score_is_a_finite_number(box_file):
    with pytest.raises(InputError, match="least score of nan"):
        box_file([], least_score=float("nan"))


def test_a_byte_order_mark_is_no_fault(box_file):
    boxes = box_file('\ufeff{"a.jpg": [[0, 0, 9, 9]]}')
    assert len(boxes.of(Path("a.jpg"), SIZE).boxes) == 1


def scored(score):
    return f'[{{"image_id": 1, "bbox": [0, 0, 9, 9], "score": {score}}}]'


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        *(
            (scored(score), "b.json", r": \[0\]: a score of .*finite number")
            for score in ("NaN", "-Infinity", '"0.1"', "true", "1" + 400 * "0")
        ),
        (
            "file,x0,y0,x1,y1,score\na.jpg,1,2,3,4,nan\n",
            "b.csv",
            "line 2: a score of nan; expected a finite number",
        ),
        ('{"a.jpg": [], "b.jpg": [], "a.jpg": []}', "b.json", r"'a\.jpg' twice"),
        ('{"a.mp4": {"1": [], "01": []}}', "b.json", r"a\.mp4: a frame twice"),
        ('[{"image_id": [1], "bbox": []}]', "b.json", r": \[0\]: \[1\] for a phot"),
        ('[{"image_id": true, "bbox": []}]', "b.json", r": \[0\]: True for a phot"),
        ("{", "b.json", "not JSON"),
        ("", "b.json", "not JSON"),
        ("5", "b.json", "holds a int; expected"),
        ("[1]", "b.json", "holds a list, but not of objects"),
        ('[{"image_id": 1}]', "b.json", "holds a list, but not of objects"),
        ('{"a.mp4": {"first": []}}', "b.json", "a.mp4.*numbers of frames"),
        ("name,x0\na,1\n", "b.csv", "is CSV without these columns"),
        ("file,x0,y0,x1,y1\na.jpg,1,2,x,4\n", "b.csv", "line 2.*expected numbers"),
        (
            "file,x0,y0,x1,y1,score\na.jpg,1,2,3,4,1\na.jpg,1,2,3,4,\n",
            "b.csv",
            "some boxes have a score and some have none",
        ),
    ],
)
def test_a_file_of_another_form_is_refused(box_file, content, name, message):
    with pytest.raises(InputError, match=rf"b\.(json|csv).* {message}"):
        box_file(content, name)


@pytest.mark.parametrize("name", ["none.json", "none.csv"])
def test_a_missing_file_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=rf"{name} cannot be read"):
        BoxFile(tmp_path / name)

import json

import numpy as np
import pytest

from hourglass_jax.errors import InputError

from .mpii_labels import (
    EMPTY,
    FORMS,
    make_people,
    of_split,
    official_rect,
    read,
    structs,
    write_bearpaw,
    write_form,
    write_mmpose,
    write_official,
    write_princeton,
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_people_as_they_were_annotated(tmp_path, form):
    people = write_form(tmp_path, form)
    annotations = read(tmp_path)
    assert annotations.problems == ()
    assert annotations.folder == tmp_path / "images"
    assert annotations.skeleton.name == "mpii"
    for split in ("train", "validation"):
        for found, person in zip(
            annotations.splits[split], of_split(people, split), strict=True
        ):
            assert found.file == person["file"]
            x, y = person["objpos"]
            scale = person["scale"]
            np.testing.assert_allclose(found.center_img, [x - 1, y + 15 * scale - 1])
            assert found.side_img == pytest.approx(250 * scale)
            joints = person["joints"]
            absent = ~joints.any(-1)
            expected = np.where(absent[:, None], 0, joints[:, :2] - 1)
            np.testing.assert_allclose(found.keypoints_img, expected)
            seen = np.where(joints[:, 2] == 1, 2, 2 if form == "mmpose" else 1)
            np.testing.assert_array_equal(found.visibility, np.where(absent, 0, seen))


@pytest.mark.parametrize("form", FORMS[:3])
def test_forms_that_number_people_give_them_the_same_numbers(tmp_path, form):
    people = write_form(tmp_path, form)
    annotations = read(tmp_path)
    for split in ("train", "validation"):
        assert [person.person for person in annotations.splits[split]] == [
            100 * p["photograph"] + p["number"] for p in of_split(people, split)
        ]


@pytest.mark.parametrize("form", ["official", "princeton"])
def test_head_sizes_are_read_where_a_form_has_them(tmp_path, form):
    write_form(tmp_path, form)
    # The head boxes are 30 x 40.
    assert {round(p.head_size_img, 6) for p in read(tmp_path).people()} == {30}


def test_squares_adjusted_twice_are_refused(tmp_path):
    people = make_people()
    for person in people:
        person["objpos"] = person["objpos"] + (0, 15 * person["scale"])
        person["scale"] *= 1.25
    write_bearpaw(tmp_path / "mpii_annotations.json", people)
    with pytest.raises(InputError, match=r"centres and scales are already adjusted"):
        read(tmp_path)


def test_squares_never_adjusted_are_refused(tmp_path):
    people = make_people()
    annotated = {
        "center": np.array([person["objpos"] for person in people]),
        "scale": np.array([person["scale"] for person in people]),
    }
    write_princeton(tmp_path / "valid.h5", people, **annotated)
    with pytest.raises(InputError, match=r"centres and scales are not yet adjusted"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("official", "adjusted here"),
        ("bearpaw", "adjusted here"),
        ("princeton", "adjusted already"),
        ("mmpose", "adjusted here"),
    ],
)
def test_notes_say_what_was_read_and_adjusted(tmp_path, form, words):
    write_form(tmp_path, form)
    notes = read(tmp_path).notes
    assert any(words in note for note in notes)
    assert notes[0].startswith("read from mpii_" if form != "princeton" else "read")


def test_the_release_is_read_through_its_quirks(tmp_path):
    people = make_people()

    def rect(person):
        fields = official_rect(person)
        points = [
            {"x": 30, "y": 40, "id": 5, "is_visible": 0},
            {"x": 31, "y": 41, "id": 6, "is_visible": EMPTY},
            {"x": 32, "y": 42, "id": 7, "is_visible": "0"},
            {"x": 0, "y": 0, "id": 15, "is_visible": np.uint8(1)},
        ]
        if person["photograph"] == 9:  # a single point, of which nothing is told
            points = [{"x": 30.5, "y": 40.5, "id": 5}]
        return fields | {"annopoints": structs([{"point": structs(points)}])}

    nobody = {"image": structs([{"name": "x.jpg"}]), "annorect": structs([{"x1": 1}])}
    path = tmp_path / "mpii_human_pose_v1_u12_1.mat"
    write_official(path, people, rect=rect, more=[nobody])
    write_princeton(tmp_path / "valid.h5", of_split(people, "validation"))
    annotations = read(tmp_path)
    assert annotations.problems == ()
    *several, single = annotations.splits["train"]
    for person in several:
        np.testing.assert_array_equal(person.visibility[[5, 6, 7, 15]], [1, 2, 1, 2])
        np.testing.assert_array_equal(person.keypoints_img[15], [-1, -1])
        assert (person.visibility > 0).sum() == 4
    assert np.flatnonzero(single.visibility).tolist() == [5]
    np.testing.assert_array_equal(single.keypoints_img[5], [29.5, 39.5])
    # Person 1 of photograph 5, who has a scale and nothing else.
    note = "1 people of training photographs have no joints, and are left out"
    assert note in annotations.notes


NAN_JOINT = np.ones((16, 3))
NAN_JOINT[4, 0] = np.nan


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("no centre or scale", {"scale": float("nan")}),
        ("no centre or scale", {"scale": 0.0}),
        ("no centre or scale", {"objpos": np.array([np.nan, 3])}),
        ("keypoints that are not finite", {"joints": NAN_JOINT}),
    ],
)
@pytest.mark.parametrize("form", FORMS[:3])
def test_single_bad_people_are_problems(tmp_path, form, kind, changed):
    people = make_people()
    people[2] |= changed
    if form == "official":
        write_official(tmp_path / "release.mat", people)
        write_princeton(tmp_path / "valid.h5", of_split(people, "validation"))
    elif form == "bearpaw":
        write_bearpaw(tmp_path / "mpii_annotations.json", people)
    else:
        write_princeton(tmp_path / "train.h5", people)
    annotations = read(tmp_path)
    assert {problem.person for problem in annotations.problems} == {500}
    assert kind in {problem.kind for problem in annotations.problems}
    assert 500 not in {person.person for person in annotations.people()}
    assert 502 in {person.person for person in annotations.people()}


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("no centre or scale", {"scale_provided": None}),
        ("no centre or scale", {"scale_provided": []}),
        ("no centre or scale", {"objpos": [10.0]}),
        ("no labelled keypoint", {"joint_self": [[0, 0, 0]] * 16}),
        ("keypoints that are not finite", {"joint_self": [[1, 1, 1]] * 15}),
        ("keypoints that are not finite", {"joint_self": [["1", 1, 1]] * 16}),
        ("keypoints that are not finite", {"joint_self": [[1e300, 1, 1]] * 16}),
        ("visibility without meaning", {"joint_self": [[5, 5, 2]] * 16}),
        ("no centre or scale", {"scale_provided": float("inf")}),
        ("no photograph named", {"img_paths": None}),
    ],
)
def test_bad_fields_of_a_json_are_problems(tmp_path, kind, changed):
    path = tmp_path / "mpii_annotations.json"
    write_bearpaw(path, make_people())
    rows = json.loads(path.read_text())
    rows[1] |= changed
    path.write_text(json.dumps(rows))
    annotations = read(tmp_path)
    assert kind in {problem.kind for problem in annotations.problems}
    assert {problem.person for problem in annotations.problems} == {500}
    assert len(list(annotations.people())) == len(rows) - 1


@pytest.mark.parametrize("size", [np.nan, -1.0])
def test_a_head_size_that_is_none_is_a_problem(tmp_path, size):
    people = make_people()
    sizes = np.full(len(people), 30.0)
    sizes[2] = size
    write_princeton(tmp_path / "train.h5", people, normalize=sizes)
    assert [(problem.person, problem.kind) for problem in read(tmp_path).problems] == [
        (500, "head size that is none")
    ]


def test_indices_that_are_none_are_refused_by_row(tmp_path):
    path = tmp_path / "mpii_annotations.json"
    write_bearpaw(path, make_people())
    rows = json.loads(path.read_text())
    for index in (None, 2.5, -3, 1e300):
        rows[1]["annolist_index"] = index
        path.write_text(json.dumps(rows))
        with pytest.raises(InputError, match=r"row 1 : indices of photograph and pers"):
            read(tmp_path)


@pytest.mark.parametrize("number", [16, -1, 2.5, EMPTY])
def test_a_point_of_no_joint_is_a_problem(tmp_path, number):
    def rect(person):
        point = {"x": 30, "y": 40, "id": number, "is_visible": 1}
        found = official_rect(person)
        if person["photograph"] == 9:
            found["annopoints"] = structs([{"point": structs([point])}])
        return found

    people = write_form(tmp_path, "official")
    write_official(tmp_path / "mpii_human_pose_v1_u12_1.mat", people, rect=rect)
    assert [(problem.person, problem.kind) for problem in read(tmp_path).problems] == [
        (900, "keypoints that are not finite")
    ]


def test_nobody_of_mmpose_is_left_out_silently(tmp_path):
    people = make_people()
    people[2]["joints"] = np.zeros((16, 3))
    write_mmpose(tmp_path / "mpii_train.json", of_split(people, "train"))
    annotations = read(tmp_path)
    assert len(annotations.splits["train"]) == 2
    note = "1 people of training photographs have no joints, and are left out"
    assert note in annotations.notes

import copy
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass_jax.data.annotations import missing_photographs
from hourglass_jax.errors import InputError

from .coco_forms import NAMES, content, faults, person, read, write


@pytest.mark.parametrize(
    ("images", "kinds"),
    [
        ([{"id": 1}], ["no file name"]),
        ([{"id": 1, "file_name": ""}], ["no file name"]),
        ([{"id": 1, "file_name": "."}], ["no file name"]),
        ([{"id": 1, "file_name": "\ud800.jpg"}], ["no file name"]),
        ([{"id": 1, "file_name": "a\0b"}], ["no file name"]),
        ([{"id": 1, "file_name": "a\nb"}], ["no file name"]),
        ([{"id": 1, "file_name": "a" * 256}], ["no file name"]),
        ([{"id": 1, "file_name": "../p1.jpg"}], ["photograph outside"]),
        ([{"id": 1, "file_name": "/p1.jpg"}], ["photograph outside"]),
        ([{"id": 1, "file_name": "\\\\host\\p1.jpg"}], ["photograph outside"]),
        ([{"id": {}, "file_name": "p1.jpg"}], ["no id"]),
        (["p1.jpg"], ["not a record"]),
        # Which of the two would annotations mean?
        (
            [{"id": 1, "file_name": "p1.jpg"}, {"id": 1, "file_name": "p2.jpg"}],
            ["duplicate id"],
        ),
    ],
)
def test_a_photograph_that_cannot_be_used_is_a_problem_for_its_people(
    tmp_path, images, kinds
):
    found = read(write(tmp_path, content(person(1), images=images)))
    assert [p.kind for p in found.problems] == [*kinds, "unknown photograph"]
    assert [p.person for p in found.problems] == [None] * len(kinds) + [0]


def test_sizes_are_taken_where_the_file_states_them(tmp_path):
    stated = [(640, 480), (0, 480), (640, None), ("640", 480), (True, 5), (10**9, 5)]
    images = [
        {"id": i, "file_name": f"p{i}.jpg", "width": width, "height": height}
        for i, (width, height) in enumerate(stated, 1)
    ]
    found = read(write(tmp_path, content(person(1), images=images)))
    ((name, size),) = found.sizes.items()
    assert name.endswith("p1.jpg")
    assert size == (640, 480)


def test_a_photograph_that_is_listed_twice_alike_can_be_used(tmp_path):
    images = [{"id": 1, "file_name": "p1.jpg"}] * 2
    found = read(write(tmp_path, content(person(1), images=images)))
    assert faults(found) == [("duplicate id", "id")]
    assert len(list(found.people())) == 1


def test_ids_may_be_texts_and_numbers_of_any_size(tmp_path):
    images = [
        {"id": "a", "file_name": "p1.jpg"},
        {"id": 10**30, "file_name": "p2.jpg"},
        {"id": 3.0, "file_name": "p3.jpg"},
    ]
    people = [person("x", "a"), person(10**40, 10**30), person(1, 3)]
    found = read(write(tmp_path, content(*people, images=images)), validation_share=0.0)
    assert [one.file for one in found.people()] == ["p1.jpg", "p2.jpg", "p3.jpg"]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("", "not JSON"),
        ('{"images": [', "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "not JSON"),
        ("[]", "holds a list; expected an object"),
        ({}, "images: missing; expected a list"),
        (content(annotations=None), "annotations: None; expected a list"),
        (content(categories=[]), "categories: 0, none of them with `keypoints`"),
        (content(categories=[5]), r"categories\[0\]: 5; expected one with an id"),
        (content(categories=[{"id": 1}] * 2), r"categories\[1\] : id: 1 twice"),
        (
            content(categories=[{"id": 1, "name": "dog"}, {"id": 2}]),
            "categories: 2, none of them with `keypoints`",
        ),
        (
            content(
                categories=[
                    {"id": i, "name": name, "keypoints": NAMES}
                    for i, name in enumerate(("cat", "dog"))
                ]
            ),
            r"categories: 2 with `keypoints` \('cat', 'dog'\)",
        ),
    ],
    ids=[
        *("empty", "cut off", "deep", "long number", "list", "nothing", "no people"),
        *("no category", "no record", "same id", "no names", "two with names"),
    ],
)
def test_a_file_that_is_not_of_the_form_is_refused(tmp_path, what, message):
    with pytest.raises(InputError, match=f"all.json.*{message}"):
        read(write(tmp_path, what))


JUNK = (
    *(None, True, 0, 1, -7, 2.5, -0.5, 10**30, 1e308, math.nan, math.inf),
    *("", "1", "text", "left_eye", "\ud800", "a\nb", "../x", "x" * 5000),
    *([], {}, [[[]]], [1, "2"], [[1, 2]], [0] * 9, {"id": 1}, [{"id": {}}]),
)


def places_in(value):
    """Every (container, key) inside of a JSON value."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places_in(value[key])


@settings(max_examples=250)
@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, len(JUNK))),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory, changes):
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    people = (person(1), person(2, iscrowd=1), person(3, category_id=4), person(4, 2))
    mutated = content(*people)
    for where, what in changes:
        places = list(places_in(mutated)) or [({"all": 1}, "all")]
        container, key = places[where % len(places)]
        if what < len(JUNK):
            container[key] = copy.deepcopy(JUNK[what])
        else:
            del container[key]
    folder.mkdir(exist_ok=True)
    (folder / "all.json").write_text(json.dumps(mutated))
    try:
        found = read(folder)
    except InputError as error:
        refusal = error
    else:
        refusal = None
        check_what_was_found(found, len(mutated["annotations"]))
    assert "\n" not in str(refusal)


def check_what_was_found(found, annotations):
    for problem in [*found.problems, *missing_photographs(found)]:
        assert "\n" not in str(problem)
        assert problem.found
        assert problem.expected
    for one in found.people():
        assert np.isfinite(one.keypoints_img).all()
        assert set(one.visibility) <= {0, 1, 2}
        assert one.visibility.any()
        assert 1 <= one.side_img < 1e7
        assert (found.folder / one.file).resolve().is_relative_to(found.folder)
    # Nobody vanishes without a word.
    told = {p.person for p in found.problems if p.person is not None}
    told |= {one.person for one in found.people()}
    left_out = re.findall(r"left out (\d+)", " ".join(found.notes))
    assert annotations - len(told) <= sum(map(int, left_out))

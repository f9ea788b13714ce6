from pathlib import Path

import numpy as np
import pytest
import scipy.io

from hourglass_jax.data.sources import find_source
from hourglass_jax.errors import InputError

from .mpii_labels import (
    FORMS,
    make_people,
    of_split,
    read,
    write_form,
    write_mmpose,
    write_official,
    write_princeton,
)


def test_files_that_say_their_split_go_before_a_file_of_everybody(tmp_path):
    people = write_form(tmp_path, "mmpose")
    write_mmpose(tmp_path / "all.json", people)
    assert read(tmp_path).notes[0] == "read from mpii_train.json and mpii_val.json"


def test_the_best_form_is_read_unless_another_is_named(tmp_path):
    people = make_people()
    for form in FORMS[1:]:
        write_form(tmp_path, form)
    for best in ("mpii_annotations.json.gz", "train.h5 and valid.h5", "mpii_train"):
        assert read(tmp_path).notes[0].startswith(f"read from {best}")
        for name in best.split(" and "):
            if (tmp_path / name).exists():
                (tmp_path / name).unlink()
    for form in FORMS:
        write_form(tmp_path, form)
    assert read(tmp_path).notes[0] == "read from mpii_human_pose_v1_u12_1.mat"
    chosen = read(tmp_path, annotations=Path("valid.h5"))
    assert chosen.notes[0] == "read from valid.h5 and train.h5"
    assert len(list(chosen.people())) == len(people) - 1


def test_what_the_archives_unpack_to_is_enough(tmp_path):
    people = make_people()
    authors = tmp_path / "pose-hg-train-4637618" / "data"
    release = tmp_path / "mpii_human_pose_v1_u12_2"
    for folder in (authors / "mpii" / "annot", authors / "flic" / "annot", release):
        folder.mkdir(parents=True)
    write_official(release / "mpii_human_pose_v1_u12_1.mat", people)
    for split, name in (
        ("train", "train"),
        ("validation", "valid"),
        ("shared", "test"),
    ):
        path = authors / "mpii" / "annot" / f"{name}.h5"
        write_princeton(path, of_split(people, split))
    flic = {"part": np.ones((6, 11, 2)), "visible": np.ones((6, 11))}
    write_princeton(authors / "flic" / "annot" / "valid.h5", people, **flic)
    # The authors' later file has everybody, as annotated.
    older = {"istrain": np.ones(6), "scale": np.ones(6)}
    write_princeton(authors / "mpii" / "annot.h5", people, **older)
    found = read(tmp_path)
    assert {split: len(people) for split, people in found.splits.items()} == {
        "train": 3,
        "validation": 2,
    }
    assert found.notes[0] == "read from mpii_human_pose_v1_u12_1.mat"
    source = find_source("mpii")
    assert [Path(archive.url).suffix for archive in source.archives] == [
        ".zip",
        ".zip",
        ".gz",
    ]


def cut(name, share):
    def spoil(folder):
        path = folder / name
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return spoil


def rewrite(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def respoil_h5(**changed):
    def spoil(folder):
        write_princeton(folder / "train.h5", make_people(), **changed)

    return spoil


@pytest.mark.parametrize(
    ("form", "spoil", "message"),
    [
        ("bearpaw", cut("mpii_annotations.json.gz", 0.5), "damaged"),
        (
            "bearpaw",
            rewrite("mpii_annotations.json.gz", b'[{"joint_self": [3, '),
            "not whole JSON",
        ),
        (
            "bearpaw",
            rewrite("mpii_annotations.json.gz", b'{"joint_self": 3}'),
            "expected a list of objects",
        ),
        (
            "bearpaw",
            rewrite("mpii_annotations.json.gz", b'[{"joint_self": 3}]'),
            "nobody has isValidation, img_paths, objpos, scale_provided, annolist",
        ),
        ("bearpaw", rewrite("mpii_annotations.json.gz", b"[]"), "no labels of MPII"),
        ("official", cut("mpii_human_pose_v1_u12_1.mat", 0.9), "not a whole MATLAB"),
        (
            "official",
            rewrite("mpii_human_pose_v1_u12_1.mat", b"MATLAB 5.0 MAT-file"),
            "damaged",
        ),
        (
            "official",
            lambda folder: scipy.io.savemat(
                folder / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": 3}
            ),
            "not laid out as MPII's release",
        ),
        ("princeton", cut("train.h5", 0.5), "train.h5: not a whole HDF5 file"),
        ("princeton", respoil_h5(scale=None), "no labels of MPII|train.h5"),
        ("princeton", respoil_h5(normalize=None), "train.h5: .*normalize"),
        (
            "princeton",
            respoil_h5(visible=np.ones((5, 16))),
            r"visible is float64 of shape \(5, 16\); expected numbers of shape \(6, 16",
        ),
        (
            "princeton",
            respoil_h5(person=np.zeros(6)),
            "person 0 of photograph 2 .* is there more than once",
        ),
        ("mmpose", cut("mpii_train.json", 0.5), "mpii_train.json: not whole JSON"),
    ],
)
def test_files_that_cannot_be_read_are_one_line(tmp_path, form, spoil, message):
    write_form(tmp_path, form)
    spoil(tmp_path)
    with pytest.raises(InputError, match=message) as refusal:
        read(tmp_path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.json", "nothing.json is no file"),
        ("notes.txt", "notes.txt holds no labelled people of MPII"),
        ("test.h5", "test.h5 holds no labelled people of MPII"),
        # The authors' later file: everybody, as annotated, train and test people.
        ("annot.h5", "annot.h5 holds no labelled people of MPII"),
    ],
)
def test_a_named_file_must_be_labels(tmp_path, name, message):
    people = write_form(tmp_path, "bearpaw")
    (tmp_path / "notes.txt").write_text("a text")
    write_princeton(tmp_path / "test.h5", people)
    write_princeton(tmp_path / "annot.h5", people, istrain=np.ones(len(people)))
    with pytest.raises(InputError, match=f"data.annotations: .*{message}"):
        read(tmp_path, annotations=Path(name))

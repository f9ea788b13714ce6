from pathlib import Path

import numpy as np
import pytest

from hourglass_jax.config import DataConfig, SourceConfig
from hourglass_jax.data import mpii
from hourglass_jax.data.datasets import open_dataset
from hourglass_jax.data.sources import find_source
from hourglass_jax.errors import InputError

from .mpii_labels import (
    make_people,
    of_split,
    read,
    write_bearpaw,
    write_form,
    write_heads,
    write_mmpose,
    write_photographs,
    write_princeton,
)


def test_head_sizes_come_from_the_evaluators_file_beside(tmp_path):
    people = write_form(tmp_path, "bearpaw")
    validation = of_split(people, "validation")
    write_heads(tmp_path / "detections_our_format.mat", validation)
    found = read(tmp_path).splits
    np.testing.assert_allclose(
        [person.head_size_img for person in found["validation"]],
        [0.6 * np.hypot(30, 40), 0.6 * np.hypot(30, 41)],
    )
    assert {person.head_size_img for person in found["train"]} == {0}


@pytest.mark.parametrize("other", ["shifted", "fewer"])
def test_head_sizes_of_other_people_are_not_taken(tmp_path, other):
    people = of_split(write_form(tmp_path, "bearpaw"), "validation")
    path = tmp_path / "detections_our_format.mat"
    if other == "fewer":
        write_heads(path, [*people, people[0]])
    else:
        write_heads(path, people, shift=5)
    annotations = read(tmp_path)
    assert {person.head_size_img for person in annotations.people()} == {0}
    assert "detections_our_format.mat is of other people: no head sizes" in (
        annotations.notes
    )


def test_the_standard_selection_shares_no_photograph_with_validation(tmp_path):
    write_form(tmp_path, "official")
    annotations = read(tmp_path)
    train = {person.file for person in annotations.splits["train"]}
    assert not train & {person.file for person in annotations.splits["validation"]}
    note = "1 people who share photographs with validation people are left out"
    assert note in annotations.notes


def test_the_original_selection_keeps_everybody(tmp_path):
    people = write_form(tmp_path, "official")
    found = read(tmp_path, selection="original").splits
    assert len(found["train"]) == len(of_split(people, "train", "shared"))
    assert len(found["validation"]) == 2


@pytest.mark.parametrize("form", ["bearpaw", "mmpose"])
def test_the_original_selection_is_refused_where_it_is_not_in_the_file(tmp_path, form):
    write_form(tmp_path, form)
    with pytest.raises(InputError, match=r"data.selection: .* official mpii_human"):
        read(tmp_path, selection="original")


@pytest.mark.parametrize("list_", ["bearpaw", "mmpose", "princeton"])
def test_any_other_form_tells_the_release_who_validates(tmp_path, list_):
    people = write_form(tmp_path, "official")
    (tmp_path / "valid.h5").unlink()
    with pytest.raises(InputError, match=r"does not say who .* put princeton's valid"):
        read(tmp_path)
    validation = of_split(people, "validation")
    if list_ == "bearpaw":
        write_bearpaw(tmp_path / "mpii_annotations.json", people)
    elif list_ == "mmpose":
        write_mmpose(tmp_path / "mpii_val.json", validation)
    else:
        write_princeton(tmp_path / "valid.h5", validation)
    found = read(tmp_path).splits["validation"]
    assert [person.file for person in found] == [p["file"] for p in validation]


def test_a_list_of_other_people_is_refused(tmp_path):
    people = write_form(tmp_path, "official")
    people[0]["objpos"] = people[0]["objpos"] + 1
    write_princeton(tmp_path / "valid.h5", of_split(people, "validation"))
    with pytest.raises(InputError, match=r"validation people that it lacks \(1\): .*"):
        read(tmp_path)


def test_a_file_of_everybody_needs_to_be_told_who_validates(tmp_path):
    people = make_people()
    write_mmpose(
        tmp_path / "mpii_trainval.json", of_split(people, "train", "validation")
    )
    with pytest.raises(InputError, match=r"mpii_trainval.json does not say who"):
        read(tmp_path)
    write_mmpose(tmp_path / "mpii_val.json", of_split(people, "validation"))
    found = read(tmp_path, annotations=Path("mpii_trainval.json")).splits
    assert {split: len(people) for split, people in found.items()} == {
        "train": 3,
        "validation": 2,
    }


def test_one_split_alone_is_read_alone(tmp_path, monkeypatch):
    people = make_people()
    write_princeton(tmp_path / "train.h5", of_split(people, "train", "shared"))
    assert list(read(tmp_path).splits) == ["train"]
    # More than the standard selection has: some share photographs, and who is unknown.
    monkeypatch.setattr(mpii, "STANDARD_TRAIN", 3)
    with pytest.raises(InputError, match=r"has 4 training people; .* put valid.h5 bes"):
        read(tmp_path)
    (tmp_path / "train.h5").rename(tmp_path / "valid.h5")
    assert list(read(tmp_path).splits) == ["validation"]


def test_bad_people_are_refused_together_or_left_out(tmp_path):
    people = make_people()
    people[2]["scale"] = people[3]["scale"] = 0.0
    write_bearpaw(tmp_path / "mpii_annotations.json", people)
    write_photographs(tmp_path, people)
    source = find_source("mpii")
    config = SourceConfig(dataset="mpii", raw_dir=tmp_path)
    with pytest.raises(InputError, match=r"no centre or scale \(2\): .*row 1 .*row 2"):
        source.contents(config, tmp_path, 1.1)
    config = SourceConfig(dataset="mpii", raw_dir=tmp_path, skip_bad=True)
    contents = source.contents(config, tmp_path, 1.1)
    assert len(contents.rejected) == 2
    assert {s: len(people) for s, people in contents.splits.items()} == {
        "train": 1,
        "validation": 2,
    }


def test_records_are_made_from_the_photographs(tmp_path):
    people = write_form(tmp_path, "bearpaw")
    write_photographs(tmp_path, people)
    dataset = open_dataset(
        DataConfig(dataset="mpii", raw_dir=tmp_path, data_dir=tmp_path / "prepared")
    )
    assert (dataset.name, dataset.skeleton.name) == ("mpii", "mpii")
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 3,
        "validation": 2,
    }

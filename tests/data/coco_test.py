import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from hourglass_jax.config import DataConfig
from hourglass_jax.data.annotations import missing_photographs
from hourglass_jax.data.datasets import open_dataset
from hourglass_jax.data.schema import decode_picture
from hourglass_jax.errors import InputError
from hourglass_jax.geometry import transform
from hourglass_jax.skeleton import COCO

from .coco_forms import NAMES, content, person, read, split_sizes, write

FILE = "person_keypoints_{}2017.json"


def test_a_photograph_stays_in_its_split_when_others_are_added(tmp_path):
    def splits_of(count):
        images = [{"id": i, "file_name": f"photo{i}.png"} for i in range(count)]
        people = [person(i, image=i // 2) for i in range(2 * count)]
        found = read(
            write(tmp_path, content(*people, images=images)), validation_share=0.3
        )
        return {p.file: s for s, people in found.splits.items() for p in people}

    few, many = splits_of(40), splits_of(80)
    assert few.items() <= many.items()
    assert set(many.values()) == {"train", "validation"}
    for name, split in many.items():
        share = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 16**8
        assert split == ("validation" if share < 0.3 else "train")


def test_files_that_name_their_split_are_the_splits(tmp_path):
    write(tmp_path, content(person(1), person(2)), "annotations/people_train2017.json")
    write(tmp_path, content(person(1), person(9)), "annotations/people_val2017.json")
    found = read(
        write(tmp_path, content(person(1)), "annotations/people_test2017.json")
    )
    assert split_sizes(found) == {"train": 2, "validation": 2, "test": 1}
    numbers = [one.person for one in found.people()]
    assert len(set(numbers)) == 5  # though their ids repeat
    assert not found.problems


def test_a_file_for_training_alone_gives_some_to_validation(tmp_path):
    images = [{"id": i, "file_name": f"photo{i}.png"} for i in range(50)]
    people = [person(i, image=i) for i in range(50)]
    folder = write(tmp_path, content(*people, images=images), "train.json")
    assert set(read(folder).splits) == {"train", "validation"}
    assert set(read(folder, validation_share=0.0).splits) == {"train"}


def test_a_file_for_validation_alone_is_so_as_a_whole(tmp_path):
    found = read(write(tmp_path, content(), "val.json"))
    assert split_sizes(found) == {"validation": 3}
    assert any("val.json: for validation" in note for note in found.notes)


@pytest.mark.parametrize(
    ("json_file", "file_name", "photograph"),
    [
        ("annotations/a.json", "p1.jpg", "images/p1.jpg"),
        ("a.json", "images/p1.jpg", "images/p1.jpg"),
        ("a.json", "images\\p1.jpg", "images/p1.jpg"),
        ("a.json", "./p1.jpg", "p1.jpg"),
        ("train/_annotations.coco.json", "p1.jpg", "train/p1.jpg"),
        ("annotations/train.json", "p1.jpg", "images/train/p1.jpg"),
        ("annotations/my_train.json", "p1.jpg", "train2017/p1.jpg"),
    ],
)
def test_photographs_are_found_where_people_keep_them(
    tmp_path, json_file, file_name, photograph
):
    folder = write(
        tmp_path,
        content(person(1), images=[{"id": 1, "file_name": file_name}]),
        json_file,
    )
    write(tmp_path, "", photograph)
    write(tmp_path, "", "images/val/p1.jpg")  # another one of the same name
    found = read(folder, validation_share=0.0)
    assert [one.file for one in found.splits["train"]] == [photograph]
    assert not missing_photographs(found)


def test_a_missing_photograph_is_named(tmp_path):
    found = missing_photographs(read(write(tmp_path, content()), validation_share=0.0))
    assert [problem.kind for problem in found] == ["photograph missing"] * 3
    assert [problem.where.split("/")[-1] for problem in found] == [
        *("p1.jpg", "p1.jpg", "p2.jpg")
    ]


def test_several_files_that_do_not_say_what_they_are_are_refused(tmp_path):
    write(tmp_path, content(), "one.json")
    folder = write(tmp_path, content(person(5)), "two.json")
    with pytest.raises(InputError, match=r"2 JSON files \(one.json, two.json\)"):
        read(folder)
    for path in (folder / "two.json", Path("two.json")):
        found = read(folder, annotations=path)
        assert [p.where[-12:] for p in found.people()] == ["annotation 5"]


def test_a_folder_without_annotations_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no JSON file"):
        read(tmp_path)
    with pytest.raises(InputError, match="x.json is no file"):
        read(tmp_path, annotations=tmp_path / "x.json")
    with pytest.raises(InputError, match=r"x.toml does not exist"):
        read(tmp_path, skeleton=tmp_path / "x.toml")


def test_a_skeleton_file_names_the_keypoints(tmp_path):
    names = ["tip", "one", "two"]
    info = {str(i): {"name": name, "swap": ""} for i, name in enumerate(names)}
    write(tmp_path, {"keypoint_info": info}, "skeleton.json")
    nameless = [{"id": 7, "name": "person"}]
    folder = write(tmp_path, content(categories=nameless), "all.json")
    with pytest.raises(InputError, match="2 JSON files"):
        read(folder)
    found = read(folder, skeleton=tmp_path / "skeleton.json")
    assert found.skeleton.keypoints == tuple(names)
    assert len(list(found.people())) == 3


@pytest.mark.parametrize("names", [NAMES[:2], [NAMES[i] for i in (0, 2, 1)]])
def test_files_with_other_keypoints_are_refused(tmp_path, names):
    write(tmp_path, content(), "train.json")
    other = [{"id": 7, "name": "person", "keypoints": names}]
    folder = write(tmp_path, content(categories=other), "val.json")
    with pytest.raises(InputError, match="val.json : categories : keypoints: .*expect"):
        read(folder)


@pytest.fixture
def official(tmp_path, shared_data):
    """Four real photographs, laid out as COCO's archives are."""
    samples = shared_data / "coco_samples"
    (tmp_path / "val2017").mkdir()
    (tmp_path / "annotations").mkdir()
    for path in samples.glob("*.jpg"):
        (tmp_path / "val2017" / path.name).symlink_to(path)
    annotations = tmp_path / "annotations" / "person_keypoints_val2017.json"
    annotations.symlink_to(samples / "test_coco.json")
    return tmp_path


def test_the_official_layout_is_read_as_the_field_does(official):
    found = read(official, "coco_keypoints")
    # Counted in the file by itself: 14 people on 4 photographs, 2 without a keypoint.
    assert split_sizes(found) == {"validation": 12}
    assert found.skeleton is COCO
    assert not found.problems
    assert any("left out 2 people without a keypoint" in note for note in found.notes)
    assert {one.file for one in found.people()} == {
        f"val2017/{number:012d}.jpg" for number in (785, 40083, 196141, 197388)
    }
    assert sum(int((one.visibility > 0).sum()) for one in found.people()) == 181
    assert missing_photographs(found) == []
    crowd = json.loads((official / "annotations" / FILE.format("val")).read_text())
    crowd["annotations"][0] |= {"iscrowd": 1, "keypoints": [0] * 51}
    path = official / "annotations" / FILE.format("train")
    path.write_text(json.dumps(crowd))
    found = read(official, "coco_keypoints")
    assert split_sizes(found) == {"train": 11, "validation": 12}
    assert any("left out 1 crowds" in note for note in found.notes)
    assert {p.where for p in missing_photographs(found)} == {
        str(official / "train2017" / f"{number:012d}.jpg")
        for number in (40083, 196141, 197388)
    }


def test_an_official_folder_without_annotations_is_refused(tmp_path):
    with pytest.raises(InputError, match="no annotations/person_keypoints_train2017"):
        read(tmp_path, "coco_keypoints")


def test_official_files_with_other_keypoints_are_refused(tmp_path):
    folder = write(tmp_path, content(), f"annotations/{FILE.format('val')}")
    with pytest.raises(InputError, match="expected 17 names, as in coco"):
        read(folder, "coco_keypoints")


def test_crops_of_real_people_hold_their_joints(official):
    config = DataConfig(
        dataset="coco_keypoints", raw_dir=official, data_dir=official / "prepared"
    )
    records = open_dataset(config).split("validation")
    assert len(records) == 12
    for record in records:
        labelled = record["keypoints_img"][record["visibility"] > 0]
        offset = np.abs(labelled - record["center_img"]).max(axis=0)
        assert (offset <= record["side_img"] / 2).all()
        height, width = decode_picture(record["image"]).shape[:2]
        stored = transform(record["stored_from_img"], labelled.astype(np.float64))
        assert (stored >= -0.5).all()
        assert (stored <= [width - 0.5, height - 0.5]).all()


def test_bad_people_are_refused_or_left_out_and_listed(official, shared_data):
    config = DataConfig(
        dataset="coco_json",
        raw_dir=shared_data / "coco_samples",
        annotations=Path("test_coco.json"),
        data_dir=official / "prepared",
    )
    with pytest.raises(InputError, match=r"no keypoint \(2\): .*annotation 1202706"):
        open_dataset(config)
    dataset = open_dataset(dataclasses.replace(config, skip_bad=True))
    assert len(dataset.split("test")) == 12
    (rejected,) = official.rglob("rejected.json")
    assert len(json.loads(rejected.read_text())) == 2


def test_own_photographs_need_no_more_than_their_folder(shared_data):
    found = read(shared_data / "studio_coco")
    # How many names hash below 0.1, found by itself.
    assert split_sizes(found) == {"train": 815, "validation": 85}
    assert found.skeleton.keypoints[:2] == ("Nose", "Left Eye")
    assert found.skeleton.flip == COCO.flip
    assert found.skeleton.sigmas == COCO.sigmas
    assert found.skeleton.torso == COCO.torso
    assert not found.problems
    assert not missing_photographs(found)
    assert {len(one.visibility) for one in found.people()} == {17}


def test_two_files_of_own_photographs_are_their_splits(shared_data, tmp_path):
    folder = shared_data / "studio_coco"
    whole = json.loads((folder / "annotations/person_keypoints.json").read_text())
    for name, part in (("train", slice(800)), ("val", slice(800, None))):
        people = whole | {"annotations": whole["annotations"][part]}
        (tmp_path / f"{name}.json").write_text(json.dumps(people))
    (tmp_path / "images").symlink_to(folder / "images")
    found = read(tmp_path)
    assert split_sizes(found) == {"train": 800, "validation": 100}
    assert not missing_photographs(found)

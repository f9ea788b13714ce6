import gzip
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from hourglass_jax.data.annotations import missing_photographs
from hourglass_jax.data.crop import crop_picture
from hourglass_jax.data.schema import decode_picture, person_record
from hourglass_jax.errors import InputError
from hourglass_jax.geometry import compose, crop_affine, invert

from .mpii_labels import (
    read,
    write_columns,
    write_official,
)


@pytest.fixture(scope="module")
def real(shared_data):
    """The people of bearpaw's file, of everybody."""
    return read(shared_data / "mpii")


@pytest.fixture(scope="module")
def real_validation(shared_data, real, tmp_path_factory):
    """The validation people from bearpaw's, princeton's and the official form."""
    mpii_dir = shared_data / "mpii"
    folder = tmp_path_factory.mktemp("mpii")
    (folder / "valid.h5").symlink_to(mpii_dir / "valid.h5")
    (folder / "images").symlink_to(mpii_dir / "images")
    with gzip.open(mpii_dir / "mpii_annotations.json.gz") as file:
        rows = json.load(file)
    people, photographs = [], {}
    for number, row in enumerate(row for row in rows if row["isValidation"]):
        joints = np.array(row["joint_self"])
        # Written for a tenth of the people: joints take long to write.
        if number % 10:
            joints[np.flatnonzero(joints.any(-1))[1:]] = 0
        people.append(
            {
                "photograph": photographs.setdefault(
                    row["img_paths"], len(photographs)
                ),
                "number": int(row["people_index"]) - 1,
                "file": row["img_paths"],
                "objpos": row["objpos"],
                "scale": row["scale_provided"],
                "joints": joints,
                "box": [1, 2, 3, 4],
            }
        )
    write_official(folder / "mpii_human_pose_v1_u12_1.mat", people)
    return {
        "bearpaw": real.splits["validation"],
        "princeton": read(mpii_dir, annotations=Path("valid.h5")).splits["validation"],
        "official": read(folder).splits["validation"],
    }


def test_the_real_people_are_all_there(real):
    assert {split: len(people) for split, people in real.splits.items()} == {
        "train": 22_246,
        "validation": 2_958,
    }
    assert real.problems == ()
    assert real.notes[0] == "read from mpii_annotations.json.gz"
    absent = missing_photographs(real)
    assert len(absent) == 25_204 - 3
    # Counted in the file by itself.
    visibility = np.array([person.visibility for person in real.people()])
    assert np.bincount(visibility.ravel()).tolist() == [27_001, 86_703, 289_560]


def test_real_numbers_are_those_of_the_release(real_validation):
    one, other = real_validation["bearpaw"], real_validation["princeton"]
    assert [person.person for person in one] == [person.person for person in other]


@pytest.mark.parametrize("form", ["princeton", "official"])
def test_real_crops_agree_within_the_rounding_of_their_forms(real_validation, form):
    others = real_validation[form]
    for one, other in zip(real_validation["bearpaw"], others, strict=True):
        assert one.file == other.file
        assert np.abs(one.center_img - other.center_img).max() <= 0.01
        assert abs(one.side_img - other.side_img) <= 0.13


def test_real_joints_agree_within_the_rounding_of_their_forms(real_validation):
    def joints(form):
        people = real_validation[form]
        return (
            np.array([person.keypoints_img for person in people]),
            np.array([person.visibility for person in people]),
        )

    (points, seen), (cut_points, cut_seen) = joints("bearpaw"), joints("princeton")
    np.testing.assert_array_equal(seen, cut_seen)
    assert np.abs(points - cut_points).max() <= 1
    clicked = np.delete(np.arange(16), (8, 9))
    np.testing.assert_array_equal(points[:, clicked], cut_points[:, clicked])
    official, told = joints("official")
    np.testing.assert_array_equal(official[::10], points[::10])
    np.testing.assert_array_equal(told[::10], seen[::10])


def test_real_head_sizes_agree(real_validation):
    sizes = {
        form: [person.head_size_img for person in real_validation[form]]
        for form in ("bearpaw", "princeton")
    }
    np.testing.assert_allclose(sizes["bearpaw"], sizes["princeton"], atol=1e-3)


def test_real_photographs_give_the_same_crops(real_validation, shared_data):
    folder = shared_data / "mpii" / "images"
    for row in range(3):
        crops = {}
        for form, people in real_validation.items():
            record = person_record(folder, 1.1, people[row])
            crop_from_img = crop_affine(
                people[row].center_img, people[row].side_img, (256, 256)
            )
            affine = compose(crop_from_img, invert(record["stored_from_img"]))
            picture = decode_picture(record["image"])
            crops[form] = crop_picture(picture, affine, (256, 256)).astype(float)
        assert crops["bearpaw"].std() > 20
        assert np.abs(crops["bearpaw"] - crops["princeton"]).mean() < 0.5
        np.testing.assert_array_equal(crops["bearpaw"], crops["official"])


def test_real_squares_adjusted_twice_or_never_are_refused(shared_data, tmp_path):
    with h5py.File(shared_data / "mpii" / "valid.h5") as file:
        columns = {name: file[name][()] for name in file}
    lower = np.stack([0 * columns["scale"], 12 * columns["scale"]], axis=1)
    never = {"center": columns["center"] - lower, "scale": columns["scale"] / 1.25}
    twice = {"center": columns["center"] + lower, "scale": columns["scale"] * 1.25}
    for changed in (never, twice):
        write_columns(tmp_path / "valid.h5", columns | changed)
        with pytest.raises(InputError, match="adjusted"):
            read(tmp_path)

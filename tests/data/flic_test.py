import h5py
import numpy as np
import pytest

from hourglass_jax.config import SourceConfig
from hourglass_jax.data.annotations import missing_photographs
from hourglass_jax.data.sources import find_source
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import FLIC

PEOPLE = 4


def read(folder, **fields):
    config = SourceConfig(dataset="flic", raw_dir=folder, **fields)
    source = find_source("flic")
    return source.read(source.find(config, folder), config)


def columns(people=PEOPLE):
    rng = np.random.default_rng(people)
    return {
        "imgname": np.array([f"film-{n}.jpg".encode() for n in range(people)]),
        "index": np.arange(people),
        "person": np.zeros(people, int),
        "center": np.stack([rng.uniform(200, 400, people), np.full(people, 240)], 1),
        "scale": np.full(people, 2.2),
        "part": rng.uniform(100, 400, (people, 11, 2)),
        "visible": np.ones((people, 11)),
        "normalize": np.full(people, 170.0),
    }


def write(folder, name="valid.h5", **changed):
    folder.mkdir(exist_ok=True)
    content = columns() | changed
    with h5py.File(folder / name, "w") as file:
        for column, values in content.items():
            if values is not None:
                file[column] = values
    return content


def test_the_crop_stands_in_the_file_as_it_is_meant(tmp_path):
    content = write(tmp_path)
    annotations = read(tmp_path)
    assert list(annotations.splits) == ["validation"]
    assert annotations.folder == tmp_path / "images"
    for row, person in enumerate(annotations.splits["validation"]):
        assert person.file == f"film-{row}.jpg"
        assert person.side_img == pytest.approx(440)
        np.testing.assert_allclose(person.center_img, content["center"][row] - 1)
        np.testing.assert_allclose(
            person.keypoints_img, content["part"][row] - 1, rtol=1e-6
        )
        assert (person.visibility == 2).all()


def test_each_file_is_a_split_and_numbers_are_unlike(tmp_path):
    write(tmp_path / "annot", "train.h5")
    write(tmp_path / "annot", "valid.h5")
    annotations = read(tmp_path)
    assert {s: len(people) for s, people in annotations.splits.items()} == {
        "train": PEOPLE,
        "validation": PEOPLE,
    }
    assert len({person.person for person in annotations.people()}) == 2 * PEOPLE


def test_single_bad_people_are_problems(tmp_path):
    content = columns()
    content["part"][0, 3] = np.nan
    content["scale"][1] = 0
    content["visible"][2] = 0
    write(tmp_path, **content)
    annotations = read(tmp_path)
    assert [p.person for p in annotations.splits["validation"]] == [1_000_003]
    assert {(p.person - 1_000_000, p.kind) for p in annotations.problems} == {
        (0, "keypoints that are not finite"),
        (1, "no centre or scale"),
        (2, "no labelled keypoint"),
    }


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"part": None}, "valid.h5: no h5 of FLIC"),
        ({"center": None}, "valid.h5: .*'center'.*; expected imgname"),
        ({"part": np.zeros((PEOPLE, 16, 2))}, "no h5 of FLIC; expected `part` with 11"),
        ({"normalize": None}, "valid.h5: .*normalize.*; expected imgname"),
        ({"scale": np.ones(PEOPLE + 1)}, r"scale is float64 of shape \(5,\); expected"),
        ({"visible": np.ones((PEOPLE, 11), "S3")}, "visible is .*; expected numbers"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, changed, message):
    write(tmp_path, **changed)
    with pytest.raises(InputError, match=message) as refusal:
        read(tmp_path)
    assert "\n" not in str(refusal.value)


def test_a_damaged_file_is_refused(tmp_path):
    write(tmp_path)
    path = tmp_path / "valid.h5"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match="valid.h5: not a whole HDF5 file"):
        read(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match=r"neither train.h5 nor valid.h5"):
        read(tmp_path)


@pytest.fixture(scope="module")
def real(shared_data):
    return read(shared_data / "flic")


def test_the_real_people_are_all_there(real):
    assert {s: len(people) for s, people in real.splits.items()} == {
        "train": 3987,
        "validation": 1016,
    }
    assert real.problems == ()
    assert len(missing_photographs(real)) == 3987 + 1016


def test_real_sides_are_those_of_the_picture(real):
    points = np.array([person.keypoints_img for person in real.people()])
    for name in ("l_shoulder", "l_elbow", "l_hip"):
        left = FLIC.keypoints.index(name)
        assert (points[:, left, 0] > points[:, FLIC.flip[left], 0]).all()


def test_real_torsos_are_those_of_the_file_where_sides_were_kept(real, shared_data):
    lengths = []
    for name in ("train.h5", "valid.h5"):
        with h5py.File(shared_data / "flic" / name) as file:
            lengths.append(file["normalize"][()])
    points = np.array([person.keypoints_img for person in real.people()])

    def off(shoulder, hip):
        torso = np.linalg.norm(points[:, shoulder] - points[:, hip], axis=-1)
        return np.abs(torso - np.concatenate(lengths))

    shoulder, hip = FLIC.torso
    mirrored = off(FLIC.flip[shoulder], FLIC.flip[hip])
    assert np.minimum(off(shoulder, hip), mirrored).max() < 0.01
    assert (off(shoulder, hip) < 0.01).mean() > 0.95


def test_real_crops_hold_the_joints_without_enlarging(real):
    inside = []
    for person in real.people():
        reach = np.abs(person.keypoints_img - person.center_img).max()
        inside.append(reach < person.side_img / 2)
    assert np.mean(inside) > 0.98

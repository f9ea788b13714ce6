import numpy as np
import pytest
import scipy.io

from hourglass_jax.config import DataConfig
from hourglass_jax.data import leeds, schema
from hourglass_jax.data.datasets import open_dataset
from hourglass_jax.errors import InputError

from .conftest import PEOPLE, write_joints, write_raw_folder


def prepare(folder, **fields):
    return open_dataset(
        DataConfig(
            dataset="lspet",
            raw_dir=folder,
            data_dir=folder.parent / "prepared",
            **fields,
        )
    )


def prepared_parts(folder):
    """Everything of a prepared data set that is left, finished or not."""
    left = (folder.parent / "prepared").rglob("*1.1.0*")
    return [path for path in left if not path.name.startswith("parts")]


@pytest.fixture
def both_layouts(tmp_path):
    """The same three people in both layouts; joint 4 is absent, or hidden."""
    points = np.random.default_rng(0).uniform(1, 200, (3, 14, 2))
    flags = np.zeros((3, 14, 1))
    flags[:, 4] = 1
    hidden = np.concatenate([points, flags], -1)
    labelled = np.concatenate([points, 1 - flags], -1)
    lsp, extended = tmp_path / "lsp.mat", tmp_path / "extended.mat"
    scipy.io.savemat(lsp, {"joints": hidden.transpose(2, 1, 0)})
    scipy.io.savemat(extended, {"joints": labelled.transpose(1, 2, 0)})
    return points, lsp, extended


def test_flag_one_means_labelled_in_lsp_extended(both_layouts):
    points, _, extended = both_layouts
    keypoints, visibility = leeds.read_joints(extended, "labelled")
    expected = np.full((3, 14), 2)
    expected[:, 4] = 0
    np.testing.assert_array_equal(visibility, expected)
    np.testing.assert_array_equal(keypoints[:, 4], 0)
    np.testing.assert_allclose(keypoints[:, :4], points[:, :4], rtol=1e-6)


def test_flag_one_means_occluded_in_lsp(both_layouts):
    points, lsp, _ = both_layouts
    keypoints, visibility = leeds.read_joints(lsp, "occluded")
    expected = np.full((3, 14), 2)
    expected[:, 4] = 1
    np.testing.assert_array_equal(visibility, expected)
    np.testing.assert_allclose(keypoints, points, rtol=1e-6)


def test_the_other_layout_is_refused_by_name(both_layouts):
    _, lsp, extended = both_layouts
    with pytest.raises(InputError, match=r"\(3, 14, 3\), which looks like LSP;"):
        leeds.read_joints(lsp, "labelled")
    with pytest.raises(InputError, match=r"\(14, 3, 3\), which looks like LSP-ext"):
        leeds.read_joints(extended, "occluded")


def test_a_single_person_keeps_its_axis(tmp_path):
    # MATLAB writes an array of shape (14, 3, 1) as (14, 3).
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": np.ones((14, 3))})
    keypoints, _ = leeds.read_joints(tmp_path / "joints.mat", "labelled")
    assert keypoints.shape == (1, 14, 2)


def test_labels_at_or_below_zero_are_kept(tmp_path):
    joints = np.ones((2, 14, 3))
    joints[0, :2, :2] = [[0, 5], [-1.2, 0]]
    write_joints(tmp_path, joints)
    keypoints, visibility = leeds.read_joints(tmp_path / "joints.mat", "labelled")
    np.testing.assert_allclose(keypoints[0, :2], [[0, 5], [-1.2, 0]], rtol=1e-6)
    assert (visibility == 2).all()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"other": 1}, "no variable `joints`"),
        ({"joints": np.ones((16, 3, 5))}, r"shape \(16, 3, 5\); expected \(14, 3, N\)"),
        ({"joints": np.full((14, 3, 5), 2.0)}, "flags other than 0 and 1"),
        ({"joints": np.full((14, 3, 5), np.nan)}, "not finite"),
    ],
)
def test_joints_that_cannot_be_meant_are_refused(tmp_path, variables, message):
    scipy.io.savemat(tmp_path / "joints.mat", variables)
    with pytest.raises(InputError, match=message):
        leeds.read_joints(tmp_path / "joints.mat", "labelled")


def test_records_are_the_people_in_order(raw_folder):
    joints = write_raw_folder(raw_folder.parent / "same")
    dataset = prepare(raw_folder)
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 8,
        "validation": 3,
        "test": 1,
    }
    assert dataset.skeleton.name == "lsp"
    records = [record for split in dataset.splits.values() for record in split]
    assert [record["person"] for record in records] == list(range(PEOPLE))
    for person, record in enumerate(records):
        labelled = joints[person][joints[person][:, 2] == 1, :2]
        low, high = labelled.min(0), labelled.max(0)
        assert record["file"].decode() == f"im{person + 1:05d}.jpg"
        np.testing.assert_allclose(record["center_img"], (low + high) / 2, rtol=1e-5)
        assert record["side_img"] == pytest.approx(1.25 * (high - low).max(), rel=1e-5)
        np.testing.assert_array_equal(record["visibility"], 2 * joints[person][:, 2])
        present = record["visibility"] > 0
        np.testing.assert_allclose(
            record["keypoints_img"][present], labelled, rtol=1e-5
        )
        np.testing.assert_array_equal(record["keypoints_img"][~present], 0)


def test_splits_without_people_are_left_out(tmp_path, small_splits):
    write_raw_folder(tmp_path / "raw", people=9)
    dataset = prepare(tmp_path / "raw")
    assert list(dataset.splits) == ["train", "validation"]
    with pytest.raises(InputError, match="no split 'test'; expected one of train, val"):
        dataset.split("test")


def test_a_changed_source_is_prepared_anew(raw_folder):
    joints = write_raw_folder(raw_folder.parent / "same")
    before = prepare(raw_folder).split("train")[0]
    joints[0, :, :2] += 3
    joints[0, :, 2] = 1
    write_joints(raw_folder, joints)
    after = prepare(raw_folder).split("train")[0]
    assert not np.array_equal(before["keypoints_img"], after["keypoints_img"])
    assert len(prepared_parts(raw_folder)) == 2


def test_an_unchanged_source_is_prepared_once(raw_folder, monkeypatch):
    prepare(raw_folder)
    monkeypatch.setattr(schema, "make_record", None)
    assert len(prepare(raw_folder).split("train")) == 8


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: folder.rename(folder.parent / "x"), "is not a folder"),
        (lambda folder: (folder / "joints.mat").unlink(), "has no joints.mat"),
        (
            lambda folder: (folder / "images").rename(folder / "pictures"),
            r"photograph missing \(12\): .*im00001.jpg: no such file",
        ),
        (
            lambda folder: (folder / "joints.mat").write_text("a text"),
            "joints.mat: not a MAT file",
        ),
        (
            lambda folder: [
                (folder / "images" / f"im{n:05d}.jpg").unlink() for n in range(2, 10)
            ],
            r"photograph missing \(8\): .*im00002.jpg: no such file.*; and 3 more",
        ),
        (
            lambda folder: write_joints(folder, np.zeros((PEOPLE, 14, 3))),
            r"joints span no box \(12\): .*im00001.jpg : joints: 0 labelled",
        ),
        (
            lambda folder: write_joints(folder, np.ones((PEOPLE, 14, 3))),
            r"joints span no box \(12\): .*im00001.jpg : joints: 14 labelled",
        ),
        (
            lambda folder: [
                (folder / "images" / f"im{n:05d}.jpg").write_bytes(b"\xff\xd8 no")
                for n in (2, 5)
            ],
            r"bad records \(2\): .*im00002.jpg is not a picture.*im00005.jpg",
        ),
    ],
    ids=[
        *("no folder", "no joints", "no images", "no MAT file", "fewer photographs"),
        *("nothing labelled", "one point", "broken photographs"),
    ],
)
def test_a_folder_half_there_is_refused(raw_folder, spoil, message):
    spoil(raw_folder)
    with pytest.raises(InputError, match=message):
        prepare(raw_folder)
    assert prepared_parts(raw_folder) == []


def test_real_joints_follow_their_conventions(shared_data):
    keypoints, visibility = leeds.read_joints(
        shared_data / "lspet" / "joints.mat", "labelled"
    )
    assert keypoints.shape == (9000, 14, 2)
    # Counted in the file by itself: flags, and labels below zero.
    assert np.bincount(visibility.ravel()).tolist() == [15181, 0, 110819]
    assert (keypoints < 0).any(-1).sum() == 6
    keypoints, visibility = leeds.read_joints(
        shared_data / "lsp" / "joints.mat", "occluded"
    )
    assert keypoints.shape == (2000, 14, 2)
    assert set(np.unique(visibility)) == {1, 2}
    assert (visibility == 2).mean() > 0.5

"""A small folder laid out as LSP-extended, and what is prepared from it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io

from hourglass_jax.config import DataConfig
from hourglass_jax.data import leeds
from hourglass_jax.data.datasets import open_dataset

from .keypoint_forms import coco_content, write_json

PEOPLE = 12
GREY_STEP = 20


SMALL_SPLITS = {
    "train": range(8),
    "validation": range(8, 11),
    "test": range(11, 99),
}


def write_raw_folder(folder: Path, people: int = PEOPLE) -> np.ndarray:
    """Photographs of one grey each, which tells the person, and joints [n 14 3]."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    for person in range(people):
        picture = np.full((150, 120 + person, 3), GREY_STEP * (person + 1), np.uint8)
        cv2.imwrite(str(folder / "images" / f"im{person + 1:05d}.jpg"), picture)
    joints = np.zeros((people, 14, 3))
    joints[..., :2] = rng.uniform([40, 50], [80, 100], (people, 14, 2))
    joints[..., 2] = rng.random((people, 14)) < 0.8
    joints[joints[..., 2] == 0, :2] = -53.3  # rubbish, as in the real file
    write_joints(folder, joints)
    return joints


def write_joints(folder: Path, joints: np.ndarray) -> None:
    """Write joints [n 14 3] in the layout of LSP-extended."""
    scipy.io.savemat(folder / "joints.mat", {"joints": joints.transpose(1, 2, 0)})


@pytest.fixture
def raw_folder(tmp_path, small_splits):
    write_raw_folder(tmp_path / "raw")
    return tmp_path / "raw"


@pytest.fixture
def small_splits(monkeypatch):
    """8 people to train, 3 to validate, 1 to test."""
    monkeypatch.setattr(leeds, "EXTENDED_SPLITS", SMALL_SPLITS)


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    """The twelve of `write_raw_folder`, prepared."""
    folder = tmp_path_factory.mktemp("people")
    write_raw_folder(folder / "raw")
    config = DataConfig(
        dataset="lspet", raw_dir=folder / "raw", data_dir=folder / "prepared"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leeds, "EXTENDED_SPLITS", SMALL_SPLITS)
        return open_dataset(config)


@pytest.fixture
def coco(tmp_path):
    return write_json(tmp_path / "labels.json", coco_content())

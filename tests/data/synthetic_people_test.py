import os
from types import SimpleNamespace

import numpy as np
import pytest

from hourglass_jax.config import DataConfig
from hourglass_jax.data import figures, synthetic_people
from hourglass_jax.data.datasets import open_dataset


def draw_stub(seed, index):
    rng = np.random.default_rng((seed, index))
    return SimpleNamespace(
        image=rng.integers(0, 256, (60, 50, 3), dtype=np.uint8),
        keypoints_img=rng.uniform(10, 40, (16, 2)).astype(np.float32),
        visibility=rng.integers(1, 3, 16).astype(np.uint8),
        box_img=np.array([10, 10, 30, 50], np.float32),
    )


@pytest.fixture
def drawn(monkeypatch):
    """Indices of the figures that were drawn; figures are cheap here."""
    indices = []

    def draw(seed, index):
        indices.append(index)
        return draw_stub(seed, index)

    monkeypatch.setattr(figures, "draw_figure", draw)
    return indices


def prepare(folder, people=6, validation_people=3):
    return open_dataset(
        DataConfig(data_dir=folder, people=people, validation_people=validation_people)
    )


def numbers(source):
    return [record["person"] for record in source]


def test_records_are_the_figures(drawn, tmp_path):
    dataset = prepare(tmp_path)
    assert dataset.skeleton.name == "mpii"
    for record in dataset.split("train"):
        figure = draw_stub(0, record["person"])
        np.testing.assert_array_equal(record["keypoints_img"], figure.keypoints_img)
        np.testing.assert_array_equal(record["visibility"], figure.visibility)
        np.testing.assert_array_equal(record["center_img"], [20, 30])
        assert record["side_img"] == 1.25 * 40


def test_nobody_is_in_both_splits(drawn, tmp_path):
    dataset = prepare(tmp_path)
    train, validation = (numbers(dataset.split(s)) for s in ("train", "validation"))
    assert train == list(range(6))
    assert len(set(validation)) == 3
    assert not set(train) & set(validation)


def test_validation_people_do_not_depend_on_how_many_train(drawn, tmp_path):
    few, more = prepare(tmp_path), prepare(tmp_path, people=8)
    assert (len(few.split("train")), len(more.split("train"))) == (6, 8)
    assert numbers(few.split("validation")) == numbers(more.split("validation"))


def test_the_bytes_do_not_depend_on_the_number_of_threads(drawn, tmp_path, monkeypatch):
    kept = []
    for threads in (1, 5):
        monkeypatch.setattr(os, "cpu_count", lambda threads=threads: threads)
        prepare(tmp_path / str(threads), people=150)
        files = sorted((tmp_path / str(threads)).rglob("*array_record*"))
        kept.append([(path.name, path.read_bytes()) for path in files])
    assert kept[0] == kept[1]


def test_figures_are_drawn_once_and_then_read(drawn, tmp_path):
    prepare(tmp_path)
    before = len(drawn)
    prepare(tmp_path)
    assert len(drawn) == before + 1  # the one that the key is made from


def test_figures_of_older_code_do_not_pass_for_todays(drawn, tmp_path, monkeypatch):
    prepare(tmp_path)

    def draw_otherwise(seed, index):
        figure = draw_stub(seed, index)
        figure.image[:] = 9
        return figure

    monkeypatch.setattr(figures, "draw_figure", draw_otherwise)
    prepare(tmp_path)
    assert len(list(tmp_path.glob("synthetic_people/*/1.1.0"))) == 2


def test_a_real_figure_becomes_a_record():
    record = synthetic_people.draw_person(0, 3)
    again = synthetic_people.draw_person(0, 3)
    assert record["image"] == again["image"]
    assert record["keypoints_img"].shape == (16, 2)

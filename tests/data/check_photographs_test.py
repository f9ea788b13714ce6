import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from hourglass_jax.data import check_photographs
from hourglass_jax.data.annotations import Annotations, Person
from hourglass_jax.data.check_photographs import (
    faults,
    leaks,
    look_at,
    look_at_all,
    near_leaks,
)
from hourglass_jax.data.photographs import read_photograph
from hourglass_jax.skeleton import LSP

from .photographs_test import encode, jpeg_with


def texture(number, height=48, width=64):
    coarse = np.random.default_rng(number).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def annotate(folder, **splits):
    """One person a photograph; ``splits`` name the photographs of each."""
    numbers = iter(range(999))
    return Annotations(
        name="mine",
        skeleton=LSP,
        folder=folder,
        splits={
            split: tuple(person(next(numbers), file) for file in files)
            for split, files in splits.items()
        },
    )


def person(number, file):
    return Person(
        person=number,
        file=file,
        where=f"labels : person {number}",
        keypoints_img=np.ones((14, 2), np.float32),
        visibility=np.full(14, 2, np.uint8),
        center_img=np.ones(2),
        side_img=2.0,
    )


@pytest.fixture
def write(tmp_path):
    def write_one(name, content):
        data = content if isinstance(content, bytes) else encode(".png", content)
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write_one


@pytest.mark.parametrize(
    "shape", [(200, 300), (203, 300), (301, 299), (130, 500), (40, 90)]
)
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_is_that_of_the_upright_photograph(write, shape, orientation):
    stored = texture(0, *shape)
    path = write("a.jpg", jpeg_with(orientation, "<", stored))
    height, width = read_photograph(path).shape[:2]
    assert look_at(path).size == (width, height)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff", ".bmp"])
def test_other_formats_have_a_size_too(write, suffix):
    look = look_at(write("a", encode(suffix, texture(0))))
    assert (look.size, look.problem) == ((64, 48), None)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".bmp"])
def test_wherever_a_file_ends_too_early_it_is_found(write, suffix, share):
    noise = np.random.default_rng(0).integers(0, 256, (160, 240, 3), np.uint8)
    data = encode(suffix, noise)
    look = look_at(write("a", data[: int(len(data) * share)]))
    marked = suffix in (".jpg", ".png")  # the others do not show where they end
    kind = "photograph cut off" if marked else "photograph not a picture"
    assert look.problem.kind == kind


def test_a_film_behind_a_photograph_is_no_fault(write):
    look = look_at(write("a.jpg", encode(".jpg", texture(0)) + b"ftyp\xff\xda"))
    assert (look.size, look.problem) == ((64, 48), None)


def test_a_folder_of_that_name_cannot_be_read(tmp_path):
    assert look_at(tmp_path).problem.kind == "photograph cannot be read"


def test_large_jpegs_are_decoded_at_an_eighth(write, monkeypatch):
    seen = []

    def decode(data, flags):
        picture = check_photographs.cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        seen.append(picture.shape)
        return picture

    monkeypatch.setattr(check_photographs, "decode", decode)
    look_at(write("a.jpg", encode(".jpg", texture(0, 400, 800))))
    assert seen == [(50, 100)]


def test_each_photograph_is_read_once_however_many_people_it_has(tmp_path, write):
    write("a.png", texture(0))
    found = annotate(tmp_path, train=["a.png", "a.png", "gone.png"], test=["a.png"])
    assert list(look_at_all(found)) == ["a.png"]


def test_a_size_other_than_stated_is_found(tmp_path, write):
    write("a.png", texture(0))
    found = annotate(tmp_path, train=["a.png"])
    stated = dataclasses.replace(found, sizes={"a.png": (48, 64)})
    right = dataclasses.replace(found, sizes={"a.png": (64, 48)})
    (problem,) = faults(stated, look_at_all(stated))
    assert problem.kind == "photograph of another size"
    assert problem.found.startswith("64x48")
    assert problem.expected.startswith("48x64")
    assert list(faults(right, look_at_all(right))) == []


def test_bytes_and_names_of_another_split_are_found(tmp_path, write):
    for name, number in (("a.png", 0), ("b.png", 1), ("copy.png", 0), ("c.png", 2)):
        write(name, texture(number))
    found = annotate(
        tmp_path,
        train=["a.png", "b.png"],
        validation=["b.png"],
        test=["copy.png", "c.png"],
    )
    told = [
        (Path(problem.where).name, problem.found)
        for problem in leaks(found, look_at_all(found))
    ]
    assert told == [
        ("b.png", "of validation and of train"),
        ("copy.png", "of test, the same bytes as a.png of train"),
    ]


def test_copies_within_a_split_are_no_leak(tmp_path, write):
    for name in ("a.png", "b.png"):
        write(name, texture(0))
    found = annotate(tmp_path, train=["a.png", "b.png", "a.png"])
    looks = look_at_all(found)
    assert [*leaks(found, looks), *near_leaks(found, looks)] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: cv2.resize(picture, (200, 150)),
        lambda picture: cv2.convertScaleAbs(picture, alpha=0.7, beta=30),
        lambda picture: cv2.imdecode(
            cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 1
        ),
        lambda picture: np.repeat(
            cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, 2
        ),
        lambda picture: picture[1:, 1:],
    ],
    ids=["resized", "brighter", "compressed", "grey", "a row cut off"],
)
def test_a_changed_copy_in_another_split_is_nearly_the_same(tmp_path, write, change):
    for number in range(8):
        write(f"{number}.png", texture(number))
    write("changed.png", change(texture(3)))
    found = annotate(
        tmp_path,
        train=[f"{number}.png" for number in range(7)],
        test=["7.png", "changed.png"],
    )
    (problem,) = near_leaks(found, look_at_all(found))
    assert Path(problem.where).name == "changed.png"
    assert "like 3.png of train" in problem.found


def test_photographs_of_one_colour_are_not_alike(tmp_path, write):
    darker_to_the_right = np.linspace(3, 0, 64)[:, None].repeat(3, 1)
    write("a.png", np.uint8(90 + darker_to_the_right)[None].repeat(48, 0))
    write("b.png", np.uint8(120 + darker_to_the_right)[None].repeat(48, 0))
    found = annotate(tmp_path, train=["a.png"], test=["b.png"])
    assert list(near_leaks(found, look_at_all(found))) == []


def test_blocks_compare_everybody_once(tmp_path, write, monkeypatch):
    for number in range(9):
        write(f"{number}.png", texture(number % 3))
    found = annotate(
        tmp_path,
        train=["0.png", "1.png", "2.png"],
        test=[f"{number}.png" for number in range(3, 9)],
    )
    for number in range(3, 9):
        write(f"{number}.png", texture(number % 3)[1:])
    looks = look_at_all(found)
    whole = [str(problem) for problem in near_leaks(found, looks)]
    assert len(whole) == 6
    monkeypatch.setattr(check_photographs, "_BLOCK", 4)
    assert [str(problem) for problem in near_leaks(found, looks)] == whole

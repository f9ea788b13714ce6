import cv2
import numpy as np
import pytest

from hourglass_jax.data.photographs import read_photograph
from hourglass_jax.errors import InputError


@pytest.fixture
def photograph(tmp_path):
    """A JPEG with a red left half."""
    picture = np.zeros((64, 80, 3), np.uint8)
    picture[:, :40, 2] = 255  # OpenCV writes BGR
    cv2.imwrite(str(tmp_path / "photo.jpg"), picture)
    return tmp_path / "photo.jpg"


def test_channels_are_rgb(photograph):
    picture = read_photograph(photograph)
    assert picture.shape == (64, 80, 3)
    assert np.abs(picture[30, 10].astype(int) - (255, 0, 0)).max() < 8


def test_a_grey_photograph_has_three_channels(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((5, 6), 77, np.uint8))
    assert (read_photograph(tmp_path / "grey.png") == np.full((5, 6, 3), 77)).all()


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_photograph_cut_off_is_refused(photograph, share):
    data = photograph.read_bytes()
    photograph.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=r"photo\.jpg: (cut off|not an image)"):
        read_photograph(photograph)


def test_a_whole_thumbnail_does_not_hide_that_the_rest_is_missing(photograph):
    data = photograph.read_bytes()
    exif = b"Exif\0\0" + data  # in an APP1 segment, where cameras put thumbnails
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    whole = data[:2] + segment + data[2:]
    photograph.write_bytes(whole)
    assert read_photograph(photograph).shape == (64, 80, 3)
    photograph.write_bytes(whole[:-200])
    with pytest.raises(InputError, match="cut off"):
        read_photograph(photograph)


@pytest.mark.parametrize("data", [b"", b"a text, no picture"])
def test_what_is_no_image_is_refused(tmp_path, data):
    (tmp_path / "note.jpg").write_bytes(data)
    with pytest.raises(InputError, match=r"note\.jpg: not an image"):
        read_photograph(tmp_path / "note.jpg")


def test_a_missing_photograph_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.jpg: No such file"):
        read_photograph(tmp_path / "gone.jpg")

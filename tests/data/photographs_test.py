import struct
import zlib

import cv2
import numpy as np
import PIL.Image
import pytest

from hourglass_jax.data import photographs
from hourglass_jax.data.photographs import (
    MOST_PIXELS,
    as_picture,
    is_cut_off,
    read_photograph,
)
from hourglass_jax.errors import InputError

# How a camera stores an upright picture under each EXIF orientation (EXIF 2.3, 4.6.4).
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


def scene(channels=3):
    """Four flat quadrants, each of its own colour: no two turns look alike."""
    colours = np.random.default_rng(channels).integers(0, 256, (2, 2, channels))
    return np.kron(colours, np.ones((16, 24, 1))).astype(np.uint8)


def encode(suffix, rgb):
    bgr = rgb if rgb.ndim == 2 else np.concatenate([rgb[..., 2::-1], rgb[..., 3:]], 2)
    done, data = cv2.imencode(suffix, np.ascontiguousarray(bgr))
    assert done
    return data.tobytes()


def exif(orientation, order):
    """A TIFF header and one directory with the one entry 0x0112, a SHORT."""
    mark = {"<": b"II", ">": b"MM"}[order]
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return (
        mark
        + struct.pack(order + "HIH", 42, 8, 1)
        + entry
        + struct.pack(order + "I", 0)
    )


def jpeg_with(orientation, order, rgb):
    block = b"Exif\0\0" + exif(orientation, order)
    segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    data = encode(".jpg", rgb)
    return data[:2] + segment + data[2:]


def png_with(orientation, rgba):
    block = b"eXIf" + exif(orientation, ">")
    size, crc = struct.pack(">I", len(block) - 4), struct.pack(">I", zlib.crc32(block))
    data, header = encode(".png", rgba), 33  # signature and IHDR
    return data[:header] + size + block + crc + data[header:]


def on_white(rgba):
    alpha = rgba[..., 3:] / 255
    return np.rint(rgba[..., :3] * alpha + 255 * (1 - alpha))


@pytest.fixture
def read(tmp_path):
    def read_bytes(data, name="photo.jpg"):
        (tmp_path / name).write_bytes(data)
        return read_photograph(tmp_path / name)

    return read_bytes


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_applied(read, orientation, order):
    stored = STORED[orientation](scene())
    picture = read(jpeg_with(orientation, order, stored))
    assert picture.shape == scene().shape
    assert np.abs(picture.astype(int) - scene()).mean() < 4


@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_turns_alpha_with_the_colours(read, orientation):
    picture = read(png_with(orientation, STORED[orientation](scene(4))))
    np.testing.assert_allclose(picture, on_white(scene(4)), atol=1)


def test_colour_is_rgb(read):
    np.testing.assert_array_equal(read(encode(".png", scene())), scene())


def test_grey_becomes_three_equal_channels(read):
    grey = scene(1)[..., 0]
    picture = read(encode(".png", grey))
    np.testing.assert_array_equal(picture, np.dstack([grey] * 3))


def test_transparent_parts_show_white(read):
    rgba = scene(4)
    rgba[:5, :, 3], rgba[5:9, :, 3] = 0, 255
    picture = read(encode(".png", rgba))
    assert (picture[:5] == 255).all()
    np.testing.assert_array_equal(picture[5:9], rgba[5:9, :, :3])
    np.testing.assert_allclose(picture, on_white(rgba), atol=1)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_scaled_to_eight(read, channels):
    eight = scene(channels)
    sixteen = eight.squeeze().astype(np.uint16) * 257
    expected = on_white(eight) if channels == 4 else np.broadcast_to(eight, (32, 48, 3))
    np.testing.assert_allclose(read(encode(".png", sixteen)), expected, atol=1)


def test_a_palette_with_a_transparent_colour_is_read(read):
    def chunk(kind, body):
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    rows = b"".join(b"\0" + bytes([0, 1, 2]) for _ in range(2))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 3, 0, 0, 0)),
            chunk(b"PLTE", bytes([10, 20, 30, 40, 50, 60, 70, 80, 90])),
            chunk(b"tRNS", bytes([255, 0, 255])),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )
    expected = [[10, 20, 30], [255, 255, 255], [70, 80, 90]]
    np.testing.assert_array_equal(read(data), [expected] * 2)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".bmp"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_truncated_file_is_refused_by_name(read, suffix, share):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encode(suffix, noise)
    with pytest.raises(InputError, match=r"photo\.jpg is (cut off|not a picture)"):
        read(data[: int(len(data) * share)])


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_truncated_file_is_one_line_and_nothing_else(read, capfd, suffix):
    data = encode(suffix, scene())
    with pytest.raises(InputError, match="cut off") as error:
        read(data[: len(data) // 2])
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_a_thumbnail_does_not_hide_that_a_jpeg_is_truncated(read):
    thumbnail = b"Exif\0\0" + encode(".jpg", scene()[::4, ::4])
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    data = encode(".jpg", scene())
    whole = data[:2] + segment + data[2:]
    assert read(whole).shape == scene().shape
    assert is_cut_off(whole[:-20])
    with pytest.raises(InputError, match="cut off"):
        read(whole[:-20])


@pytest.mark.parametrize("end", [b"\xff\xda", b"\xff\xd8\xff\xda\0", b"\xff\xd9\xff"])
def test_a_film_behind_a_jpeg_is_not_looked_at(read, end):
    """Telephones append seconds of film, whose bytes may be any."""
    data = encode(".jpg", scene())
    np.testing.assert_array_equal(read(data + b"ftyp" + end), read(data))


@pytest.mark.parametrize("orientation", STORED)
def test_a_film_does_not_keep_a_jpeg_from_being_turned(read, orientation):
    data = jpeg_with(orientation, ">", STORED[orientation](scene()))
    np.testing.assert_array_equal(read(data + b"\xff\xda"), read(data))


@pytest.mark.parametrize("progressive", [0, 1])
def test_wherever_a_jpeg_ends_too_early_it_is_cut_off(progressive):
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive]
    data = cv2.imencode(".jpg", scene(), options)[1].tobytes()
    assert [is_cut_off(data[:n]) for n in range(3, len(data))] == [True] * (
        len(data) - 3
    )
    assert not is_cut_off(data)


def test_what_is_no_picture_is_refused(read):
    with pytest.raises(InputError, match=r"photo\.jpg is not a picture.*JPEG, PNG"):
        read(b"<html>404 Not Found</html>")


def test_a_file_that_unpacks_to_too_many_pixels_is_not_even_tried(read, monkeypatch):
    monkeypatch.setattr(photographs, "decode", None)
    data = encode(".png", scene())
    side = round(MOST_PIXELS**0.5) + 1
    bomb = data[:16] + struct.pack(">II", side, side) + data[24:]
    with pytest.raises(
        InputError, match=r"photo\.jpg has 10001x10001 pixels; expected"
    ):
        read(bomb)


def test_an_empty_file_is_refused(read):
    with pytest.raises(InputError, match=r"photo\.jpg is empty"):
        read(b"")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"gone\.jpg does not exist"):
        read_photograph(tmp_path / "gone.jpg")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read_photograph(tmp_path)


def test_floats_are_shares_of_full_brightness():
    np.testing.assert_array_equal(as_picture(scene() / 255), scene())
    np.testing.assert_array_equal(as_picture((scene() / 255).astype("f")), scene())
    assert (as_picture(np.full((2, 2), 254.6 / 255)) == 255).all()


def test_grey_and_alpha_arrays_are_taken():
    grey = scene(1)
    expected = np.dstack([grey] * 3)
    np.testing.assert_array_equal(as_picture(grey), expected)
    np.testing.assert_array_equal(as_picture(grey[..., 0]), expected)
    np.testing.assert_allclose(as_picture(scene(4)), on_white(scene(4)), atol=1)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 5, 2), np.uint8), r"shape \(4, 5, 2\)"),
        (np.zeros((2, 4, 5, 3), np.uint8), r"shape \(2, 4, 5, 3\)"),
        (np.zeros((0, 5, 3), np.uint8), r"shape \(0, 5, 3\)"),
        (np.zeros((4, 5, 3), np.int64), "int64.*expected uint8"),
        (np.full((4, 5, 3), 200.0), "from 200 to 200.*divide by 255"),
        (np.full((4, 5, 3), np.nan), "from nan"),
    ],
)
def test_other_arrays_are_refused(array, message):
    with pytest.raises(InputError, match=message):
        as_picture(array)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_pictures_of_pil_are_taken(mode):
    picture = PIL.Image.fromarray(scene(4)).convert(mode)
    shown = PIL.Image.new("RGBA", picture.size, "white")
    shown.alpha_composite(picture.convert("RGBA"))
    expected = np.asarray(shown.convert("RGB"))
    np.testing.assert_allclose(as_picture(picture), expected, atol=1)


@pytest.mark.parametrize("mode", ["CMYK", "P", "LA", "YCbCr", "HSV", "1", "F"])
def test_pictures_of_pil_whose_numbers_mean_something_else_are_refused(mode):
    picture = PIL.Image.fromarray(scene()).convert("L" if mode == "LA" else "RGB")
    with pytest.raises(InputError, match=rf"of mode {mode}; .*convert\(\"RGB\"\)"):
        as_picture(picture.convert(mode))

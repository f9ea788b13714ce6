import struct

import cv2
import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from hourglass_jax.data.picture_headers import find_jpeg_scan, picture_size

STARTS = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"MM\0*"),
    *(b"RIFF0000WEBPVP8 ", b"RIFF0000WEBPVP8L", b"RIFF0000WEBPVP8X"),
)


def encode(suffix, channels, *options):
    shape = (37, 1234, channels) if channels > 1 else (37, 1234)
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    done, data = cv2.imencode(suffix, picture, options)
    assert done
    return data.tobytes()


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".jpg", ()),
        (".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
        (".png", ()),
        (".webp", (cv2.IMWRITE_WEBP_QUALITY, 80)),
        (".webp", (cv2.IMWRITE_WEBP_QUALITY, 101)),
        (".tiff", ()),
        (".bmp", ()),
    ],
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_size_is_that_of_what_was_written(suffix, options, channels):
    if suffix == ".jpg":
        channels = min(channels, 3)
    assert picture_size(encode(suffix, channels, *options)) == (1234, 37)


def test_a_thumbnail_is_not_taken_for_the_picture():
    data, small = encode(".jpg", 3), cv2.imencode(".jpg", np.zeros((8, 9)))[1].tobytes()
    segment = b"\xff\xe1" + struct.pack(">H", len(small) + 2) + small
    assert picture_size(data[:2] + segment + data[2:]) == (1234, 37)


def test_fill_bytes_before_a_marker_are_skipped():
    data = encode(".jpg", 3)
    assert picture_size(data[:2] + b"\xff\xff" + data[2:]) == (1234, 37)


def test_a_stuffed_byte_is_no_marker():
    data = encode(".jpg", 3)
    assert picture_size(data[:2] + b"\xff\0" + data[2:]) == (1234, 37)


@pytest.mark.parametrize("progressive", [0, 1])
def test_the_scan_is_that_of_the_picture_not_of_its_thumbnail(progressive):
    data = encode(".jpg", 3, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    small = cv2.imencode(".jpg", np.zeros((8, 9)))[1].tobytes()
    segment = b"\xff\xe1" + struct.pack(">H", len(small) + 2) + small
    expected = data.index(b"\xff\xda") + len(segment)
    assert find_jpeg_scan(data[:2] + segment + data[2:] + small) == expected


def test_a_header_that_is_cut_off_has_no_scan():
    data = encode(".jpg", 3)
    header = data[: data.index(b"\xff\xda")]
    assert {find_jpeg_scan(header[:n]) for n in range(len(header) + 1)} == {None}


def test_rows_from_top_to_bottom_have_no_negative_height():
    data = bytearray(encode(".bmp", 3))
    struct.pack_into("<i", data, 22, -37)
    assert picture_size(bytes(data)) == (1234, 37)


def test_gif_is_known():
    assert picture_size(b"GIF89a" + struct.pack("<HH", 1234, 37)) == (1234, 37)


def test_the_oldest_bitmaps_are_known():
    header = b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 1234, 37, 1, 24)
    assert picture_size(header) == (1234, 37)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [3, 4])
def test_tiff_is_read_in_either_order(order, kind):
    value = {3: "HH", 4: "I"}[kind]
    pad = (0,) if kind == 3 else ()
    entries = b"".join(
        struct.pack(order + "HHI" + value, tag, kind, 1, size, *pad)
        for tag, size in ((256, 1234), (257, 37))
    )
    mark = {"<": b"II", ">": b"MM"}[order]
    start = mark + struct.pack(order + "HIH", 42, 8, 2)
    assert picture_size(start + entries) == (1234, 37)


@pytest.mark.parametrize("data", [b"", b"<html>", b"P6 4 4 255 "])
def test_what_is_not_known_has_no_size(data):
    assert picture_size(data) is None


@hypothesis.given(strategies.sampled_from(STARTS), strategies.binary(max_size=200))
def test_any_bytes_give_a_size_or_none(start, rest):
    assert picture_size(start + rest) is None or len(picture_size(start + rest)) == 2

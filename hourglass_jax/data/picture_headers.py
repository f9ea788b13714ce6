"""What a picture's header tells, such as how many pixels it has: nothing is decoded."""

import struct
from collections.abc import Callable, Iterator

Size = tuple[int, int]

# Start-of-frame markers; c4, c8 and cc among them mean something else (ITU T.81, B.1).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN = 0xDA
_NO_MARKERS = 0x00, 0xFF  # behind ff: a stuffed byte, and fill, any number of them
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_SHORT = 256, 257, 3


def picture_size(data: bytes) -> Size | None:
    """Width and height as stored, before any EXIF orientation.

    None for formats other than JPEG, PNG, WebP, TIFF, BMP and GIF, and for headers that
    are cut off.
    """
    for start, read in _READERS.items():
        if data.startswith(start):
            try:
                return read(data)
            except (struct.error, ValueError, KeyError, IndexError):
                return None
    return None


def find_jpeg_scan(data: bytes) -> int | None:
    """Where the picture's own data begin, behind any thumbnail; None if nowhere."""
    try:
        return next(at for marker, at in _jpeg_markers(data) if marker == _JPEG_SCAN)
    except (struct.error, ValueError, IndexError):
        return None


def _jpeg(data: bytes) -> Size:
    at = next(at for marker, at in _jpeg_markers(data) if marker in _JPEG_FRAMES)
    height, width = struct.unpack_from(">HH", data, at + 5)
    return width, height


def _jpeg_markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Each marker of a JPEG's header and where it stands; raises where it is cut off.

    What a segment holds, such as a thumbnail with markers of its own, is passed over.
    """
    at = 2
    while True:
        at = data.index(b"\xff", at)
        marker = data[at + 1]
        if marker in _NO_MARKERS:
            at += 1
            continue
        yield marker, at
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]


def _png(data: bytes) -> Size:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif(data: bytes) -> Size:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _bmp(data: bytes) -> Size:
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", data, 18)
    return abs(width), abs(height)  # negative where rows run downwards


def _webp(data: bytes) -> Size:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = data[24:27], data[27:30]
        return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _tiff(data: bytes) -> Size:
    order = "<" if data.startswith(b"II") else ">"
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    found = {}
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        value = order + ("H" if kind == _TIFF_SHORT else "I")
        found[tag] = struct.unpack_from(value, data, entry + 8)[0]
    return found[_TIFF_WIDTH], found[_TIFF_HEIGHT]


_READERS: dict[bytes, Callable[[bytes], Size]] = {
    b"\xff\xd8\xff": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"GIF8": _gif,
    b"BM": _bmp,
    b"RIFF": _webp,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
}

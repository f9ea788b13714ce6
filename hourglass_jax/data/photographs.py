"""Photographs in: from a file of any common format, or from an array of the user's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from hourglass_jax.data.picture_headers import find_jpeg_scan, picture_size
from hourglass_jax.errors import InputError

MOST_PIXELS = 100_000_000
"""A photograph with more is refused before it is decoded, which would take 300 MB.

Few cameras make more; a file of some kilobytes that unpacks to more is an accident or
an attack. OpenCV's own bound is 2^30 pixels: 3 GB.
"""

Picture = UInt8[np.ndarray, "h w 3"]

_PIL_MODES = "L", "RGB", "RGBA"
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"


def read_photograph(path: str | Path) -> Picture:
    """Read a photograph as RGB, upright, eight bits a channel.

    Grey becomes three equal channels, 16 bits are scaled to 8, transparent parts show
    white (as in a viewer), and the EXIF orientation is applied.

    Raises:
      InputError: the file does not exist, cannot be read, is empty, is cut off, has
        more than `MOST_PIXELS`, or is not a picture in a format that OpenCV decodes.
    """
    path = Path(path)
    data = _read_bytes(path)
    width, height = picture_size(data) or (0, 0)
    if width * height > MOST_PIXELS:
        raise InputError(
            f"photograph: {path} has {width}x{height} pixels; expected at most "
            f"{MOST_PIXELS:,}; make it smaller"
        )
    if is_cut_off(data):
        raise InputError(
            f"photograph: {path} is cut off after {len(data)} bytes; copy it again"
        )
    picture = decode(data, cv2.IMREAD_COLOR)
    if picture is None:
        raise InputError(
            f"photograph: {path} is cut off or damaged; copy it again"
            if data.startswith((_JPEG, _PNG))
            else f"photograph: {path} is not a picture, or is damaged; expected "
            "JPEG, PNG, WebP, TIFF or BMP; convert it"
        )
    if not data.startswith(_JPEG):  # which has no alpha
        picture = _on_white(picture, data)
    return np.ascontiguousarray(picture[..., ::-1])


def as_picture(array: Any) -> Picture:
    """A user's array as RGB of eight bits a channel.

    Takes ``uint8``, or floating point in [0, 1], of shape ``[h w 3]`` (RGB), ``[h w]``
    or ``[h w 1]`` (grey) or ``[h w 4]`` (RGB and alpha, laid on white), and pictures of
    PIL of such modes; raises InputError for anything else.
    """
    mode = getattr(array, "mode", None)
    if isinstance(mode, str) and mode not in _PIL_MODES:  # others look like these
        raise InputError(
            f"photograph: a picture of mode {mode}; expected {', '.join(_PIL_MODES)}; "
            'give picture.convert("RGB")'
        )
    array = np.asarray(array)
    grey = array.ndim == 2
    channels = 1 if grey else array.shape[-1] if array.ndim == 3 else 0
    if channels not in (1, 3, 4) or array.size == 0:
        raise InputError(
            f"photograph: an array of shape {array.shape}; expected [h w 3] in RGB "
            "order, [h w] in grey or [h w 4] with alpha"
        )
    array = _eight_bits(array.reshape(*array.shape[:2], channels))
    if channels == 4:
        array = _blend(array[..., :3], array[..., 3])
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))


def _eight_bits(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(
            f"photograph: an array of {array.dtype}; expected uint8 in 0..255 or "
            "floating point in [0, 1]; convert it"
        )
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # false for NaN, too
        raise InputError(
            f"photograph: an array of {array.dtype} from {low:g} to {high:g}; expected "
            "[0, 1] for floating point; divide by 255, or give uint8"
        )
    return np.rint(array * 255).astype(np.uint8)


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"photograph: {path} is a folder; give a file in it")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"photograph: {path} does not exist; check its name") from None
    except OSError as error:
        raise InputError(
            f"photograph: {path} cannot be read ({error.strerror})"
        ) from error
    if not data:
        raise InputError(f"photograph: {path} is empty (0 bytes); copy it again")
    return data


def is_cut_off(data: bytes) -> bool:
    """Whether the end of a JPEG or PNG is missing; older OpenCVs fill it with grey."""
    if data.startswith(_JPEG):
        # Within a scan ff d9 can only be the end; what follows it, such as the film
        # that telephones append, has any bytes.
        scan = find_jpeg_scan(data)
        return scan is None or data.find(b"\xff\xd9", scan) < 0
    return data.startswith(_PNG) and b"IEND\xaeB`\x82" not in data


def decode(data: bytes, flags: int) -> np.ndarray | None:
    """What OpenCV makes of the bytes; None where it cannot read them."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:  # such as more pixels than OpenCV allows
        return None


def _on_white(picture: np.ndarray, data: bytes) -> np.ndarray:
    """Lay a decoded picture on white where the file has alpha."""
    raw = decode(data, cv2.IMREAD_UNCHANGED)
    if raw is None or raw.ndim != 3 or raw.shape[-1] != 4:
        return picture
    return _blend(picture, _turned_like(picture, raw[..., 3], data))


def _turned_like(picture: np.ndarray, alpha: np.ndarray, data: bytes) -> np.ndarray:
    """Turn alpha by the file's EXIF orientation, as `picture` was.

    OpenCV applies the orientation to IMREAD_COLOR, not to IMREAD_UNCHANGED, which alone
    gives alpha, and does not tell which it was: we ask how it turned the colours.
    """
    stored = decode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert stored is not None  # the same bytes were decoded a moment ago
    for colours, candidate in zip(_turns(stored), _turns(alpha), strict=True):
        if np.array_equal(colours, picture):
            return candidate
    return alpha


def _turns(array: np.ndarray) -> Iterator[np.ndarray]:
    """The eight ways to lay a picture down, as it is first."""
    for side in (array, array[:, ::-1]):
        yield from (np.rot90(side, quarter) for quarter in range(4))


def _blend(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    full = np.iinfo(alpha.dtype).max if np.issubdtype(alpha.dtype, np.integer) else 1.0
    share = np.clip(alpha[..., None] / np.float32(full), 0, 1)
    return np.rint(colours * share + 255 * (1 - share)).astype(np.uint8)

"""Reading the photographs of a data set."""

from pathlib import Path

import cv2
import numpy as np

from hourglass_jax.errors import InputError


def read_photograph(path: Path) -> np.ndarray:
    """A photograph as RGB uint8 ``[h w 3]``, turned as its EXIF data says.

    Raises InputError if the file is missing, is no image, or is cut off.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a photograph") from error
    if _is_cut_off(data):
        raise InputError(f"{path}: cut off in the middle; fetch the file again")
    picture = _decode(data) if data else None
    if picture is None:
        raise InputError(f"{path}: not an image; expected JPEG, PNG or the like")
    return picture


def _decode(data: bytes) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:  # such as more pixels than OpenCV allows
        return None


def _is_cut_off(data: bytes) -> bool:
    # OpenCV fills the rest of a truncated JPEG with grey and says nothing. Within the
    # scan that follows the last start-of-scan, ff d9 can only be the end of the image.
    return data.startswith(b"\xff\xd8") and data.rfind(b"\xff\xd9") < data.rfind(
        b"\xff\xda"
    )

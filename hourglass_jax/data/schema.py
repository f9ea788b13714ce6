"""The record: one person, with the part of the photograph that training can reach."""

import math
from typing import Any

import cv2
import numpy as np

from hourglass_jax import geometry
from hourglass_jax.errors import InputError

BOX_PADDING = 1.25
"""Sides of the person's square per longer side of the tight box around the person.

As the authors' code pads MPII's people (s * 1.25). Boxes that a user gives to the
predictor are tight, too, and take the same factor from here: the network must see
people at the size that it was trained on.
"""

REACH = 1.1
"""How far from the box's centre a photograph is stored, in sides of the box.

The authors' augmentation reaches 1.0 (`AugmentConfig.reach`): a crop 2^0.5 times as
wide, turned by 45 degrees. The rest leaves room for some translation.
"""

STORED_SIDE = 640
"""Longest side of a stored picture, in pixels; larger ones are averaged down.

The person's square is then 640 / (2 * 1.1) = 290 pixels wide or more precise than that:
more than the 256 that the network takes in.
"""

JPEG_QUALITY = 95

Record = dict[str, Any]


def make_record(
    photograph: np.ndarray,
    *,
    keypoints_img: np.ndarray,
    visibility: np.ndarray,
    center_img: np.ndarray,
    side_img: float,
    file: str,
    person: int,
    head_size_img: float = 0.0,
    area_img: float = 0.0,
) -> Record:
    """The record of one person, as `builder.features` describes it.

    Stores the part of the photograph (RGB uint8 ``[h w 3]``) within `REACH` sides of
    the centre. Outside the photograph nothing is stored: the crop fills it later.
    Keypoints are ``[k 2]`` photograph pixels; where ``visibility`` is 0 they become 0.
    Raises InputError if the box has no size or does not meet the photograph.
    """
    stored, stored_from_img = _store(photograph, center_img, side_img, file)
    present = np.asarray(visibility)[:, None] > 0
    return {
        "image": encode_picture(stored),
        "stored_from_img": stored_from_img,
        "keypoints_img": np.where(present, keypoints_img, 0).astype(np.float32),
        "visibility": np.asarray(visibility, np.uint8),
        "center_img": np.asarray(center_img, np.float32),
        "side_img": float(side_img),
        "head_size_img": float(head_size_img),
        "area_img": float(area_img),
        "file": file,
        "person": person,
    }


def encode_picture(picture: np.ndarray) -> bytes:
    """JPEG bytes of an RGB uint8 picture."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return data.tobytes()


def decode_picture(data: bytes) -> np.ndarray:
    """The RGB uint8 picture of a record's JPEG bytes; raises ValueError if damaged."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise ValueError("a prepared record is damaged; remove the prepared folder")
    return picture


def _store(
    photograph: np.ndarray, center_img: np.ndarray, side_img: float, file: str
) -> tuple[np.ndarray, geometry.Affine]:
    height, width = photograph.shape[:2]
    x0, x1, y0, y1 = 0, 0, 0, 0
    if side_img > 0 and np.isfinite([*center_img, side_img]).all():
        x0, x1 = _span(center_img[0], side_img, width)
        y0, y1 = _span(center_img[1], side_img, height)
    if x0 >= x1 or y0 >= y1:
        raise InputError(
            f"{file}: a box {side_img:.1f} pixels wide around ({center_img[0]:.1f}, "
            f"{center_img[1]:.1f}); expected one that meets the photograph of "
            f"{width}x{height} pixels; correct or remove this annotation"
        )
    part, small_from_part = _bound(photograph[y0:y1, x0:x1])
    part_from_img = np.array([[1.0, 0, -x0], [0, 1, -y0]])
    return part, geometry.compose(small_from_part, part_from_img)


def _span(center: float, side: float, size: int) -> tuple[int, int]:
    reach = REACH * side
    return max(0, math.floor(center - reach)), min(size, math.ceil(center + reach) + 1)


def _bound(part: np.ndarray) -> tuple[np.ndarray, geometry.Affine]:
    height, width = part.shape[:2]
    ratio = min(1.0, STORED_SIDE / max(height, width))
    small_width = max(1, round(width * ratio))
    small_height = max(1, round(height * ratio))
    if ratio < 1:
        part = cv2.resize(part, (small_width, small_height), None, 0, 0, cv2.INTER_AREA)
    return part, geometry.resize_affine(small_width / width, small_height / height)

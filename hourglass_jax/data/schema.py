"""The record: one person, with the part of the photograph that training can reach."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hourglass_jax import geometry
from hourglass_jax.data.annotations import Person
from hourglass_jax.data.check_people import find_misfits
from hourglass_jax.data.photographs import read_photograph
from hourglass_jax.errors import InputError

BOX_PADDING = 1.25
"""Sides of the person's square per longer side of the tight box around the person.

As the authors' code pads MPII's people (s * 1.25). Boxes that a user gives to the
predictor are tight, too, and take the same factor from here: the network must see
people at the size that it was trained on.
"""

REACH = 1.1
"""How far from the box's centre a photograph is stored at least, in sides of the box.

The authors' augmentation reaches 1.0 (`AugmentConfig.reach`): a crop 2^0.5 times as
wide, turned by 45 degrees. The rest leaves room for some translation.
"""

STORED_SIDE = 640
"""Longest side of what is stored within `REACH`, in pixels; more is averaged down.

The person's square is then 640 / (2 * 1.1) = 290 pixels wide: more than the 256 that
the network takes in.
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
    reach: float = REACH,
) -> Record:
    """The record of one person, as `builder.features` describes it.

    Stores the part of the photograph (RGB uint8 ``[h w 3]``) within ``reach`` sides of
    the centre. Outside the photograph nothing is stored: the crop fills it later.
    Keypoints are ``[k 2]`` photograph pixels; where ``visibility`` is 0 they become 0.
    Raises InputError if the box has no size or does not meet the photograph.
    """
    stored, stored_from_img = _store(photograph, center_img, side_img, reach, file)
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


def encode_picture(picture: np.ndarray, quality: int = JPEG_QUALITY) -> bytes:
    """JPEG bytes of an RGB uint8 picture."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()


def decode_picture(data: bytes) -> np.ndarray:
    """The RGB uint8 picture of a record's JPEG bytes; raises ValueError if damaged."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise ValueError("a prepared record is damaged; remove the prepared folder")
    return picture


def person_record(
    folder: Path, reach: float, person: Person, names: tuple[str, ...] = ()
) -> Record:
    """Read the photograph of an annotated person and make the record.

    Where the keypoints' names are given, raises InputError for joints far outside the
    photograph, too.
    """
    photograph = read_photograph(folder / person.file)
    height, width = photograph.shape[:2]
    if names:
        for misfit in find_misfits(person, (width, height), names):
            raise InputError(str(misfit))
    fields = {field.name: getattr(person, field.name) for field in _PERSON}
    return make_record(photograph, **fields, reach=reach)


_PERSON = [f for f in dataclasses.fields(Person) if f.name != "where"]


def _store(
    photograph: np.ndarray,
    center_img: np.ndarray,
    side_img: float,
    reach: float,
    file: str,
) -> tuple[np.ndarray, geometry.Affine]:
    height, width = photograph.shape[:2]
    reach_img = reach * side_img
    x0, x1, y0, y1 = 0, 0, 0, 0
    if reach_img > 0 and np.isfinite([*center_img, reach_img]).all():
        x0, x1 = _span(center_img[0], reach_img, width)
        y0, y1 = _span(center_img[1], reach_img, height)
    if x0 >= x1 or y0 >= y1:
        raise InputError(
            f"{file}: a box around ({center_img[0]:.1f}, {center_img[1]:.1f}) that "
            f"reaches {reach_img:.1f} pixels; expected one that meets the photograph "
            f"of {width}x{height} pixels; correct or remove this annotation"
        )
    most = STORED_SIDE * reach / REACH
    part, small_from_part = _bound(photograph[y0:y1, x0:x1], most)
    part_from_img = np.array([[1.0, 0, -x0], [0, 1, -y0]])
    return part, geometry.compose(small_from_part, part_from_img)


def _span(center: float, reach: float, size: int) -> tuple[int, int]:
    return max(0, math.floor(center - reach)), min(size, math.ceil(center + reach) + 1)


def _bound(part: np.ndarray, most: float) -> tuple[np.ndarray, geometry.Affine]:
    height, width = part.shape[:2]
    ratio = min(1.0, most / max(height, width))
    small_width = max(1, round(width * ratio))
    small_height = max(1, round(height * ratio))
    if ratio < 1:
        part = cv2.resize(part, (small_width, small_height), None, 0, 0, cv2.INTER_AREA)
    return part, geometry.resize_affine(small_width / width, small_height / height)

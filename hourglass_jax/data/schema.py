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

STORED_SIDE = 576
"""Longest side of what is stored within `REACH`, in pixels; more is averaged down.

The person's square is then 576 / (2 * 1.1) = 262 pixels wide: more than the 256 that
the network takes in.
"""

INNER = 0.7
"""How far from the box's centre the second picture of a record reaches, in its sides.

It is a part of the first one that most crops lie within, and decoding is what most of a
crop's time goes into.
"""

JPEG_QUALITY = 95

# Pixels that a JPEG codes together: cut along them, a part is coded as in the whole.
_BLOCK = 16

# Of a part's edge, where the colours of its neighbours are missing.
_EDGE = 3

# Largest share of the first picture that the second one saves anything at.
_WORTH_IT = 0.75

_NOWHERE = 2**30

PICTURES = ("image", "inner")
"""Fields of a record that hold JPEG bytes; the others are numbers and a name."""

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
    inner, inner_box = _cut_inner(stored, stored_from_img, center_img, side_img)
    present = np.asarray(visibility)[:, None] > 0
    return {
        "image": encode_picture(stored),
        "inner": inner,
        "inner_box": inner_box,
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


def decode_picture(data: bytes, shrink: int = 1) -> np.ndarray:
    """The RGB uint8 picture of a record's JPEG bytes; raises ValueError if damaged.

    ``shrink`` of 2, 4 or 8 averages so many pixels in x and in y while decoding.
    """
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS[shrink])
    if picture is None:
        raise ValueError("a prepared record is damaged; remove the prepared folder")
    return picture if shrink == 1 else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


_FLAGS = {
    1: cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def open_picture(
    record: Record, crop_from_img: geometry.Affine, size: tuple[int, int]
) -> tuple[np.ndarray, geometry.Affine]:
    """The least of a record's picture that a crop needs, and ``crop_from_picture``.

    Of the record's two pictures the smaller one that holds the crop of ``size =
    (height, width)``, at the smallest scale that is no coarser than the crop.
    """
    crop_from_part = geometry.compose(
        crop_from_img, geometry.invert(record["stored_from_img"])
    )
    ratio = math.sqrt(abs(np.linalg.det(crop_from_part[:, :2])))
    shrink = next((n for n in (8, 4, 2) if n * ratio <= 1), 1)
    data = record["image"]
    if _holds_crop(record, geometry.invert(crop_from_part), size, shrink):
        data = record["inner"]
        x, y = np.maximum(record["inner_box"][:2], 0)
        crop_from_part = geometry.compose(
            crop_from_part, np.array([[1.0, 0, x], [0, 1, y]])
        )
    enlarge = geometry.resize_affine(shrink, shrink)
    return decode_picture(data, shrink), geometry.compose(crop_from_part, enlarge)


def _holds_crop(
    record: Record,
    stored_from_crop: geometry.Affine,
    size: tuple[int, int],
    shrink: int,
) -> bool:
    """Whether every pixel that the crop looks at is in the inner picture."""
    if not record["inner"]:
        return False
    low, high = record["inner_box"].reshape(2, 2).astype(np.float64)
    height, width = size
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) - 0.5
    reached = geometry.transform(stored_from_crop, corners)
    edge = _EDGE * shrink
    return bool((reached >= low + edge).all() and (reached <= high - edge).all())


def _cut_inner(
    stored: np.ndarray,
    stored_from_img: geometry.Affine,
    center_img: np.ndarray,
    side_img: float,
) -> tuple[bytes, np.ndarray]:
    """The part of the stored picture within `INNER`, and its x0, y0, x1, y1.

    A side beyond which there is nothing is `_NOWHERE` away. Empty where it would be
    most of the picture.
    """
    height, width = stored.shape[:2]
    corners_img = np.asarray(center_img) + INNER * side_img * np.array([[-1], [1]])
    low, high = geometry.transform(stored_from_img, corners_img)
    x0, y0 = (max(0, math.floor(n / _BLOCK) * _BLOCK) for n in low)
    x1, y1 = (math.ceil(n / _BLOCK) * _BLOCK for n in high)
    part = stored[y0:y1, x0:x1]
    box = [
        *(first or -_NOWHERE for first in (x0, y0)),
        *(n if n < size else _NOWHERE for n, size in ((x1, width), (y1, height))),
    ]
    saves = 0 < part.size <= _WORTH_IT * stored.size
    return encode_picture(part) if saves else b"", np.array(box, np.int32)


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

"""People from annotations in COCO's form, and everything that is wrong with them.

COCO counts pixels in two ways: keypoints at pixel centres, which lie at integers, as
here; boxes from the outer edge of the first pixel, so that ``[0, 0, width, height]`` is
the whole photograph. A box ``[x, y, w, h]`` therefore spans x - 0.5 to x + w - 0.5.

`num_keypoints` is not read, the labels themselves tell; where v is 0, x and y are not
looked at, but must be numbers. A truth value is no number.
"""

import collections
import dataclasses
from reprlib import repr as short_repr
from typing import Any

import numpy as np

from hourglass_jax.data.annotations import Person, Problem
from hourglass_jax.data.coco_files import CocoFile, Id, is_id, shown
from hourglass_jax.data.schema import BOX_PADDING
from hourglass_jax.geometry import square_box

CROWD = "crowds"
OTHER = "annotations of other categories"

_NUMBERS = {int, float}
_VISIBILITIES = {0, 1, 2}

_FARTHEST = 1_000_000
"""Coordinates beyond are as wrong as infinite ones: no photograph is that large."""

_SMALLEST = 1.0
"""Pixels of a box; below, it was written in shares of the photograph."""


@dataclasses.dataclass(kw_only=True)
class People:
    """The people of a file.

    Attributes:
      usable: those who can be used; `file` is as it stands in the COCO file.
      problems: what is wrong with the others.
      unlabelled: of those without a keypoint, a problem each; the user of this decides
        whether it is one.
      left_out: how many of `CROWD` and `OTHER`.
      boxes_from_joints: how many of the usable have no box of their own.
    """

    usable: list[Person] = dataclasses.field(default_factory=list)
    problems: list[Problem] = dataclasses.field(default_factory=list)
    unlabelled: list[Problem] = dataclasses.field(default_factory=list)
    left_out: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter
    )
    boxes_from_joints: int = 0


def read_people(file: CocoFile, category: Id, keypoints: int, first: int) -> People:
    """The people of a category, each with ``keypoints`` of them, in the file's order.

    They are numbered by their place among all annotations, counting from ``first``.
    """
    people = People()
    places: dict[Id, int] = {}
    for place, fields in enumerate(file.annotations):
        record = _Record(file, place, first + place, fields)
        if isinstance(fields, dict):
            record.check_id(places)
            if left_out := record.left_out(category):
                people.left_out[left_out] += 1
            else:
                _add_person(people, record, keypoints)
        else:
            record.refuse("not a record", "", "an object with id, image_id, keypoints")
        people.problems += record.problems
    return people


def _add_person(people: People, record: "_Record", keypoints: int) -> None:
    file, joints_img = record.photograph(), record.joints_img(keypoints)
    box_img, area_img = record.box_img(), record.area_img()
    if record.problems or file is None or joints_img is None:
        return
    visibility = joints_img[:, 2].astype(np.uint8)
    labelled_img = joints_img[visibility > 0, :2]
    if not len(labelled_img):
        people.unlabelled.append(
            record.problem("no keypoint", "keypoints", "none labelled", "one or more")
        )
        return
    if box_img is None:
        box_img = np.concatenate([labelled_img.min(0), labelled_img.max(0)])
        if np.ptp(labelled_img, axis=0).max() < _SMALLEST:
            found = f"no bbox, and {len(labelled_img)} joints within a pixel"
            expected = "a bbox, or joints in different places, in pixels"
            record.note("joints span no box", "keypoints", found, expected)
            return
        people.boxes_from_joints += 1
    center_img, side_img = square_box(box_img, BOX_PADDING)
    people.usable.append(
        Person(
            person=record.person,
            file=file,
            where=record.where,
            keypoints_img=np.where(visibility[:, None] > 0, joints_img[:, :2], 0),
            visibility=visibility,
            center_img=center_img,
            side_img=side_img,
            area_img=area_img,
        )
    )


class _Record:
    """An annotation, and what is wrong with it; ``person`` is its number."""

    def __init__(self, file: CocoFile, place: int, person: int, fields: Any) -> None:
        self.file, self.place, self.person, self.fields = file, place, person, fields
        self.where = f"{file.path} : annotations[{place}]"
        self.problems: list[Problem] = []

    def problem(self, kind: str, field: str, found: str, expected: str) -> Problem:
        """What is wrong with a field."""
        where = f"{self.where} : {field}" if field else self.where
        return Problem(
            kind=kind, where=where, found=found, expected=expected, person=self.person
        )

    def note(self, kind: str, field: str, found: str, expected: str) -> None:
        """Keep what is wrong with a field."""
        self.problems.append(self.problem(kind, field, found, expected))

    def refuse(self, kind: str, field: str, expected: str) -> None:
        """Keep that a field cannot be used as it stands."""
        self.note(kind, field, shown(self.fields, field), expected)

    def check_id(self, places: dict[Id, int]) -> None:
        """Note an id that is none or another's; ``places`` are those of all so far."""
        key = self.fields.get("id")
        if not is_id(key):
            self.refuse("no id", "id", "a whole number or a text")
            return
        self.where = f"{self.file.path} : annotation {short_repr(key)}"
        if places.setdefault(key, self.place) != self.place:
            self.refuse("duplicate id", "id", "one of its own")

    def left_out(self, category: Id) -> str | None:
        """What it is, if it is no single person."""
        key = self.fields.get("category_id")
        if not is_id(key) or key not in self.file.categories:
            self.refuse("unknown category", "category_id", "an id in categories")
        elif key != category:
            return OTHER
        crowd = self.fields.get("iscrowd", 0)
        if not isinstance(crowd, int | float) or crowd not in (0, 1):
            self.refuse("iscrowd not 0 or 1", "iscrowd", "0 or 1")
        elif crowd:
            return CROWD
        return None

    def photograph(self) -> str | None:
        key = self.fields.get("image_id")
        if is_id(key) and key in self.file.photographs:
            return self.file.photographs[key]
        self.refuse("unknown photograph", "image_id", "the id of one in images")
        return None

    def joints_img(self, count: int) -> np.ndarray | None:
        """``[k 3]``: x, y, visibility; float32."""
        values = self.fields.get("keypoints")
        if not isinstance(values, list) or len(values) != 3 * count:
            expected = f"{3 * count} numbers, 3 a keypoint"
            self.refuse("keypoints of wrong length", "keypoints", expected)
            return None
        if not self._numbers("keypoints", "keypoints", values):
            return None
        if not _VISIBILITIES.issuperset(values[2::3]):
            places = range(2, 3 * count, 3)
            wrong = next(i for i in places if values[i] not in _VISIBILITIES)
            kind = "visibility out of range"
            self._refuse_value(kind, "keypoints", wrong, "0, 1 or 2")
            return None
        return np.array(values, np.float32).reshape(count, 3)

    def box_img(self) -> np.ndarray | None:
        """The box (x0, y0, x1, y1); None where there is none, or a wrong one."""
        values = self.fields.get("bbox")
        if values is None or values == []:
            return None
        if not isinstance(values, list) or len(values) != 4:
            self.refuse("box of wrong length", "bbox", "x, y, width and height")
        elif self._numbers("box", "bbox", values):
            x, y, width, height = values
            if min(width, height) > 0 and max(width, height) >= _SMALLEST:
                return np.array([x, y, x + width, y + height]) - 0.5
            expected = "a width and a height above 0, in pixels"
            self.refuse("box without size", "bbox", expected)
        return None

    def area_img(self) -> float:
        """The area; 0 where there is none, or a wrong one."""
        area = self.fields.get("area")
        if area is None:
            return 0.0
        if type(area) in _NUMBERS and 0 <= area <= _FARTHEST**2:
            return float(area)
        self.refuse("area not a number", "area", "a finite number, 0 or more")
        return 0.0

    def _numbers(self, what: str, field: str, values: list[Any]) -> bool:
        """Whether all are finite numbers; keeps the first that is not."""
        # Fast for the many that are; exact for whole numbers of any size.
        if _NUMBERS.issuperset(map(type, values)) and all(
            -_FARTHEST <= value <= _FARTHEST for value in values
        ):
            return True
        for i, value in enumerate(values):
            if type(value) not in _NUMBERS:
                self._refuse_value(f"{what} not numbers", field, i, "a number")
                break
            if not -_FARTHEST <= value <= _FARTHEST:
                expected = f"a finite number, at most {_FARTHEST}"
                self._refuse_value(f"{what} not finite", field, i, expected)
                break
        return False

    def _refuse_value(self, kind: str, field: str, i: int, expected: str) -> None:
        self.note(kind, f"{field}[{i}]", short_repr(self.fields[field][i]), expected)

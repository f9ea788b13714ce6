"""The forms that files of boxes come in: our JSON, CSV, COCO's two."""

import csv
import dataclasses
import json
import math
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from reprlib import repr as short_repr
from typing import Any, NamedTuple

from hourglass_jax.data.coco_files import Id, is_id, people_category, read_coco
from hourglass_jax.errors import InputError

Frame = int | None
"""Of a film; None where the boxes are for a photograph, or for every frame."""

_CORNERS, _EXTENTS = ("x0", "y0", "x1", "y1"), ("x", "y", "width", "height")

_COCO_PEOPLE = 1
"""The category of people in COCO, whose detections often name all eighty."""


@dataclasses.dataclass(kw_only=True)
class Table:
    """What a file of boxes holds, not yet checked.

    Attributes:
      extents: boxes are (x, y, width, height), not (x0, y0, x1, y1).
      by_id: photographs are meant by ids, not by names.
      boxes: by photograph and frame.
      scores: of the boxes, where they are known.
      names: the ids of photographs that the file names.
      left_out: boxes of other things than people, of crowds, and of low score.
    """

    extents: bool = False
    by_id: bool = False
    boxes: dict[Id, dict[Frame, list[Any]]] = dataclasses.field(default_factory=dict)
    scores: dict[tuple[Id, Frame], list[float]] = dataclasses.field(
        default_factory=dict
    )
    names: dict[str, Id] = dataclasses.field(default_factory=dict)
    left_out: int = 0


def read_table(path: Path, least_score: float) -> Table:
    """Read a file of any form; boxes that score less are left out.

    Raises:
      InputError: it cannot be read, or is of no known form; a score is no finite
        number, or `least_score` is given where there are no scores.
    """
    if not math.isfinite(least_score):
        raise InputError(
            f"boxes: a least score of {least_score}; expected a finite number"
        )
    if path.suffix.lower() == ".csv":
        return _read_csv(path, least_score)
    content = _read_json(path)
    if isinstance(content, list):
        return _read_detections(path, content, least_score)
    if not isinstance(content, dict):
        raise _unknown(path, f"holds a {type(content).__name__}")
    if {"images", "annotations"} <= content.keys():
        return _read_annotations(path, least_score)
    if content and least_score:
        raise _no_score(f"boxes: {path}")
    return _read_ours(path, content)


def _read_ours(path: Path, content: Mapping[str, Any]) -> Table:
    table = Table()
    for name, boxes in content.items():
        frames = boxes if isinstance(boxes, dict) else {None: boxes}
        try:
            table.boxes[name] = {
                None if number is None else int(number): its
                for number, its in frames.items()
            }
        except ValueError as error:
            raise InputError(
                f"boxes: {path}: {name}: {error}; expected the numbers of frames, "
                "from 0"
            ) from None
        if len(table.boxes[name]) < len(frames):  # "1" and "01"
            raise _twice(f"boxes: {path}: {name}", "a frame")
    return table


class _Row(NamedTuple):
    """A box as it stands in the file, and where that is, for errors."""

    where: str
    key: Any
    frame: Frame
    box: Any
    score: Any


def _read_detections(path: Path, content: list[Any], least_score: float) -> Table:
    fields = {"image_id", "bbox"}
    if not all(isinstance(one, dict) and fields <= one.keys() for one in content):
        raise _unknown(path, "holds a list, but not of objects with these fields")
    people = [
        _row(f"boxes: {path} : [{i}]", one, one.get("score"))
        for i, one in enumerate(content)
        if one.get("category_id", _COCO_PEOPLE) == _COCO_PEOPLE
    ]
    if content and not people:
        _refuse_one_category(path, [one["category_id"] for one in content])
    table = Table(extents=True, by_id=True, left_out=len(content) - len(people))
    _fill(table, people, path, least_score)
    return table


def _row(where: str, record: Mapping[str, Any], score: Any) -> _Row:
    return _Row(where, record["image_id"], None, record["bbox"], score)


def _refuse_one_category(path: Path, categories: list[Any]) -> None:
    """Raise InputError where what is not COCO's people may well be people."""
    first = categories[0]
    if all(category == first for category in categories):
        raise InputError(
            f"boxes: {path}: all are of category {short_repr(first)}; people are "
            f"{_COCO_PEOPLE}: change category_id if these are people"
        )


def _read_annotations(path: Path, least_score: float) -> Table:
    file = read_coco(path)
    category = people_category(file)
    people = [
        _row(f"boxes: {path} : annotations[{i}]", one, None)
        for i, one in enumerate(file.annotations)
        if isinstance(one, dict)
        and one.get("category_id") == category
        and not one.get("iscrowd")
        and {"image_id", "bbox"} <= one.keys()
    ]
    table = Table(
        extents=True,
        by_id=True,
        names={name: key for key, name in file.photographs.items()},
        left_out=len(file.annotations) - len(people),
    )
    _fill(table, people, path, least_score)
    return table


def _read_csv(path: Path, least_score: float) -> Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            lines = list(csv.DictReader(text))
    except OSError as error:
        raise _unreadable(path, error) from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"boxes: {path}: not CSV ({error})") from None
    columns = set(lines[0]) if lines else {"file", *_CORNERS}
    extents = set(_EXTENTS) <= columns
    names = _EXTENTS if extents else _CORNERS
    if not {"file", *names} <= columns:
        raise _unknown(path, "is CSV without these columns")
    table = Table(extents=extents)
    rows = (_csv_row(path, i, line, names) for i, line in enumerate(lines, start=2))
    _fill(table, rows, path, least_score)
    return table


def _csv_row(
    path: Path, number: int, line: Mapping[str, str], names: Iterable[str]
) -> _Row:
    where = f"boxes: {path} : line {number}"
    try:
        box = [float(line[name]) for name in names]
        score = float(line["score"]) if line.get("score") else None
        frame = int(line["frame"]) if line.get("frame") else None
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}; expected numbers") from None
    return _Row(where, line["file"], frame, box, score)


def _fill(table: Table, rows: Iterable[_Row], path: Path, least_score: float) -> None:
    for where, key, frame, box, score in rows:
        _check(where, key, score, least_score)
        # A photograph is known even if all its boxes are left out.
        boxes = table.boxes.setdefault(key, {}).setdefault(frame, [])
        if score is not None and score < least_score:
            table.left_out += 1
            continue
        boxes.append(box)
        if score is not None:
            table.scores.setdefault((key, frame), []).append(score)
    for (key, frame), scores in table.scores.items():
        if len(scores) != len(table.boxes[key][frame]):
            raise InputError(
                f"boxes: {path}: {key}: some boxes have a score and some have none; "
                "expected all or none"
            )


def _check(where: str, key: object, score: object, least_score: float) -> None:
    if not is_id(key):
        raise InputError(
            f"{where}: {short_repr(key)} for a photograph; expected a name or an id, a "
            "whole number or a text"
        )
    if score is None:
        if least_score:
            raise _no_score(where)
    elif not _is_finite(score):
        raise InputError(
            f"{where}: a score of {short_repr(score)}; expected a finite number"
        )


def _is_finite(value: Any) -> bool:
    """Whether it is a number of float64: NaN is none, and not every int is one."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= sys.float_info.max


def _no_score(where: str) -> InputError:
    return InputError(
        f"{where}: no score; --min-box-score is for boxes that all have one; leave it "
        "out"
    )


def _twice(where: str, what: str) -> InputError:
    return InputError(f"{where}: {what} twice; expected one list of all its boxes")


def _unknown(path: Path, what: str) -> InputError:
    return InputError(
        f'boxes: {path} {what}; expected {{"photo.jpg": [[x0, y0, x1, y1], ...]}}, '
        "COCO detections (image_id, bbox) or annotations, or CSV with file, x0, y0, "
        "x1, y1"
    )


def _read_json(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(text, object_pairs_hook=partial(_object, path))
    except OSError as error:
        raise _unreadable(path, error) from None
    except (ValueError, RecursionError) as error:  # JSON and UTF-8 alike
        raise InputError(f"boxes: {path}: not JSON ({error})") from None


def _object(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse two values of one key, of which the first would be lost silently."""
    content = dict(pairs)
    if len(content) < len(pairs):
        ((again, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise _twice(f"boxes: {path}", short_repr(again))
    return content


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"boxes: {path} cannot be read ({error.strerror}); check its name"
    )

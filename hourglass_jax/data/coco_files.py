"""Files in COCO's JSON form: photographs, categories, and annotations still unread.

Ids may be whole numbers of any size, or texts, and are compared as they stand: 1 and
"1" are different.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from reprlib import repr as short_repr
from typing import Any

from hourglass_jax.data.annotations import Problem
from hourglass_jax.errors import InputError

Id = int | float | str

_LARGEST_SIDE = 10**6
_LONGEST_NAME = 255  # bytes, in all common file systems


@dataclasses.dataclass(frozen=True, kw_only=True)
class CocoFile:
    """What a file holds.

    Attributes:
      path: of the file.
      photographs: `file_name` by id, of those that can be used.
      sizes: width and height by `file_name`, where the file states them.
      categories: by id.
      annotations: as they stand in the file.
      problems: what is wrong with the photographs.
    """

    path: Path
    photographs: Mapping[Id, str]
    sizes: Mapping[str, tuple[int, int]]
    categories: Mapping[Id, Mapping[str, Any]]
    annotations: list[Any]
    problems: tuple[Problem, ...]


def read_coco(path: Path) -> CocoFile:
    """Read a file; raises InputError if it is not of COCO's form."""
    content = _load(path)
    for key in ("images", "annotations", "categories"):
        if not isinstance(content.get(key), list):
            found = shown(content, key)
            raise InputError(f"{path} : {key}: {found}; expected a list, as in COCO")
    photographs, problems = _read_photographs(path, content["images"])
    return CocoFile(
        path=path,
        photographs=photographs,
        sizes=dict(_read_sizes(content["images"], set(photographs.values()))),
        categories=_read_categories(path, content["categories"]),
        annotations=content["annotations"],
        problems=tuple(problems),
    )


def people_category(file: CocoFile) -> Id:
    """The one category that has keypoints; where none has, the only one there is.

    Raises:
      InputError: there is none, or there are several of them.
    """
    with_names = [i for i, one in file.categories.items() if one.get("keypoints")]
    found = with_names or list(file.categories)
    if len(found) == 1:
        return found[0]
    where = f"{file.path} : categories"
    if not with_names:
        raise InputError(
            f"{where}: {len(found)}, none of them with `keypoints`; expected one with "
            "the names of its keypoints"
        )
    names = ", ".join(short_repr(file.categories[i].get("name")) for i in found)
    raise InputError(
        f"{where}: {len(found)} with `keypoints` ({names}); expected one; keep one of "
        "them in the file"
    )


def is_id(value: object) -> bool:
    """Whether something can be an id: a whole number, or a text."""
    whole = isinstance(value, float) and value.is_integer()
    return whole or (isinstance(value, int | str) and not isinstance(value, bool))


def shown(record: object, field: str) -> str:
    """What an error says of a field of a record; without a field, of the record."""
    if not field or not isinstance(record, dict):
        return short_repr(record)
    return short_repr(record[field]) if field in record else "missing"


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    except RecursionError as error:
        raise InputError(f"{path}: nested too deeply; expected COCO's form") from error
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); write the file again") from error
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: holds a {type(content).__name__}; expected an object with "
            "images, annotations and categories, as in COCO"
        )
    return content


def _read_categories(path: Path, records: list[Any]) -> dict[Id, Mapping[str, Any]]:
    categories: dict[Id, Mapping[str, Any]] = {}
    for i, record in enumerate(records):
        where = f"{path} : categories[{i}]"
        if not isinstance(record, dict) or not is_id(record.get("id")):
            raise InputError(f"{where}: {short_repr(record)}; expected one with an id")
        if record["id"] in categories:
            found = short_repr(record["id"])
            raise InputError(f"{where} : id: {found} twice; expected one of its own")
        categories[record["id"]] = record
    return categories


def _read_sizes(
    records: list[Any], names: set[str]
) -> Iterator[tuple[str, tuple[int, int]]]:
    for record in records:
        if isinstance(record, dict) and isinstance(record.get("file_name"), str):
            name = _normal(record["file_name"])
            sides = [_side(record.get(key)) for key in ("width", "height")]
            if name in names and all(sides):
                yield name, (sides[0], sides[1])


def _side(value: Any) -> int:
    """A side in pixels; 0 for what is none."""
    return value if type(value) is int and 0 < value < _LARGEST_SIDE else 0


def _read_photographs(
    path: Path, records: list[Any]
) -> tuple[dict[Id, str], list[Problem]]:
    """The photographs that can be used, and what is wrong with the others.

    Of two with one id and different names nobody knows which one annotations mean:
    neither is used.
    """
    names: dict[Id, str] = {}
    ambiguous: set[Id] = set()
    problems = []
    for i, record in enumerate(records):
        fault = _photograph_fault(record)
        if fault is None:
            key, name = record["id"], _normal(record["file_name"])
            if key not in names:
                names[key] = name
                continue
            if names[key] != name:
                ambiguous.add(key)
            fault = ("duplicate id", "id", "one of its own")
        kind, field, expected = fault
        where = f"{path} : images[{i}]"
        problems.append(
            Problem(
                kind=kind,
                where=f"{where} : {field}" if field else where,
                found=shown(record, field),
                expected=expected,
            )
        )
    return {key: n for key, n in names.items() if key not in ambiguous}, problems


def _photograph_fault(record: object) -> tuple[str, str, str] | None:
    """What is wrong with a photograph's record: kind, field, and what was expected."""
    if not isinstance(record, dict):
        return "not a record", "", "an object with id and file_name"
    if not is_id(record.get("id")):
        return "no id", "id", "a whole number or a text"
    name = record.get("file_name")
    if not isinstance(name, str) or not _normal(name) or _unwritable(name):
        return "no file name", "file_name", "the name of a photograph"
    path = PurePosixPath(_normal(name))
    if path.is_absolute() or ".." in path.parts:
        return "photograph outside", "file_name", "a path inside the folder"
    return None


def _normal(name: str) -> str:
    """A path with slashes, whatever system wrote it; empty if it leads nowhere."""
    path = str(PurePosixPath(name.replace("\\", "/")))
    return "" if path == "." else path


def _unwritable(name: str) -> bool:
    """Whether no file can have this name, or none that a line of text can hold."""
    try:
        parts = name.encode().split(b"/")
    except UnicodeEncodeError:  # half of a surrogate pair
        return True
    return min(name) < " " or max(map(len, parts)) > _LONGEST_NAME

"""Keypoints in JSON: COCO's ground truth and results, and what `predict` writes."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Float

from hourglass_jax.data.keypoint_sets import Photograph, Predictions, Truth
from hourglass_jax.errors import InputError

ORIGIN = 0
"""COCO's first pixel, and ours."""

_LABEL_FIELDS = ("id", "image_id", "category_id", "keypoints", "bbox", "area")
_RESULT_FIELDS = ("image_id", "category_id", "keypoints", "score")
_POSE_FIELDS = ("keypoints", "scores", "names")


def is_pose_document(content: Any) -> bool:
    """What `hourglass predict` writes for one photograph."""
    return isinstance(content, dict) and {"photograph", "people"} <= content.keys()


def coco_truth(path: Path, content: Any) -> Truth:
    """Ground truth from COCO's person_keypoints form, for one category.

    A person has as many labelled keypoints as there are with v > 0; `num_keypoints` is
    not looked at. Photographs are ordered by id, as in the COCO API.

    Raises:
      InputError: it is of another form, or a field is missing or wrong.
    """
    if (
        not isinstance(content, dict)
        or not {
            "images",
            "annotations",
            "categories",
        }
        <= content.keys()
    ):
        raise InputError(
            f"{path}: no ground truth; expected COCO's images, annotations, categories"
        )
    category, names = _category(path, content["categories"])
    photographs = _photographs(path, content["images"])
    numbers = {photo.key: number for number, photo in enumerate(photographs)}
    labels = _records(path, "annotations", content["annotations"], _LABEL_FIELDS)
    for where, label in labels:
        _check_reference(where, label, numbers, category)
    count = len(names)
    flagged = _stack(labels, "keypoints", (count, 3))
    visibility = flagged[..., 2].astype(np.int64)
    known = np.isin(flagged[..., 2], (0, 1, 2)).all(axis=1)
    if not known.all():
        where = labels[int(known.argmin())][0]
        raise InputError(f"{where}: keypoints: a v is not 0, 1 or 2; correct it")
    boxes, areas = _stack(labels, "bbox", (4,)), _stack(labels, "area", ())
    if len(areas) and areas.min() < 0:
        bad = int(areas.argmin())
        raise InputError(f"{labels[bad][0]}: area is {areas[bad]}; expected 0 or more")
    return Truth(
        path=path,
        keypoints=np.where(visibility[..., None] > 0, flagged[..., :2], 0.0),
        visibility=visibility,
        names=names,
        origin=ORIGIN,
        photographs=photographs,
        photograph=np.array([numbers[label["image_id"]] for _, label in labels], int),
        boxes=np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1),
        areas=areas,
        crowd=np.array([bool(label.get("iscrowd", 0)) for _, label in labels], bool),
        category=category,
    )


def coco_results(path: Path, content: Any, truth: Truth) -> Predictions:
    """Predictions from COCO's results form: a list, an object a person.

    Raises:
      InputError: it is of another form, a field is missing or wrong, or it answers for
        a photograph or a category that ``truth`` does not have.
    """
    results = _records(path, "result", content, _RESULT_FIELDS)
    numbers = {
        photo.key: number for number, photo in enumerate(truth.photographs or ())
    }
    for where, result in results:
        _check_reference(where, result, numbers, truth.category)
    count = truth.keypoints.shape[1]
    shift = truth.origin - ORIGIN
    keypoints = _stack(results, "keypoints", (count, 3))[..., :2] + shift
    return Predictions(
        path=path,
        keypoints=keypoints,
        scores=_stack(results, "score", ()),
        photograph=np.array(
            [numbers[result["image_id"]] for _, result in results], int
        ),
        shift=shift,
        areas=_box_areas(results),
    )


def _box_areas(
    results: Sequence[tuple[str, Mapping[str, Any]]],
) -> Float[np.ndarray, " n"] | None:
    """Width by height where the first result has a ``bbox``, as in the COCO API.

    Raises:
      InputError: the first has one, and another none.
    """
    if not (results and results[0][1].get("bbox")):
        return None
    for where, result in results:
        if "bbox" not in result:
            raise InputError(f"{where}: without bbox, which others have; add it")
    return _stack(results, "bbox", (4,))[:, 2:].prod(axis=1)


def pose_predictions(
    path: Path, documents: Iterable[tuple[Path, Any]], truth: Truth
) -> Predictions:
    """Predictions from files that `hourglass predict` wrote, one a photograph.

    A person's score is the mean of the keypoints' scores. The people of a photograph
    are in the order of the boxes that were asked for.

    Raises:
      InputError: a document is of another form, or its photograph is not one, or more
        than one, of ``truth``'s.
    """
    if truth.photographs is None:
        raise InputError(
            f"{truth.path}: does not name its photographs, so {path} cannot be scored "
            "on it; give princeton's h5 or COCO's JSON"
        )
    numbers: dict[int, Path] = {}
    photograph: list[int] = []
    people: list[tuple[str, Mapping[str, Any]]] = []
    for file, document in documents:
        if not is_pose_document(document):
            raise InputError(f"{file}: not what `hourglass predict` writes; remove it")
        number = _find(file, document["photograph"], truth.photographs)
        if number in numbers:
            raise InputError(
                f"{file}: answers for the photograph of {numbers[number]}; keep one"
            )
        numbers[number] = file
        here = _records(file, "people", document["people"], _POSE_FIELDS)
        photograph += [number] * len(here)
        people += here
    _check_names(people, truth)
    count = truth.keypoints.shape[1]
    shift = truth.origin - ORIGIN
    return Predictions(
        path=path,
        keypoints=_stack(people, "keypoints", (count, 2)) + shift,
        scores=_stack(people, "scores", (count,)).mean(axis=1),
        photograph=np.array(photograph, int),
        ordered=True,
        shift=shift,
    )


def _check_names(people: Iterable[tuple[str, Mapping[str, Any]]], truth: Truth) -> None:
    expected = None if truth.names is None else list(truth.names)
    for where, person in people:
        if expected is not None and person["names"] != expected:
            raise InputError(
                f"{where}: its keypoints are {_some(person['names'])}; those of "
                f"{truth.path} are {_some(expected)}"
            )


def _category(path: Path, categories: Any) -> tuple[Any, tuple[str, ...]]:
    """Id and keypoint names of the one category that has keypoints."""
    records = _records(path, "categories", categories, ("id",))
    found = [record for _, record in records if record.get("keypoints")]
    if len(found) != 1:
        raise InputError(
            f"{path}: {len(found)} categories with keypoints; expected one; "
            "give a file a category"
        )
    return found[0]["id"], tuple(str(name) for name in found[0]["keypoints"])


def _photographs(path: Path, images: Any) -> tuple[Photograph, ...]:
    records = [record for _, record in _records(path, "images", images, ("id",))]
    found = [
        Photograph(key=record["id"], file=str(record.get("file_name", record["id"])))
        for record in records
        if isinstance(record["id"], int | str)
    ]
    keys = {photo.key for photo in found}
    if len(keys) != len(records) or len({type(key) for key in keys}) > 1:
        raise InputError(f"{path}: images: ids are not all numbers, or not all unlike")
    return tuple(sorted(found, key=lambda photo: photo.key))


def _records(
    path: Path, what: str, records: Any, fields: Sequence[str]
) -> list[tuple[str, Mapping[str, Any]]]:
    """Each object of a list with its place; raises InputError for a missing field."""
    if not isinstance(records, list):
        raise InputError(
            f"{path}: {what}: {type(records).__name__}; expected a list of objects"
        )
    placed: list[tuple[str, Mapping[str, Any]]] = []
    for number, record in enumerate(records):
        where = f"{path}: {what} {number}"
        if not isinstance(record, dict):
            raise InputError(f"{where}: {type(record).__name__}; expected an object")
        missing = [field for field in fields if field not in record]
        if missing:
            raise InputError(f"{where}: without {', '.join(missing)}; add it")
        placed.append((where, record))
    return placed


def _check_reference(
    where: str, record: Mapping[str, Any], images: Mapping[Any, int], category: Any
) -> None:
    image = record["image_id"]
    if not isinstance(image, int | str) or image not in images:
        raise InputError(
            f"{where}: image_id is {image!r}, which the ground truth's images do not "
            "have; are the files of the same photographs?"
        )
    if category is not None and record["category_id"] != category:
        raise InputError(
            f"{where}: category_id is {record['category_id']!r}; expected "
            f"{category!r}, the category with keypoints; leave the others out"
        )


def _stack(
    records: Sequence[tuple[str, Mapping[str, Any]]], field: str, shape: tuple[int, ...]
) -> Float[np.ndarray, "..."]:
    """One field of all records as float64; raises InputError where it is not that."""
    expected = int(np.prod(shape))
    rows = np.zeros((len(records), *shape))
    for number, (where, record) in enumerate(records):
        values = _numbers(record[field])
        if values is None or values.size != expected or not np.isfinite(values).all():
            raise InputError(
                f"{where}: {field} is {_some(record[field])}; expected {expected} "
                f"finite number{'s' if expected > 1 else ''}"
            )
        rows[number] = values.reshape(shape)
    return rows


def _numbers(value: Any) -> np.ndarray | None:
    """Numbers, however nested; None for all else, such as text that looks like some."""
    try:
        values = np.asarray(value)
    except ValueError:  # lists of unlike lengths
        return None
    return values if values.dtype.kind in "iuf" else None


def _find(file: Path, photograph: Any, known: Sequence[Photograph]) -> int:
    """The number of a photograph, by its name and as much of its path as needed."""
    parts = PurePosixPath(str(photograph)).parts
    ends = [
        number
        for number, photo in enumerate(known)
        if (own := PurePosixPath(photo.file).parts) and parts[-len(own) :] == own
    ]
    if len(ends) != 1:
        found = ", ".join(known[end].file for end in ends) or "none"
        raise InputError(
            f"{file}: photograph {photograph!r} matches {_some(found)} of the ground "
            "truth's photographs; expected exactly one"
        )
    return ends[0]


def _some(value: Any) -> str:
    text = str(value)
    return text if len(text) < 60 else f"{text[:56]} ..."

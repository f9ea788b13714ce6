"""Results as files: drawn pictures, JSON, COCO's results, CSV."""

import csv
import io
import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import cv2

from hourglass_jax.data.photographs import Picture
from hourglass_jax.errors import InputError
from hourglass_jax.files import write_json, write_whole
from hourglass_jax.inference.journal import Entry, writing
from hourglass_jax.inference.results import Pose, csv_columns
from hourglass_jax.progress import console
from hourglass_jax.skeleton import Skeleton

Format = Literal["json", "coco", "csv"]

_CATEGORY = 1


def write_picture(path: Path, picture: Picture) -> None:
    """Write an RGB picture as PNG or JPEG, by the ending of its name.

    Raises:
      InputError: it is too large for its format.
      CannotWriteError: the disk is full, for example.
    """
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95] if path.suffix == ".jpg" else []
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    encoded, data = cv2.imencode(path.suffix, bgr, quality)
    if not encoded:
        height, width = picture.shape[:2]
        raise InputError(
            f"predict: {path} cannot be drawn: {width}x{height} pixels are too many a "
            "side; give --no-draw"
        )
    with writing(path):
        write_whole(path, data.tobytes())


def write_photograph_json(path: Path, entry: Entry) -> None:
    """What is known of one photograph, for people and for `hourglass evaluate`."""
    fields = ("photograph", "height", "width", "people")
    text = json.dumps({name: entry[name] for name in fields}) + "\n"
    with writing(path):
        write_whole(path, text)


def write_film_json(path: Path, about: Entry, frames: Iterable[Entry]) -> None:
    """A film's poses frame by frame, under what is known of the film."""
    fields = ("frame", "time", "people")
    listed = [{name: frame[name] for name in fields} for frame in frames]
    with writing(path):
        write_whole(path, json.dumps(about | {"frames": listed}) + "\n")


def write_coco(out: Path, entries: Sequence[Entry], skeleton: Skeleton) -> None:
    """``results.json``, and ``images.json`` that says which photograph an id is.

    The second one is a COCO file without annotations: `pycocotools` loads the results
    on it, as on any ground truth with the same ids.
    """
    ids = _ids(entries)
    results = [
        Pose.from_dict(person, skeleton).to_coco(key, _CATEGORY)
        for key, entry in zip(ids, entries, strict=True)
        for person in entry["people"]
    ]
    images = [
        {
            "id": key,
            "file_name": Path(entry["photograph"]).name,
            "width": entry["width"],
            "height": entry["height"],
        }
        for key, entry in zip(ids, entries, strict=True)
    ]
    category = {
        "id": _CATEGORY,
        "name": "person",
        "keypoints": list(skeleton.keypoints),
        "skeleton": [[a + 1, b + 1] for a, b in skeleton.limbs],  # counted from 1
    }
    about = {"images": images, "annotations": [], "categories": [category]}
    with writing(out / "results.json"):
        write_whole(out / "results.json", json.dumps(results) + "\n")
        write_json(out / "images.json", about)


def write_csv(out: Path, entries: Iterable[Entry], skeleton: Skeleton) -> None:
    """``poses.csv``: a line for each person in each photograph or frame."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["file", "frame", "time", *csv_columns(skeleton)])
    for entry in entries:
        where = [entry.get("photograph", entry.get("film"))]
        where += [entry.get("frame", ""), entry.get("time", "")]
        for person in entry["people"]:
            lines.writerow([*where, *Pose.from_dict(person, skeleton).csv_values()])
    with writing(out / "poses.csv"):
        # Names of files are bytes: what is no UTF-8 is written as it is.
        content = text.getvalue().encode(errors="surrogateescape")
        write_whole(out / "poses.csv", content)


def _ids(entries: Sequence[Entry]) -> list[Any]:
    """Ids of photographs: those of the input, or the numbers they are named by.

    What has none of its own is numbered from behind the largest, or else from 1.
    """
    ids: list[Any] = [None] * len(entries)
    taken = set()
    for source in (_given_id, _number):
        for i, entry in enumerate(entries):
            key = source(entry)
            if ids[i] is None and key is not None and key not in taken:
                ids[i] = key
                taken.add(key)
    first = max((key for key in taken if isinstance(key, int)), default=0) + 1
    if taken and None in ids:
        console.print(
            f"coco: {ids.count(None)} photographs without an id of their own are "
            f"numbered from {first} on; images.json says which",
            markup=False,
        )
    fresh = itertools.count(first)
    return [next(fresh) if key is None else key for key in ids]


def _given_id(entry: Entry) -> Any:
    return entry["id"]


def _number(entry: Entry) -> int | None:
    stem = Path(entry["photograph"]).stem
    return int(stem) if stem.isdecimal() and entry["id"] is None else None

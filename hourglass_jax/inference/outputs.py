"""Results as files: drawn pictures, JSON, COCO's results, CSV."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import cv2

from hourglass_jax.data.photographs import Picture
from hourglass_jax.errors import InputError
from hourglass_jax.files import write_json, write_whole
from hourglass_jax.inference.journal import Entry, writing
from hourglass_jax.inference.results import Pose, csv_columns
from hourglass_jax.skeleton import Skeleton

Format = Literal["json", "coco", "csv"]

_CATEGORY = 1


def write_picture(path: Path, picture: Picture) -> None:
    """Write an RGB picture as PNG or JPEG, by the ending of its name."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95] if path.suffix == ".jpg" else []
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(path.suffix, bgr, quality)
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
        write_whole(out / "poses.csv", text.getvalue())


def _ids(entries: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Ids of photographs: those of the input, or the numbers they are named by.

    Where these do not tell all of them apart, their places in the order, from 1.
    """
    ids = [
        int(stem) if entry["id"] is None and stem.isdecimal() else entry["id"]
        for entry in entries
        for stem in [Path(entry["photograph"]).stem]
    ]
    if None in ids or len(set(ids)) < len(ids):
        return list(range(1, len(ids) + 1))
    return ids


def refuse_films(films: Sequence[Path], form: Format, heatmaps: bool) -> None:
    """Raise InputError: COCO's results have no frames, heatmaps no films."""
    if films and heatmaps:
        raise InputError(
            f"predict: {films[0]} is a film, and --heatmaps are drawn for photographs; "
            "leave one of the two out"
        )
    if films and form == "coco":
        raise InputError(
            f"predict: {films[0]} is a film, and COCO's results are of photographs; "
            "give --format json or csv"
        )

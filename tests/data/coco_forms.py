"""A small file in COCO's form, and what is read from one."""

import json

from hourglass_jax.config import SourceConfig
from hourglass_jax.data.sources import find_source

NAMES = ("nose", "left_hand", "right_hand")


def person(number, image=1, **fields):
    """An annotation of three keypoints, the second of which is hidden."""
    joints = [[20.5, 30, 2], [10, 40, 1], [30, 45.25, 2]]
    return {
        "id": number,
        "image_id": image,
        "category_id": 7,
        "keypoints": [value for joint in joints for value in joint],
        "bbox": [5, 10, 40, 50],
        "area": 900.5,
        "iscrowd": 0,
    } | fields


def content(*people, **fields):
    """A COCO file of three photographs and two categories."""
    return {
        "images": [
            {"id": i, "file_name": f"p{i}.jpg", "width": 80, "height": 70}
            for i in (1, 2, 3)
        ],
        "annotations": list(people or (person(1), person(2), person(3, image=2))),
        "categories": [
            {"id": 4, "name": "dog"},
            {"id": 7, "name": "person", "keypoints": [*NAMES], "skeleton": [[1, 2]]},
        ],
    } | fields


def write(folder, what, name="annotations/all.json"):
    """Write a file of a user's folder, which comes back."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(what if isinstance(what, str) else json.dumps(what))
    return folder


def read(folder, dataset="coco_json", **fields):
    config = SourceConfig(dataset=dataset, raw_dir=folder, **fields)
    source = find_source(dataset)
    return source.read(source.find(config, folder), config)


def faults(annotations):
    """Kind and field of each problem."""
    return [(p.kind, p.where.split(" : ")[-1]) for p in annotations.problems]


def split_sizes(annotations):
    return {split: len(people) for split, people in annotations.splits.items()}

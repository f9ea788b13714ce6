"""A few people, and MPII's label files of all forms that say so."""

import gzip
import json

import cv2
import h5py
import numpy as np
import scipy.io

from hourglass_jax.config import SourceConfig
from hourglass_jax.data.sources import find_source

EMPTY = np.zeros((0, 0))

# (photograph, person in it, split). The first two share a photograph: the standard
# selection leaves the second out.
WHO = (
    (2, 0, "validation"),
    (2, 1, "shared"),
    (5, 0, "train"),
    (5, 2, "train"),
    (7, 0, "validation"),
    (9, 0, "train"),
)


def make_people(who=WHO):
    """People as annotated: coordinates from 1, whole centres, crops not adjusted."""
    rng = np.random.default_rng(0)
    people = []
    for photograph, number, split in who:
        joints = rng.integers(1, 150, (16, 3)).astype(float)
        joints[:, 2] = rng.random(16) < 0.7
        joints[8:10, :2] += 0.25
        joints[8:10, 2] = 1
        joints[number + 3] = 0
        joints[6] = 0, 40, 0  # labelled, hidden, at x = 0
        joints[9] = -7.5, -3, 1
        people.append(
            {
                "photograph": photograph,
                "number": number,
                "split": split,
                "file": f"{photograph:09d}.jpg",
                "objpos": rng.integers(60, 90, 2).astype(float),
                "scale": rng.integers(400, 900) / 1000,
                "joints": joints,
                "box": np.array([10, 20, 40, 60]) + number,
            }
        )
    return people


def write_bearpaw(path, people):
    rows = [
        {
            "dataset": "MPI",
            "isValidation": float(person["split"] == "validation"),
            "img_paths": person["file"],
            "objpos": person["objpos"].tolist(),
            "joint_self": person["joints"].tolist(),
            "scale_provided": person["scale"],
            "annolist_index": person["photograph"] + 1.0,
            "people_index": person["number"] + 1.0,
        }
        for person in people
        if person["split"] != "shared"
    ]
    data = json.dumps(rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def write_mmpose(path, people):
    rows = [
        {
            "joints_vis": (person["joints"] != 0).any(-1).astype(int).tolist(),
            "joints": np.where(
                (person["joints"] != 0).any(-1, keepdims=True),
                person["joints"][:, :2],
                -1,
            ).tolist(),
            "image": person["file"],
            "scale": person["scale"],
            "center": person["objpos"].tolist(),
        }
        for person in people
    ]
    path.write_text(json.dumps(rows))


def princeton_columns(people):
    centers = [p["objpos"] + (0, 15 * p["scale"]) for p in people]
    joints = np.array([p["joints"] for p in people])
    return {
        "imgname": np.array([p["file"].encode() for p in people]),
        "index": np.array([p["photograph"] for p in people], float),
        "person": np.array([p["number"] for p in people], float),
        "center": np.array(centers),
        "scale": np.array([1.25 * p["scale"] for p in people]),
        "part": joints[..., :2],
        "visible": joints[..., 2],
        "normalize": np.full(len(people), 0.6 * 50),
        "torsoangle": np.zeros(len(people)),
    }


def write_princeton(path, people, **changed):
    write_columns(path, princeton_columns(people) | changed)


def write_columns(path, columns):
    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            if values is not None:
                file[name] = values


def structs(rows):
    """A MATLAB struct array; fields that a row lacks are empty, as MATLAB has it."""
    fields = dict.fromkeys(field for row in rows for field in row)
    array = np.empty((1, len(rows)), [(field, object) for field in fields])
    for column, row in enumerate(rows):
        array[0, column] = tuple(row.get(field, EMPTY) for field in fields)
    return array


def official_point(number, joint):
    # As in the release: a text, and nothing for head top and neck.
    told = "" if number in (8, 9) else str(int(joint[2]))
    return {"x": joint[0], "y": joint[1], "id": number, "is_visible": told}


def official_rect(person):
    points = [
        official_point(number, joint)
        for number, joint in enumerate(person["joints"])
        if joint.any()
    ]
    (x, y), (x1, y1, x2, y2) = person["objpos"], person["box"]
    return {
        **{"x1": x1, "y1": y1, "x2": x2, "y2": y2},
        "annopoints": structs([{"point": structs(points)}]),
        "scale": person["scale"],
        "objpos": structs([{"x": x, "y": y}]),
    }


def write_official(path, people, *, rect=official_rect, more=()):
    """Lay people out as the release does, with photographs of nobody and for tests."""
    rects = {}
    for person in people:
        rects.setdefault(person["photograph"], {})[person["number"]] = rect(person)
    files = {person["photograph"]: person["file"] for person in people}
    count = max(rects) + 2
    photographs = []
    for number in range(count):
        here = rects.get(number, {})
        # Whoever is between two labelled people was not labelled.
        listed = [here.get(i, {"scale": 1.0}) for i in range(max(here, default=-1) + 1)]
        name = files.get(number, f"{number:09d}.jpg")
        photographs.append(
            {
                "image": structs([{"name": name}]),
                "annorect": structs(listed) if listed else EMPTY,
                "vididx": EMPTY,
            }
        )
    training = np.array([[number in rects for number in range(count)]], np.uint8)
    release = {
        "annolist": structs([*photographs, *more]),
        "img_train": np.pad(training, ((0, 0), (0, len(more)))),
        "version": "12",
        "single_person": EMPTY,
        "act": EMPTY,
    }
    scipy.io.savemat(path, {"RELEASE": structs([release])})


def read(folder, **fields):
    config = SourceConfig(dataset="mpii", raw_dir=folder, **fields)
    source = find_source("mpii")
    return source.read(source.find(config, folder), config)


def of_split(people, *splits):
    return [person for person in people if person["split"] in splits]


def write_form(folder, form):
    people = make_people()
    if form == "official":
        write_official(folder / "mpii_human_pose_v1_u12_1.mat", people)
        write_princeton(folder / "valid.h5", of_split(people, "validation"))
    elif form == "bearpaw":
        write_bearpaw(folder / "mpii_annotations.json.gz", people)
    elif form == "princeton":
        write_princeton(folder / "train.h5", of_split(people, "train", "shared"))
        write_princeton(folder / "valid.h5", of_split(people, "validation"))
    else:
        write_mmpose(folder / "mpii_train.json", of_split(people, "train"))
        write_mmpose(folder / "mpii_val.json", of_split(people, "validation"))
    return people


FORMS = ("official", "bearpaw", "princeton", "mmpose")


def write_heads(path, people, shift=0.0):
    joints = np.array([person["joints"] for person in people])
    boxes = np.array([[[10, 20], [40, 60 + n]] for n in range(len(people))], float)
    scipy.io.savemat(
        path,
        {
            "pos_gt_src": joints[..., :2].transpose(1, 2, 0) + shift,
            "jnt_missing": (~joints.any(-1)).T.astype(float),
            "headboxes_src": boxes.transpose(1, 2, 0),
        },
    )


def write_photographs(folder, people):
    (folder / "images").mkdir()
    picture = np.zeros((150, 160, 3), np.uint8)
    for person in people:
        cv2.imwrite(str(folder / "images" / person["file"]), picture)

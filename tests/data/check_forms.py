"""A small folder in COCO's form without any fault, to plant faults in."""

import json

import cv2
import numpy as np

from hourglass_jax.config import SourceConfig
from hourglass_jax.data.check import check

WIDTH, HEIGHT = 200, 90
PHOTOGRAPHS, PEOPLE = 6, 60

# A figure that stands and faces us, in sizes of itself; left is on the right.
FIGURE = {
    "head_top": (0, -1.0),
    "neck": (0, -0.7),
    "left_shoulder": (0.22, -0.65),
    "right_shoulder": (-0.22, -0.65),
    "left_elbow": (0.3, -0.35),
    "right_elbow": (-0.3, -0.35),
    "left_wrist": (0.35, -0.05),
    "right_wrist": (-0.35, -0.05),
    "left_hip": (0.14, 0.0),
    "right_hip": (-0.14, 0.0),
    "left_knee": (0.15, 0.45),
    "right_knee": (-0.15, 0.45),
    "left_ankle": (0.16, 0.9),
    "right_ankle": (-0.16, 0.9),
}
NAMES = list(FIGURE)


def draw_photograph(number):
    """No two look alike, and none is flat."""
    coarse = np.random.default_rng(number).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def make_people(count, seed=0):
    """Keypoints [n k 2], of all sizes, turned, in many poses, and beside each other."""
    rng = np.random.default_rng(seed)
    joints = np.array(list(FIGURE.values())) + rng.normal(0, 0.05, (count, 14, 2))
    angle, size = rng.normal(0, 0.3, count), rng.uniform(20, 35, count)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = np.einsum("ijn,nkj->nki", turn, joints) * size[:, None, None]
    places = np.stack([28 + 16 * (np.arange(count) // PHOTOGRAPHS), np.full(count, 45)])
    return turned + places.T[:, None]


def write_folder(folder):
    """Six photographs, the last of which validates, with ten people each."""
    (folder / "images").mkdir(parents=True)
    for number in range(PHOTOGRAPHS):
        path = folder / "images" / name_photograph(number)
        cv2.imwrite(str(path), draw_photograph(number))
    joints = make_people(PEOPLE)
    for split, photographs in (("train", range(5)), ("val", range(5, 6))):
        content = {
            "images": [
                {
                    "id": n,
                    "file_name": name_photograph(n),
                    "width": WIDTH,
                    "height": HEIGHT,
                }
                for n in photographs
            ],
            "annotations": [
                annotate(i, joints[i])
                for i in range(PEOPLE)
                if i % PHOTOGRAPHS in photographs
            ],
            "categories": [{"id": 1, "name": "person", "keypoints": NAMES}],
        }
        write_json(folder, split, content)
    return folder


def name_photograph(number):
    return f"photo{number}.png"


def annotate(number, joints):
    low, high = joints.min(0), joints.max(0)
    labelled = np.concatenate([joints, np.full((len(joints), 1), 2)], 1)
    return {
        "id": number,
        "image_id": number % PHOTOGRAPHS,
        "category_id": 1,
        "keypoints": [round(float(value), 2) for value in labelled.ravel()],
        "bbox": [*low.tolist(), *(high - low).tolist()],
        "iscrowd": 0,
    }


def change(folder, edit, split="train"):
    """Edit the annotations of a split: ``edit(content, people)``."""
    path = json_path(folder, split)
    content = json.loads(path.read_text())
    edit(content, content["annotations"])
    write_json(folder, split, content)


def write_json(folder, split, content):
    path = json_path(folder, split)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def json_path(folder, split):
    return folder / "annotations" / f"people_{split}.json"


def check_folder(folder):
    config = SourceConfig(dataset="coco_json", raw_dir=folder)
    return check(config, folder / "nowhere")


def kinds(problems):
    return sorted({problem.kind for problem in problems})

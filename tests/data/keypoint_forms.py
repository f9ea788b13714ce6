"""Small files of labels and predictions, in the forms that others write."""

import json

import h5py
import numpy as np
import scipy.io

from hourglass_jax.skeleton import COCO

PEOPLE = 5


def mpii_people(seed=0):
    generator = np.random.default_rng(seed)
    part = np.rint(generator.uniform(1, 500, (PEOPLE, 16, 2)))
    part[1, 3] = 0.0  # absent
    part[2, 4] = 0.0, 80.0  # labelled, at the edge
    part[3, 5] = -4.0, -1.0  # labelled, outside
    visible = (generator.random((PEOPLE, 16)) < 0.7).astype(float)
    visible[1, 3], visible[2, 4], visible[3, 5] = 0, 0, 1
    return part, visible


def write_princeton(path, **changes):
    part, visible = mpii_people()
    arrays = {
        "part": part,
        "visible": visible,
        "normalize": np.linspace(20, 60, PEOPLE),
        "imgname": np.array([b"a.jpg", b"a.jpg", b"b.jpg", b"c.jpg", b"b.jpg"]),
    } | changes
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            if values is not None:
                file[name] = values
    return path


def write_tompson(path, **changes):
    part, _ = mpii_people()
    corner = np.arange(2.0 * PEOPLE).reshape(PEOPLE, 2)
    corners = np.stack([corner, corner + np.array([30.0, 40.0])], axis=1)
    arrays = {
        "pos_gt_src": part.transpose(1, 2, 0),
        "jnt_missing": (part == 0).all(axis=-1).T.astype(np.uint8),
        "headboxes_src": corners.transpose(1, 2, 0),
        "pos_pred_src": (part + 2).transpose(1, 2, 0),
    } | changes
    scipy.io.savemat(path, {n: v for n, v in arrays.items() if v is not None})
    return path


def coco_content():
    """Two people in one photograph, a crowd in another, nobody in a third."""
    generator = np.random.default_rng(0)

    def label(number, image, crowd=0):
        points = np.rint(generator.uniform(0, 300, (17, 2)))
        flags = generator.integers(0, 3, (17, 1))
        return {
            "id": number,
            "image_id": image,
            "category_id": 1,
            "keypoints": np.concatenate([points, flags], axis=1).ravel().tolist(),
            "num_keypoints": int((flags > 0).sum()),
            "bbox": [10.0, 20.0, 30.0, 40.0],
            "area": 900.5,
            "iscrowd": crowd,
        }

    return {
        "images": [
            {"id": 30, "file_name": "c.jpg"},
            {"id": 7, "file_name": "photos/a.jpg"},
            {"id": 12, "file_name": "b.jpg"},
        ],
        "annotations": [label(1, 12), label(2, 7), label(3, 12), label(4, 30, crowd=1)],
        "categories": [
            {"id": 1, "name": "person", "keypoints": list(COCO.keypoints)},
            {"id": 2, "name": "dog"},
        ],
    }


def results(count=3):
    return [
        {
            "image_id": [12, 7, 30][number],
            "category_id": 1,
            "keypoints": [float(number), 5.5, 1.0] * 17,
            "score": 0.25 + number,
        }
        for number in range(count)
    ]


def pose_document(photograph, count=1, skeleton=COCO):
    """As `hourglass predict` writes it, see inference/files.py."""
    number = len(skeleton.keypoints)
    person = {
        "skeleton": skeleton.name,
        "box": [0.0, 0.0, 10.0, 10.0],
        "names": list(skeleton.keypoints),
        "keypoints": [[1.5, 2.5]] * number,
        "scores": [0.25, 0.75] * (number // 2) + [0.5] * (number % 2),
    }
    return {
        "photograph": photograph,
        "height": 100,
        "width": 100,
        "people": [person] * count,
    }


def write_json(path, content):
    path.write_text(json.dumps(content))
    return path

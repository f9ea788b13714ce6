"""Small files of labels and predictions in the forms that others use."""

import json

import h5py
import numpy as np
import pytest
import scipy.io

from hourglass_jax.skeleton import COCO, MPII

PEOPLE = 40


def mpii_predictions(seed, spread):
    """The labels of `mpii_files`, some way off."""
    part = np.random.default_rng(0).uniform(1, 500, (PEOPLE, 16, 2))
    return part + np.random.default_rng(seed).normal(0, spread, part.shape)


@pytest.fixture(scope="session")
def mpii_files(tmp_path_factory):
    """princeton's labels, and predictions of a worse and a better network."""
    folder = tmp_path_factory.mktemp("mpii")
    part = np.random.default_rng(0).uniform(1, 500, (PEOPLE, 16, 2))
    visible = np.random.default_rng(1).integers(0, 2, (PEOPLE, 16)).astype(float)
    with h5py.File(folder / "valid.h5", "w") as file:
        file["part"], file["visible"] = part, visible
        file["normalize"] = np.full(PEOPLE, 60.0)
        file["imgname"] = [f"{i // 2}.jpg".encode() for i in range(PEOPLE)]
    for name, seed, spread in (("worse", 2, 25), ("better", 3, 15)):
        predicted = mpii_predictions(seed, spread)
        scipy.io.savemat(folder / f"{name}.mat", {"preds": predicted})
    return folder


def coco_labels(people, keypoints=17, names=COCO.keypoints):
    """A label for each (photograph, x) in ``people``, all keypoints near (x, x)."""
    offsets = np.random.default_rng(0).uniform(0, 40, (keypoints, 2))
    photographs = sorted({photograph for photograph, _ in people})
    return {
        "images": [{"id": i, "file_name": f"{i}.jpg"} for i in photographs],
        "annotations": [
            {
                "id": number + 1,
                "image_id": photograph,
                "category_id": 1,
                "keypoints": np.column_stack([offsets + x, np.full(keypoints, 2)])
                .ravel()
                .tolist(),
                "num_keypoints": keypoints,
                "bbox": [x, x, 40.0, 80.0],
                "area": 1500.0,
                "iscrowd": 0,
            }
            for number, (photograph, x) in enumerate(people)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(names)}],
    }


def coco_results(labels, shifts):
    """An answer for each label, moved by a shift, the surer the smaller the shift."""
    return [
        {
            "image_id": label["image_id"],
            "category_id": 1,
            "keypoints": (
                np.array(label["keypoints"]).reshape(-1, 3) + np.array([shift, 0, 0])
            )
            .ravel()
            .tolist(),
            "score": 1 / (1 + shift),
        }
        for label, shift in zip(labels["annotations"], shifts, strict=True)
    ]


def pose_document(photograph, people, names=MPII.keypoints):
    """What `hourglass predict` writes for one photograph."""
    return {
        "photograph": photograph,
        "height": 500,
        "width": 500,
        "people": [
            {
                "names": list(names),
                "keypoints": np.asarray(points).tolist(),
                "scores": [0.5] * len(names),
            }
            for points in people
        ],
    }


def write_json(path, content):
    path.write_text(json.dumps(content))
    return path

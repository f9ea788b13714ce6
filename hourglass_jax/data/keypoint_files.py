"""Files of keypoints that others made, recognised by what is in them.

| file | predictions | ground truth |
|---|---|---|
| princeton's HDF5 | `preds` | `part`, `visible`, `normalize` |
| bearpaw's, HRNet's and mmpose's MATLAB | `preds`, either order of axes | |
| Tompson's MATLAB (`detections_our_format.mat`) | `pos_pred_src` | `pos_gt_src` |
| COCO's JSON | results | person_keypoints |
| JSON of `hourglass predict`, or their folder | yes | |
"""

import json
from pathlib import Path
from typing import Any

from hourglass_jax.data import keypoint_arrays, keypoint_json
from hourglass_jax.data.keypoint_arrays import Arrays
from hourglass_jax.data.keypoint_sets import Predictions, Truth
from hourglass_jax.errors import InputError


def read_truth(path: str | Path) -> Truth:
    """Read ground truth.

    Raises:
      InputError: there is no such file, it is of no known form, or what is in it does
        not fit together.
    """
    path = Path(path)
    content = _read(path)
    if isinstance(content, Arrays):
        truth = keypoint_arrays.truth_from_arrays(content)
    else:
        truth = keypoint_json.coco_truth(path, content)
    if not len(truth.keypoints):
        raise InputError(f"{path}: no labelled people; expected at least one")
    return truth


def read_predictions(path: str | Path, truth: Truth) -> Predictions:
    """Read predictions for the people or the photographs of a ground truth.

    Coordinates come back in the ground truth's pixels: where one file counts them from
    0 and the other from 1, the difference is added and told in `Predictions.shift`.

    Raises:
      InputError: there is no such file, it is of no known form, it is not for these
        people or photographs, or a coordinate is not finite.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(path.glob("*.json"))
        if not files:
            raise InputError(f"{path}: a folder without JSON files of predictions")
        documents = [(file, _read_json(file)) for file in files]
        return keypoint_json.pose_predictions(path, documents, truth)
    content = _read(path)
    if isinstance(content, Arrays):
        return keypoint_arrays.predictions_from_arrays(content, truth)
    if keypoint_json.is_pose_document(content):
        return keypoint_json.pose_predictions(path, [(path, content)], truth)
    if isinstance(content, list):
        return keypoint_json.coco_results(path, content, truth)
    raise InputError(
        f"{path}: no predictions; expected COCO results (a list), or what "
        "`hourglass predict` writes"
    )


def _read(path: Path) -> Any:
    """Arrays, or parsed JSON."""
    start = _first_bytes(path)
    if start.startswith(b"MATLAB 5.0"):
        return keypoint_arrays.read_matlab(path)
    if keypoint_arrays.is_hdf5(path):
        return keypoint_arrays.read_hdf5(path)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return _read_json(path)
    raise InputError(
        f"{path}: neither HDF5, MATLAB nor JSON; expected a file of keypoints"
    )


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(128)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); check its name"
        ) from error


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not whole JSON ({error})") from error

"""Label files of the authors' code, which others know as princeton's h5.

MPII's and FLIC's have the same columns, one row a person: `imgname`, `index` and
`person` (number of the photograph, and in it), `center` and `scale` (of the crop, whose
side is 200 times the scale), `part` and `visible` (joints), `normalize` (head size on
MPII, torso on FLIC).
"""

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from hourglass_jax.errors import InputError

SIDE_OF_SCALE = 200
"""Pixels of a crop's side at scale 1."""


def find_keypoints(path: Path) -> int:
    """How many keypoints a file of this form has; 0 for HDF5 of another form.

    The authors' older `annot.h5` is of another form: it holds train and test people
    together, and squares that are not adjusted.

    Raises:
      InputError: it is no whole HDF5.
    """
    try:
        with h5py.File(path, "r") as file:
            if "part" not in file or "istrain" in file:
                return 0
            shape = file["part"].shape
    except Exception as error:  # h5py's own are as many as ways to damage a file
        raise InputError(
            f"{path}: not a whole HDF5 file ({error}); fetch it again"
        ) from error
    return shape[1] if len(shape) == 3 and shape[2] == 2 else 0


def read_columns(path: Path, keypoints: int) -> Mapping[str, np.ndarray]:
    """Every column, as float64 or text, a row a person.

    Raises:
      InputError: a column is missing, of another kind or shape, or damaged.
    """
    shapes: dict[str, tuple[int, ...]] = {
        "imgname": (),
        "index": (),
        "person": (),
        "center": (2,),
        "scale": (),
        "part": (keypoints, 2),
        "visible": (keypoints,),
        "normalize": (),
    }
    try:
        with h5py.File(path, "r") as file:
            columns = {name: np.asarray(file[name][()]) for name in shapes}
    except Exception as error:  # h5py's own are as many as ways to damage a file
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: {reason}; expected {', '.join(shapes)} as in princeton's files"
        ) from error
    people = len(columns["center"]) if columns["center"].ndim else 0
    for name, shape in shapes.items():
        kinds = "SO" if name == "imgname" else "fiu"
        found = columns[name]
        if found.shape != (people, *shape) or found.dtype.kind not in kinds:
            what = "names" if name == "imgname" else "numbers"
            raise InputError(
                f"{path}: {name} is {found.dtype} of shape {found.shape}; expected "
                f"{what} of shape {(people, *shape)}; fetch the file again"
            )
    return {
        name: _texts(column) if name == "imgname" else column.astype(np.float64)
        for name, column in columns.items()
    }


def _texts(names: np.ndarray) -> np.ndarray:
    decoded = [str(n, "utf-8", "replace") if isinstance(n, bytes) else n for n in names]
    return np.array(decoded, dtype=str)

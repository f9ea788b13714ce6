"""Predictions and ground truth as read from files that others made."""

import dataclasses
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Integer

from hourglass_jax.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Photograph:
    """One photograph of a ground truth file.

    Attributes:
      key: what result files call it: COCO's image id, or the file name.
      file: its file name.
    """

    key: int | str
    file: str


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """The labelled people of a file, in its own pixel coordinates.

    Attributes:
      path: the file.
      keypoints: (x, y); 0 where absent.
      visibility: 0 absent, 1 labelled and occluded, 2 visible.
      occlusion: False where the file does not tell occluded keypoints from visible
        ones, and calls all of them visible here.
      names: of the keypoints, where the file or its format tells them.
      origin: coordinate of the first pixel's centre: 0, or 1 in MATLAB's counting.
      photographs: all of the file's photographs; None where it does not name them.
      photograph: number of each person's photograph in ``photographs``.
      head_sizes: PCKh's head sizes, pixels.
      lengths: the length that the file itself gives to normalise errors, pixels.
      boxes: (x0, y0, x1, y1).
      areas: square pixels of each person's segment.
      crowd: the annotation stands for a group.
      category: COCO's number of the category of all of them, where there is one.
    """

    path: Path
    keypoints: Float[np.ndarray, "n k 2"]
    visibility: Integer[np.ndarray, "n k"]
    occlusion: bool = True
    names: tuple[str, ...] | None = None
    origin: int = 0
    photographs: tuple[Photograph, ...] | None = None
    photograph: Integer[np.ndarray, " n"] | None = None
    head_sizes: Float[np.ndarray, " n"] | None = None
    lengths: Float[np.ndarray, " n"] | None = None
    boxes: Float[np.ndarray, "n 4"] | None = None
    areas: Float[np.ndarray, " n"] | None = None
    crowd: Bool[np.ndarray, " n"] | None = None
    category: int | str | None = None

    def take(self, people: Integer[np.ndarray, " m"]) -> "Truth":
        """Some of the people, in the order given."""
        fields = {name: getattr(self, name) for name in _BY_PERSON}
        taken = {n: v[people] for n, v in fields.items() if v is not None}
        return dataclasses.replace(self, **taken)


_BY_PERSON = (
    *("keypoints", "visibility", "photograph", "head_sizes", "lengths"),
    *("boxes", "areas", "crowd"),
)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """The predicted people of a file, in the pixel coordinates of the ground truth.

    Attributes:
      path: the file or folder.
      keypoints: (x, y).
      scores: how sure of each person; None where the file does not tell.
      photograph: number of each person's photograph in `Truth.photographs`; None where
        the file has a row for each person of the ground truth, in its order.
      ordered: the people of one photograph stand in the order of the ground truth's.
      shift: what was added to the file's coordinates, because it counts pixels from
        another origin than the ground truth.
      areas: of boxes that the file gives with its people, square pixels; None where it
        does not.
    """

    path: Path
    keypoints: Float[np.ndarray, "n k 2"]
    scores: Float[np.ndarray, " n"] | None = None
    photograph: Integer[np.ndarray, " n"] | None = None
    ordered: bool = False
    shift: int = 0
    areas: Float[np.ndarray, " n"] | None = None


def refuse_unfinite(where: str, keypoints: Float[np.ndarray, "n k 2"]) -> None:
    """Raise InputError that counts NaN and infinite points, and names the first."""
    bad = np.argwhere(~np.isfinite(keypoints).all(axis=-1))
    if len(bad):
        person, keypoint = bad[0]
        raise InputError(
            f"{where}: person {person}, keypoint {keypoint} is "
            f"{keypoints[person, keypoint].tolist()}, and {len(bad) - 1} more are not "
            "finite; expected numbers; a network answers for every keypoint"
        )

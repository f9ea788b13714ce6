"""What a prediction is, the forms it is handed on in, and how it is drawn."""

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from hourglass_jax.drawing import Picture, paint_keypoints
from hourglass_jax.extras import import_extra
from hourglass_jax.skeleton import Skeleton


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Pose:
    """The keypoints of one person.

    Attributes:
      keypoints: float32 ``[k 2]``, (x, y) in pixels of the photograph, whose pixel
        centres lie at integers. The network answers for every keypoint, also for one
        that is hidden or outside the photograph: look at the scores.
      scores: float32 ``[k]``, the height of each heatmap's peak: about 1 where the
        network is sure, near 0 where it saw nothing. Not a probability.
      box: float64 ``[4]``, the (x0, y0, x1, y1) that was asked for, without padding.
      skeleton: names, limbs and partners of the keypoints.
      box_score: how sure the detector was of the box, where it said so.
      track: the number of the person in a film that was tracked.
    """

    keypoints: Float32[np.ndarray, "k 2"]
    scores: Float32[np.ndarray, " k"]
    box: Float[np.ndarray, "4"]
    skeleton: Skeleton
    box_score: float | None = None
    track: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The k names, in the order of `keypoints`."""
        return self.skeleton.keypoints

    @property
    def score(self) -> float:
        """The mean of the keypoints' scores, times the box's where there is one.

        What COCO's average precision ranks people by.
        """
        mean = float(self.scores.mean(dtype=np.float64))
        return mean if self.box_score is None else mean * self.box_score

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: skeleton (its name), box, names, keypoints and scores.

        Lists in the order of `names`; (x, y) and the box in photograph pixels. Numbers
        are the shortest that read back to the same float32. The box's score and the
        track are there where they are known.
        """
        known = {"box_score": self.box_score, "track": self.track}
        return {
            "skeleton": self.skeleton.name,
            "box": self.box.tolist(),
            "names": list(self.names),
            "keypoints": [_short(point) for point in self.keypoints],
            "scores": _short(self.scores),
            **{name: value for name, value in known.items() if value is not None},
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any], skeleton: Skeleton) -> "Pose":
        """What `to_dict` wrote, to the bit."""
        return cls(
            keypoints=np.array(fields["keypoints"], np.float32),
            scores=np.array(fields["scores"], np.float32),
            box=np.array(fields["box"], np.float64),
            skeleton=skeleton,
            box_score=fields.get("box_score"),
            track=fields.get("track"),
        )

    def to_coco(self, image_id: int | str, category_id: int = 1) -> dict[str, Any]:
        """An entry of COCO's results: (x, y, score) of each keypoint in a row.

        The photograph and the category are those of the ground truth to be scored on;
        COCO's people are category 1.
        """
        rows = np.column_stack([self.keypoints, self.scores])
        return {
            "image_id": image_id,
            "category_id": category_id,
            "keypoints": _short(rows.ravel()),
            "score": self.score,
        }

    def to_csv(self, header: bool = True) -> str:
        """A line of CSV, under one that names the columns; see `csv_columns`."""
        text = io.StringIO()
        lines = csv.writer(text, lineterminator="\n")
        if header:
            lines.writerow(csv_columns(self.skeleton))
        lines.writerow(self.csv_values())
        return text.getvalue()

    def csv_values(self) -> list[Any]:
        """The values of `csv_columns`; empty where nothing is known."""
        rows = np.column_stack([self.keypoints, self.scores])
        return [
            "" if self.track is None else self.track,
            "" if self.box_score is None else self.box_score,
            *self.box.tolist(),
            *_short(rows.ravel()),
        ]

    def to_supervision(self) -> Any:
        """A `supervision.KeyPoints` of this one person.

        Raises:
          InputError: the package `supervision` is not installed.
        """
        return to_supervision([self])


def csv_columns(skeleton: Skeleton) -> list[str]:
    """Names of a pose's columns: track, box, then x, y and score of each keypoint."""
    points = (
        f"{name}_{what}" for name in skeleton.keypoints for what in ("x", "y", "score")
    )
    return ["track", "box_score", "x0", "y0", "x1", "y1", *points]


def to_supervision(poses: Sequence[Pose]) -> Any:
    """People of one photograph, at least one, as `supervision.KeyPoints`.

    Raises:
      InputError: the package `supervision` is not installed.
    """
    supervision = import_extra("supervision", "pip install supervision")
    # By place: the third argument changed its name in version 0.29.
    return supervision.KeyPoints(
        np.stack([pose.keypoints for pose in poses]),
        np.zeros(len(poses), int),
        np.stack([pose.scores for pose in poses]),
    )


def draw_poses(photograph: Picture, poses: Sequence[Pose]) -> Picture:
    """Draw skeletons on a copy of a photograph, see `drawing.paint_keypoints`."""
    photograph = photograph.copy()
    for pose in poses:
        paint_keypoints(photograph, pose.keypoints, pose.scores, pose.skeleton)
    return photograph


def _short(values: np.ndarray) -> list[float]:
    return [float(str(value)) for value in values]

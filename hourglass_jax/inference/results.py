"""What a prediction is, and how it is drawn."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from hourglass_jax.drawing import Picture, draw_keypoints
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
    """

    keypoints: Float32[np.ndarray, "k 2"]
    scores: Float32[np.ndarray, " k"]
    box: Float[np.ndarray, "4"]
    skeleton: Skeleton

    @property
    def names(self) -> tuple[str, ...]:
        """The k names, in the order of `keypoints`."""
        return self.skeleton.keypoints

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: skeleton (its name), box, names, keypoints and scores.

        Lists in the order of `names`; (x, y) and the box in photograph pixels. Numbers
        are the shortest that read back to the same float32.
        """
        return {
            "skeleton": self.skeleton.name,
            "box": self.box.tolist(),
            "names": list(self.names),
            "keypoints": [_short(point) for point in self.keypoints],
            "scores": _short(self.scores),
        }


def _short(values: np.ndarray) -> list[float]:
    return [float(str(value)) for value in values]


def draw_poses(photograph: Picture, poses: Sequence[Pose]) -> Picture:
    """Draw skeletons on a copy of a photograph, see `drawing.draw_keypoints`."""
    for pose in poses:
        photograph = draw_keypoints(
            photograph, pose.keypoints, pose.scores, pose.skeleton
        )
    return photograph.copy()

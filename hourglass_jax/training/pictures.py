"""Pictures of how training goes: labels above, answers below."""

from collections.abc import Mapping

import cv2
import numpy as np

from hourglass_jax.drawing import draw_keypoints
from hourglass_jax.geometry import resize_affine, transform
from hourglass_jax.skeleton import Skeleton

PEOPLE_SHOWN = 8
_SIDE = 192  # pixels a person


def draw_sheet(
    batch: Mapping[str, np.ndarray],
    keypoints_crop: np.ndarray,
    scores: np.ndarray,
    skeleton: Skeleton,
) -> np.ndarray:
    """Two rows of crops, uint8 RGB: labels drawn on the upper, answers on the lower.

    Args:
      batch: an evaluation batch; its padding is left out.
      keypoints_crop: predicted, in crop pixels [b k 2].
      scores: predicted [b k].
      skeleton: how to draw.
    """
    # A hidden joint is drawn fainter, an absent one not at all.
    certainty = np.array([0.0, 0.3, 1.0], np.float32)[batch["visibility"]]
    rows = [(batch["keypoints_crop"], certainty), (keypoints_crop, scores)]
    people = np.flatnonzero(batch["mask"])
    return np.vstack(
        [
            np.hstack(
                [_draw(batch["image"][i], points[i], s[i], skeleton) for i in people]
            )
            for points, s in rows
        ]
    )


def _draw(
    crop: np.ndarray, keypoints: np.ndarray, scores: np.ndarray, skeleton: Skeleton
) -> np.ndarray:
    ratio = _SIDE / crop.shape[0]
    larger = cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)
    enlarged = resize_affine(ratio, ratio)
    return draw_keypoints(larger, transform(enlarged, keypoints), scores, skeleton)

"""Which way up people are, by their labels."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Integer

ORIENTATIONS = ("upright", "sideways", "inverted")
_UPRIGHT, _INVERTED = 45.0, 135.0  # degrees from upwards


def orientations(
    keypoints: Float[np.ndarray, "n k 2"],
    visibility: Integer[np.ndarray, "n k"],
    shoulders: Sequence[int],
    hips: Sequence[int],
) -> Integer[np.ndarray, " n"]:
    """For each person an index of `ORIENTATIONS`, or -1 where nothing tells.

    Upright is a trunk, from the middle of the labelled hips to that of the labelled
    shoulders, within 45 degrees of upwards in the photograph; inverted, of downwards.

    Args:
      keypoints: (x, y) in pixels of the photograph, y downwards.
      visibility: 0 absent; all others are labelled.
      shoulders: their indices.
      hips: theirs.
    """
    trunk = _middle(keypoints, visibility, shoulders) - _middle(
        keypoints, visibility, hips
    )
    length = np.linalg.norm(trunk, axis=-1)
    told = np.isfinite(length) & (length > 0)
    upwards = np.where(told, -trunk[:, 1], 1.0) / np.where(told, length, 1.0)
    angle = np.degrees(np.arccos(np.clip(upwards, -1, 1)))
    return np.where(told, np.digitize(angle, (_UPRIGHT, _INVERTED)), -1)


def _middle(
    keypoints: np.ndarray, visibility: np.ndarray, joints: Sequence[int]
) -> Float[np.ndarray, "n 2"]:
    """Mean of the labelled ones; NaN where none is."""
    labelled = visibility[:, joints, None] > 0
    count = labelled.sum(axis=1)
    total = np.where(labelled, keypoints[:, joints], 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)

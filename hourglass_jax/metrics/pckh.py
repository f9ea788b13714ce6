"""PCKh: percentage of correct keypoints by head size, on MPII's sixteen joints.

Three means are in use, and each is right in its own tables. They differ by up to two
points on one prediction file, so none is ever printed without its name.
"""

import numpy as np
from jaxtyping import Float

from hourglass_jax.metrics.pck import Column
from hourglass_jax.skeleton import MPII

HEAD_SHARE = 0.6
"""Of the head box's diagonal, in MPII's evaluator (its SC_BIAS)."""

THRESHOLDS = (0.5, 0.1)
CURVE = tuple(step / 100 for step in range(51))
"""Thresholds of a curve and of the area under it: 0, .01, ..., .5."""

UNWEIGHTED_14 = "mean of 14 joints, unweighted"
POOLED_14 = "pooled over 14 joints"
POOLED_16 = "pooled over all 16"


def head_sizes(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, " n"]:
    """Head sizes from head boxes (x0, y0, x1, y1): 0.6 of the diagonal."""
    return HEAD_SHARE * np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=-1)


def _joints(*names: str) -> tuple[int, ...]:
    return tuple(MPII.keypoints.index(name) for name in names)


ALL_16 = tuple(range(len(MPII.keypoints)))
FOURTEEN = tuple(i for i in ALL_16 if i not in _joints("pelvis", "thorax"))

# In the field's order. A column is the mean of its two sides, as bearpaw, HRNet and
# mmpose print it, and "Head" is head_top alone. MPII's leaderboard averages head_top
# and upper_neck under the same name.
GROUPS = (
    Column("Head", _joints("head_top"), pooled=False),
    *(
        Column(part.capitalize(), _joints(f"r_{part}", f"l_{part}"), pooled=False)
        for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    ),
)

MEANS = (
    # bearpaw, anibali
    Column(UNWEIGHTED_14, FOURTEEN, pooled=False),
    # MPII's evaluator, HRNet, mmpose, and so the papers' tables
    Column(POOLED_14, FOURTEEN, pooled=True),
    # princeton's PyTorch code
    Column(POOLED_16, ALL_16, pooled=True),
)

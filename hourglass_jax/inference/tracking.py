"""Who is who from frame to frame: people keep their numbers."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from hourglass_jax.drawing import FAINTEST
from hourglass_jax.inference.results import Pose
from hourglass_jax.metrics.oks import People, similarity

_LEAST = 0.3
"""Similarity below which two poses are two people's."""

_PATIENCE = 1.0
"""Seconds after which somebody who was not seen is forgotten."""

_BODY = 0.53
"""Share of the box that a person covers; COCO's people do on average."""


class Tracker:
    """Numbers the people of a film, from 1, frame after frame.

    People are matched, all at once, so that their similarity is the highest in sum. It
    is the mean of two: how much the boxes overlap, and how close the keypoints lie
    (OKS). Somebody who is matched with nobody gets a number that nobody had.
    """

    def __init__(self) -> None:
        self._last: dict[int, tuple[float, Pose]] = {}
        self._count = 0

    def update(self, time: float, poses: Sequence[Pose]) -> list[Pose]:
        """The poses of the next frame, at ``time`` in seconds, with their numbers."""
        self._last = {
            number: (seen, pose)
            for number, (seen, pose) in self._last.items()
            if time - seen <= _PATIENCE
        }
        known = list(self._last)
        numbers = self._match([self._last[number][1] for number in known], poses)
        tracked = []
        for pose, index in zip(poses, numbers, strict=True):
            if index < 0:
                self._count += 1
            number = self._count if index < 0 else known[index]
            self._last[number] = (time, pose)
            tracked.append(dataclasses.replace(pose, track=number))
        return tracked

    def _match(self, known: Sequence[Pose], poses: Sequence[Pose]) -> list[int]:
        """For each pose the index of the known one it goes on from, or -1."""
        if not known or not poses:
            return [-1] * len(poses)
        # Half a second to import, which photographs need not wait for.
        from scipy.optimize import linear_sum_assignment

        alike = (overlap(poses, known) + closeness(poses, known)) / 2
        found = [-1] * len(poses)
        for i, j in zip(*linear_sum_assignment(alike, maximize=True), strict=True):
            if alike[i, j] >= _LEAST:
                found[i] = int(j)
        return found


def overlap(poses: Sequence[Pose], known: Sequence[Pose]) -> Float[np.ndarray, "n m"]:
    """Area that two boxes share, by the area that they cover together."""
    a, b = (np.stack([pose.box for pose in some]) for some in (poses, known))
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    areas_a, areas_b = (np.prod(x[:, 2:] - x[:, :2], axis=1) for x in (a, b))
    return shared / (areas_a[:, None] + areas_b[None] - shared)


def closeness(poses: Sequence[Pose], known: Sequence[Pose]) -> Float[np.ndarray, "n m"]:
    """OKS over the keypoints that the network saw; their overlap if none has a sigma.

    Where it saw none of a known person's, distance is to the box.
    """
    sigmas = np.array(known[0].skeleton.sigmas)
    usable = sigmas > 0
    if not usable.any():
        return overlap(poses, known)
    boxes = np.stack([pose.box for pose in known])
    people = People(
        keypoints=np.stack([p.keypoints[usable] for p in known]).astype(np.float64),
        visibility=np.stack([2 * (p.scores[usable] >= FAINTEST) for p in known]),
        boxes=boxes,
        areas=_BODY * np.prod(boxes[:, 2:] - boxes[:, :2], axis=1),
        crowd=np.zeros(len(known), bool),
    )
    found = np.stack([p.keypoints[usable] for p in poses]).astype(np.float64)
    return similarity(found, people, sigmas[usable])

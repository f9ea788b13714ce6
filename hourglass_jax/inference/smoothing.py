"""Keypoints that tremble from frame to frame, made calm; and how much they tremble."""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float

from hourglass_jax.inference.results import Pose

Smoothing = Literal["one_euro", "savgol"]
Frames = Sequence[Sequence[Pose]]
Times = Float[np.ndarray, " t"]
Path = Float[np.ndarray, "t k 2"]

# One-Euro filter: parameters in hertz, and in sides of the person's box a second, so
# that they fit people of any size.
_LEAST_CUTOFF, _SPEED_CUTOFF = 1.5, 1.0
_BETA = 6.0

# Savitzky-Golay: frames looked at, and degree of the polynomial.
_WINDOW, _DEGREE = 7, 2


def smooth_frames(frames: Frames, times: Times, how: Smoothing) -> list[list[Pose]]:
    """Smooth the keypoints of each track over the frames of a film.

    Args:
      frames: poses of each frame, with tracks.
      times: of the frames, in seconds.
      how: "one_euro" looks back only, as a live view must: it lags a little where
        people move. "savgol" looks both ways, and does not.
    """
    smoothed = [list(poses) for poses in frames]
    for places in _tracks(frames).values():
        here = times[[frame for frame, _ in places]]
        poses = [frames[frame][i] for frame, i in places]
        path = np.stack([pose.keypoints for pose in poses]).astype(np.float64)
        if how == "one_euro":
            path = one_euro(here, path, _side(poses))
        else:
            path = savitzky_golay(here, path)
        for (frame, i), pose, points in zip(places, poses, path, strict=True):
            smoothed[frame][i] = dataclasses.replace(
                pose, keypoints=points.astype(np.float32)
            )
    return smoothed


def one_euro(times: Times, path: Path, side: float) -> Path:
    """The One-Euro filter (Casiez, Roussel, Vogel, CHI 2012), each coordinate alone.

    A low pass whose cutoff rises with speed: calm at rest, quick in motion.

    Args:
      times: in seconds, never falling; of positions at one time the first counts.
      path: positions in pixels.
      side: of the person's box, in pixels: the unit of speed.
    """
    smoothed = path.copy()
    speed = np.zeros_like(path[0])
    for i in range(1, len(path)):
        step = float(times[i] - times[i - 1])
        if step == 0:  # no time to move in
            smoothed[i] = smoothed[i - 1]
            continue
        measured = (path[i] - path[i - 1]) / step / side
        speed += _share(_SPEED_CUTOFF, step) * (measured - speed)
        cutoff = _LEAST_CUTOFF + _BETA * np.abs(speed)
        moved = path[i] - smoothed[i - 1]
        smoothed[i] = smoothed[i - 1] + _share(cutoff, step) * moved
    return smoothed


def savitzky_golay(times: Times, path: Path) -> Path:
    """Each position from a parabola through it and its neighbours (1964).

    At frames that are evenly spaced it is the usual filter; the times count where they
    are not. At either end the parabola is that of the first or last full window.
    """
    count = len(times)
    if count <= _DEGREE + 1:
        return path.copy()
    window = min(_WINDOW, count)
    smoothed = np.empty_like(path)
    for i in range(count):
        start = min(max(i - window // 2, 0), count - window)
        near = slice(start, start + window)
        powers = np.vander(times[near] - times[i], _DEGREE + 1, increasing=True)
        weights = np.linalg.pinv(powers)[0]  # of the polynomial's value at times[i]
        smoothed[i] = np.tensordot(weights, path[near], axes=1)
    return smoothed


def jitter(frames: Frames, times: Times) -> float:
    """How much keypoints tremble, in percent of the side of the person's box.

    The root mean square, over keypoints and triples of frames next to each other, of
    how far the middle position is from the straight line between the others, or from
    their middle where all are at one time. 0 where nobody is seen three times.
    """
    squares = []
    for places in _tracks(frames).values():
        poses = [frames[frame][i] for frame, i in places]
        here = times[[frame for frame, _ in places]][:, None, None]
        path = np.stack([pose.keypoints for pose in poses]).astype(np.float64)
        passed, span = here[1:-1] - here[:-2], here[2:] - here[:-2]
        share = np.divide(passed, span, out=np.full_like(span, 0.5), where=span > 0)
        off = path[1:-1] - (path[:-2] + share * (path[2:] - path[:-2]))
        squares.append(np.square(off).sum(axis=2).ravel() / _side(poses) ** 2)
    every = np.concatenate(squares) if squares else np.zeros(0)
    return 100 * math.sqrt(every.mean()) if every.size else 0.0


def _share(cutoff: float | np.ndarray, step: float) -> float | np.ndarray:
    """How much of a new value a low pass takes on after ``step`` seconds."""
    turns = 2 * math.pi * cutoff * step
    return turns / (turns + 1)


def _tracks(frames: Frames) -> dict[int, list[tuple[int, int]]]:
    """Where each track's poses are: numbers of the frame, and of the pose in it."""
    places: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for frame, poses in enumerate(frames):
        for i, pose in enumerate(poses):
            if pose.track is not None:
                places[pose.track].append((frame, i))
    return places


def _side(poses: Sequence[Pose]) -> float:
    """The longer side of a person's box, in the middle of the film."""
    boxes = np.stack([pose.box for pose in poses])
    return float(np.median((boxes[:, 2:] - boxes[:, :2]).max(axis=1)))

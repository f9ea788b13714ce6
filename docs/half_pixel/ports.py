"""The conventions of other implementations, each in a few lines of NumPy.

Written from what their code does, none of it taken from there. The network errs
nowhere: it answers with the peak it was taught. Positions ``u`` are in cells from the
left edge of the heatmap, so that cell i spans [i, i + 1) and its centre is i + 0.5.
"""

import numpy as np
from encode_decode import CELLS, summarise

PIXELS = 4 * CELLS
KEYPOINTS = 100_000


def truncated(u: np.ndarray) -> np.ndarray:
    """The target is the cell that holds the keypoint; the answer, its centre."""
    return np.floor(u) + 0.5


def without_half(u: np.ndarray) -> np.ndarray:
    """The same target; the answer is the number of the cell."""
    return np.floor(u)


def step_on_ties(u: np.ndarray) -> np.ndarray:
    """A quarter cell up or down, always; where both neighbours are equal, down."""
    return truncated(u) - 0.25


def rounded(u: np.ndarray) -> np.ndarray:
    """Pixel x is taught at cell x / 4, rounded, and cell i is answered as pixel 4 i."""
    pixel = 4 * u - 0.5
    return (4 * np.floor(pixel / 4 + 0.5) + 0.5) / 4


def rounded_and_mirrored(u: np.ndarray, shift: int) -> np.ndarray:
    """In x the mean of that peak and of the mirrored picture's, turned back."""
    pixel = 4 * u[:, 0] - 0.5
    turned = CELLS - 1 - np.floor((PIXELS - 1 - pixel) / 4 + 0.5) + shift
    answer = rounded(u)
    answer[:, 0] = (answer[:, 0] + turned + 0.125) / 2
    return answer


def cut_at_whole_pixels(
    u: np.ndarray, centers: np.ndarray, sides: np.ndarray
) -> np.ndarray:
    """The crop's corners are truncated to pixels of the photograph; the labels' not."""
    low, high = centers - sides / 2, centers + sides / 2
    photograph = low + u * sides / CELLS
    cut_low, cut_high = np.trunc(low), np.trunc(high)
    return (photograph - cut_low) / (cut_high - cut_low) * CELLS


def cut_after_shrinking(
    u: np.ndarray, centers: np.ndarray, sides: np.ndarray
) -> np.ndarray:
    """Where a crop halves the photograph or more, that is shrunk before it is cut."""
    shrunk = np.where(sides / PIXELS >= 2, sides / PIXELS, 1.0)
    return cut_at_whole_pixels(u, centers / shrunk, sides / shrunk)


def told_in_whole_pixels(
    u: np.ndarray, centers: np.ndarray, sides: np.ndarray
) -> np.ndarray:
    """The answer is truncated to a pixel of the photograph."""
    low = centers - sides / 2
    return (np.trunc(low + u * sides / CELLS) - low) / sides * CELLS


CONVENTIONS = {
    "keypoint truncated to a cell, half a cell added at decoding": (
        "Torch7, princeton, bearpaw",
        truncated,
    ),
    "the same, nothing added at decoding": ("none; to compare", without_half),
    "the first, and a quarter step down where neighbours are equal": (
        "princeton",
        step_on_ties,
    ),
    "cell = pixel / 4, rounded": ("mmpose, HRNet", rounded),
    "the same, averaged with the mirror image": (
        "mmpose, HRNet; shift off",
        lambda u: rounded_and_mirrored(u, 0),
    ),
    "the same, the mirrored heatmap shifted by a cell": (
        "mmpose, HRNet; shift on",
        lambda u: rounded_and_mirrored(u, 1),
    ),
}
ON_PHOTOGRAPHS = {
    "crop's corners truncated to photograph pixels": (
        "princeton",
        cut_at_whole_pixels,
    ),
    "crop's corners truncated to pixels of the shrunk photograph": (
        "Torch7, bearpaw",
        cut_after_shrinking,
    ),
    "answer truncated to a photograph pixel": (
        "Torch7, princeton, bearpaw",
        told_in_whole_pixels,
    ),
}


def measure_ports(centers: np.ndarray, sides: np.ndarray, seed: int) -> list[dict]:
    """Errors in cells, of keypoints anywhere in the crop's middle half.

    Args:
      centers: of MPII's validation people, in photograph pixels.
      sides: of their crops.
      seed: of the keypoints' places.
    """
    random = np.random.default_rng(seed)
    u = random.uniform(CELLS / 4, 3 * CELLS / 4, (KEYPOINTS, 2))
    people = random.integers(0, len(sides), KEYPOINTS)
    boxes = centers[people], sides[people, None]
    answers = {name: (who, f(u)) for name, (who, f) in CONVENTIONS.items()}
    answers |= {name: (who, f(u, *boxes)) for name, (who, f) in ON_PHOTOGRAPHS.items()}
    return [
        {"convention": name, "where": who, **summarise(answer - u)}
        for name, (who, answer) in answers.items()
    ]

"""What the half pixel is worth on the published predictions of two networks."""

from pathlib import Path

import numpy as np

from hourglass_jax.data.keypoint_files import read_predictions, read_truth
from hourglass_jax.data.keypoint_sets import Truth
from hourglass_jax.metrics.bootstrap import Estimate, compare
from hourglass_jax.metrics.distances import measure
from hourglass_jax.metrics.pck import Strictness, correct_keypoints, percentages
from hourglass_jax.metrics.pckh import MEANS, UNWEIGHTED_14

NETWORKS = {"hg_s1_b1": "1 stack", "hg_s2_b1": "2 stacks"}
THRESHOLDS = (0.5, 0.1)
SHIFTS = np.round(np.arange(-0.1, 0.951, 0.05), 2)  # cells, to the right and down
# bearpaw's own mean, and the strictness of its evaluator.
MEAN = tuple(column for column in MEANS if column.name == UNWEIGHTED_14)


def measure_published(mpii: Path, cells: np.ndarray, seed: int) -> dict:
    """Scores as published, and with every answer moved by one constant of the heatmap.

    The constant is the best for PCKh@0.1 on one half of the people, and scored on the
    other half; then the halves change places. The best constant for everybody, scored
    on everybody, is an upper bound.

    Args:
      mpii: the folder.
      cells: photograph pixels a heatmap cell, one a person.
      seed: of the halves.
    """
    truth = read_truth(mpii / "detections_our_format.mat")
    halves = np.random.default_rng(seed).permutation(len(cells)) % 2 == 0
    return {
        name: {
            "network": network,
            **_study(mpii / "predictions" / f"{name}.mat", truth, cells, halves),
        }
        for name, network in NETWORKS.items()
    }


def _study(path: Path, truth: Truth, cells: np.ndarray, halves: np.ndarray) -> dict:
    predicted = read_predictions(path, truth).keypoints

    def sums(shift: np.ndarray) -> np.ndarray:
        """Each person's correct and labelled keypoints, answers moved by cells."""
        moved = predicted + (shift * cells[:, None])[:, None]
        distances = measure(moved, truth.keypoints, truth.visibility, truth.head_sizes)
        correct = correct_keypoints(distances, THRESHOLDS, Strictness.STRICT)
        both = np.concatenate([correct, distances.counted[:, None]], axis=1)
        return both.reshape(len(both), -1).astype(np.float64)

    shifts = np.stack(np.meshgrid(SHIFTS, SHIFTS), axis=-1).reshape(-1, 2)
    tables = np.stack([_totals(sums(shift), halves) for shift in shifts])
    best = [shifts[_score(tables[:, half])[:, 1].argmax()] for half in (0, 1)]
    # The people of each half are moved by the constant found on the other one.
    honest = np.where(halves[:, None], sums(best[1]), sums(best[0]))
    everybody = _score(tables.sum(axis=1))
    best_of_all = int(everybody[:, 1].argmax())
    published = sums(np.zeros(2))
    return {
        "shift_in_answers": _bias(predicted, truth, cells),
        "published": _score(published.sum(axis=0)).tolist(),
        "best_shift_of_each_half": [shift.tolist() for shift in best],
        "scored_on_the_other_half": _score(honest.sum(axis=0)).tolist(),
        "gain": _bounds(compare(published, honest, _score)),
        "best_shift_of_all": shifts[best_of_all].tolist(),
        "upper_bound": everybody[best_of_all].tolist(),
        "grid": everybody[:, 1].reshape(len(SHIFTS), -1).round(3).tolist(),
        "shifts": SHIFTS.tolist(),
    }


def _totals(sums: np.ndarray, halves: np.ndarray) -> np.ndarray:
    return np.stack([sums[halves].sum(axis=0), sums[~halves].sum(axis=0)])


def _score(sums: np.ndarray) -> np.ndarray:
    """PCKh@0.5 and PCKh@0.1."""
    counts = sums.reshape(*sums.shape[:-1], len(THRESHOLDS) + 1, -1)
    return percentages(counts[..., :-1, :], counts[..., -1, :], MEAN)[..., 0]


def _bounds(estimate: Estimate) -> list[dict]:
    columns = zip(estimate.value, estimate.low, estimate.high, strict=True)
    return [
        dict(zip(("value", "low", "high"), column, strict=True)) for column in columns
    ]


def _bias(predicted: np.ndarray, truth: Truth, cells: np.ndarray) -> dict:
    """Where answers lie that are not far off, and what of it grows with the box.

    error = a pixels + b cells, by least squares on errors below 0.3 head sizes.
    """
    distances = measure(predicted, truth.keypoints, truth.visibility, truth.head_sizes)
    near = distances.counted & (distances.values < 0.3)
    errors = (predicted - truth.keypoints)[near]
    size = np.broadcast_to(cells[:, None], near.shape)[near]
    design = np.stack([1 / size, np.ones_like(size)], axis=1)
    pixels, in_cells = np.linalg.lstsq(design, errors / size[:, None])[0]
    return {
        "median_cells": np.median(errors / size[:, None], axis=0).tolist(),
        "fit_photograph_pixels": pixels.tolist(),
        "fit_cells": in_cells.tolist(),
    }

"""PCKh and PCK of paired people, with intervals: from arrays to numbers by name."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from hourglass_jax.data.keypoint_sets import Truth
from hourglass_jax.errors import InputError
from hourglass_jax.evaluation.protocols import Protocol
from hourglass_jax.joint_names import read_names
from hourglass_jax.metrics.bootstrap import Estimate, compare, estimate
from hourglass_jax.metrics.distances import Distances, mean_distance, measure
from hourglass_jax.metrics.orientation import ORIENTATIONS, orientations
from hourglass_jax.metrics.pck import area_under_curve, correct_keypoints, percentages


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """Every person's errors.

    Attributes:
      distances: in the protocol's unit.
      pixels: the same errors in pixels.
    """

    distances: Distances
    pixels: Distances

    def means(self) -> dict[str, Float[np.ndarray, "n 2"]]:
        """Sums for end-point error (pixels), normalised mean error (the unit)."""
        by_name = {"EPE": self.pixels, "NME": self.distances}
        return {name: each.sums_by_person() for name, each in by_name.items()}


class KeypointScorer:
    """Scores one truth's people by PCKh or PCK, with intervals over people."""

    def __init__(
        self, truth: Truth, lengths: Float[np.ndarray, " n"], protocol: Protocol
    ) -> None:
        """Raise InputError if nobody's length is known.

        Args:
          truth: `labelled_people`.
          lengths: what their errors are divided by; 0 leaves a person out.
          protocol: how errors count.
        """
        self._measured = lengths > 0
        if not self._measured.any():
            raise InputError(
                f"{truth.path}: nobody can be measured by {protocol.unit}; expected "
                "labels that give it; use another --normalise or --metric"
            )
        self._truth, self._lengths, self._protocol = truth, lengths, protocol
        self._statistic = _Statistic(protocol)
        self._visibility = np.where(self._measured[:, None], truth.visibility, 0)

    def about(self) -> dict[str, Any]:
        """Who is scored, and how."""
        return {
            "people": int(self._measured.sum()),
            "unmeasured": int((~self._measured).sum()),
            "normalised_by": self._protocol.unit,
            "strictness": self._protocol.strictness.value,
            "mean": self._protocol.mean,
            "intervals_over": "people",
        }

    def measure(self, predicted: Float[np.ndarray, "n k 2"]) -> Measured:
        """Measure the predictions of `pair`."""
        keypoints, visibility = self._truth.keypoints, self._visibility
        return Measured(
            distances=measure(predicted, keypoints, visibility, self._lengths),
            pixels=measure(predicted, keypoints, visibility),
        )

    def score(self, measured: Measured, *, rounds: int, seed: int) -> dict[str, Any]:
        """All scores, ready for JSON."""
        statistic, distances = self._statistic, measured.distances
        sums = statistic.sums(distances)
        table = estimate(sums, statistic, rounds=rounds, seed=seed)
        found = {
            "scores": statistic.scores(table),
            "joints": statistic.joints(table, sums.sum(axis=0)),
        }
        for name, mask in self._parts().items():
            sums = statistic.sums(distances.restricted(mask))
            part = estimate(sums, statistic, rounds=rounds, seed=seed)
            found[name] = {"labelled": int((mask & distances.counted).sum())}
            found[name] |= statistic.scores(part)
        for name, rows in measured.means().items():
            found[name] = entry(estimate(rows, _mean, rounds=rounds, seed=seed), 0)
        return found | {"curves": statistic.curves(table)}

    def compare(
        self, a: Measured, b: Measured, *, rounds: int, seed: int
    ) -> dict[str, Any]:
        """By how much b's scores are above a's, ready for JSON."""
        statistic = self._statistic
        sums = statistic.sums(a.distances), statistic.sums(b.distances)
        table = compare(*sums, statistic, rounds=rounds, seed=seed)
        found: dict[str, Any] = {"scores": statistic.scores(table)}
        for name, rows in a.means().items():
            both = rows, b.means()[name]
            found[name] = entry(compare(*both, _mean, rounds=rounds, seed=seed), 0)
        return found

    def _parts(self) -> dict[str, Bool[np.ndarray, "n k"]]:
        visibility = self._visibility
        parts = self._ways_up()
        if self._truth.occlusion:
            parts |= {"visible": visibility == 2, "occluded": visibility == 1}
        return parts

    def _ways_up(self) -> dict[str, Bool[np.ndarray, "n k"]]:
        """People by orientation, where names tell shoulders and hips."""
        kinds = [joint.kind for joint in read_names(self._truth.names or ())]
        shoulders, hips = (
            [i for i, kind in enumerate(kinds) if kind == wanted]
            for wanted in ("shoulder", "hip")
        )
        if not (shoulders and hips):
            return {}
        keypoints, visibility = self._truth.keypoints, self._truth.visibility
        found = orientations(keypoints, visibility, shoulders, hips)
        everywhere = np.ones(visibility.shape, bool)
        return {
            name: everywhere & (found == index)[:, None]
            for index, name in enumerate(ORIENTATIONS)
        }


def entry(found: Estimate, cell: int) -> dict[str, float | None]:
    """One score, ready for JSON: None where there is nothing to score."""
    values = {"value": found.value, "low": found.low, "high": found.high}
    return {
        name: None if np.isnan(each[cell]) else float(each[cell])
        for name, each in values.items()
    }


class _Statistic:
    """From people's sums to a protocol's table; cells in rows of columns.

    The rows are the thresholds of the curve, then the area under it.
    """

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._columns = protocol.columns
        self._names = [column.name for column in self._columns]

    def sums(self, distances: Distances) -> Float[np.ndarray, "n m"]:
        """Each person's row: correct by threshold and keypoint, then labelled."""
        protocol = self._protocol
        correct = correct_keypoints(distances, protocol.curve, protocol.strictness)
        rows = correct.reshape(len(correct), -1), distances.counted
        return np.concatenate(rows, axis=1).astype(np.float64)

    def __call__(
        self, sums: Float[np.ndarray, "*rounds m"]
    ) -> Float[np.ndarray, "*rounds q"]:
        correct, labelled = self._split(sums)
        table = percentages(correct, labelled, self._columns)
        area = area_under_curve(table, self._protocol.curve)
        cells = np.concatenate([table, area[..., None, :]], axis=-2)
        return cells.reshape(*sums.shape[:-1], -1)

    def scores(self, table: Estimate) -> dict[str, Any]:
        """By threshold, and AUC: each group and mean."""
        shown = [c.name for c in (*self._protocol.groups, *self._protocol.means)]
        return {
            row: {name: self._entry(table, index, name) for name in shown}
            for row, index in self._rows().items()
        }

    def joints(self, table: Estimate, sums: Float[np.ndarray, " m"]) -> dict[str, Any]:
        """Counts and percentages of every keypoint."""
        correct, labelled = self._split(sums)
        rows = list(self._rows().items())[:-1]
        return {
            name: {
                "labelled": int(labelled[i]),
                "correct": {row: int(correct[index, i]) for row, index in rows},
                **{row: self._entry(table, index, name) for row, index in rows},
            }
            for i, name in enumerate(self._protocol.joints)
        }

    def curves(self, table: Estimate) -> dict[str, Any]:
        """Percentages over all thresholds: groups, and the mean as ``Mean``."""
        named = {column.name: column.name for column in self._protocol.groups}
        named["Mean"] = self._protocol.mean
        curves = {
            shown: [
                self._entry(table, index, name)
                for index in range(len(self._protocol.curve))
            ]
            for shown, name in named.items()
        }
        return {"thresholds": list(self._protocol.curve), "columns": curves}

    def _rows(self) -> dict[str, int]:
        protocol = self._protocol
        rows = {
            f"{protocol.name}@{t:g}": protocol.curve.index(t)
            for t in protocol.thresholds
        }
        return rows | {"AUC": len(protocol.curve)}

    def _entry(self, table: Estimate, row: int, column: str) -> dict[str, float | None]:
        return entry(table, row * len(self._names) + self._names.index(column))

    def _split(
        self, sums: Float[np.ndarray, "*rounds m"]
    ) -> tuple[Float[np.ndarray, "*rounds t k"], Float[np.ndarray, "*rounds k"]]:
        keypoints = len(self._protocol.joints)
        correct = sums[..., :-keypoints].reshape(*sums.shape[:-1], -1, keypoints)
        return correct, sums[..., -keypoints:]


def _mean(sums: Float[np.ndarray, "*rounds 2"]) -> Float[np.ndarray, "*rounds 1"]:
    return mean_distance(sums)[..., None]

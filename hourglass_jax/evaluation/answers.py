"""What a network answers for the people of a split, beside what is right."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from hourglass_jax.data.records import Records
from hourglass_jax.data.schema import BOX_PADDING
from hourglass_jax.errors import InputError
from hourglass_jax.evaluation.protocols import Protocol, make_pck, pckh_protocol
from hourglass_jax.geometry import transform
from hourglass_jax.metrics import pck
from hourglass_jax.metrics.pck import Strictness
from hourglass_jax.skeleton import MPII, Skeleton

PredictCrops = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""uint8 [b h w 3] -> keypoints in crop pixels [b k 2] and scores [b k]."""

Ruler = tuple[Protocol, Float[np.ndarray, " n"]]
"""How errors count, and each person's length that they are divided by; 0 for none."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """Everybody's keypoints, found and labelled, in pixels of their photographs.

    Attributes:
      skeleton: what the keypoints are.
      found: the network's.
      scores: how sure it was: the heights of the peaks.
      truth: the labels; 0 where absent.
      visibility: 0 absent, 1 labelled and occluded, 2 visible.
      sides: of the person's tight box, the longer one.
      head_sizes: PCKh's; 0 where the data set has none.
      areas: OKS areas; 0 where the data set has none.
    """

    skeleton: Skeleton
    found: Float[np.ndarray, "n k 2"]
    scores: Float[np.ndarray, "n k"]
    truth: Float[np.ndarray, "n k 2"]
    visibility: Integer[np.ndarray, "n k"]
    sides: Float[np.ndarray, " n"]
    head_sizes: Float[np.ndarray, " n"]
    areas: Float[np.ndarray, " n"]

    def of(self, people: np.ndarray) -> "Answers":
        """Those of some people, by their numbers or a mask."""
        arrays = {n: v for n, v in vars(self).items() if isinstance(v, np.ndarray)}
        return dataclasses.replace(self, **{n: v[people] for n, v in arrays.items()})

    @property
    def peak(self) -> float:
        """Mean height of the peaks over labelled keypoints; 0 says nothing was seen."""
        labelled = self.visibility > 0
        return float(self.scores[labelled].mean()) if labelled.any() else 0.0

    def summary(self) -> dict[str, Any]:
        """Percentages by metric, such as ``PCK@0.2``, and by joint group.

        Also how many ``people`` the first metric counts, how many of them it leaves out
        as ``unmeasured``, and the ``peak``.
        """
        rulers = choose_rulers(self)
        rows = {name: row for ruler in rulers for name, row in self._rows(*ruler)}
        measured = int((rulers[0][1] > 0).sum())
        rest = {"people": measured, "unmeasured": len(self.found) - measured}
        return rows | rest | {"peak": self.peak}

    def _rows(
        self, protocol: Protocol, lengths: np.ndarray
    ) -> list[tuple[str, dict[str, float | None]]]:
        counts = pck.count_correct(
            self.found,
            self.truth,
            self.visibility,
            lengths,
            protocol.thresholds,
            protocol.strictness,
        )
        mean = next(each for each in protocol.means if each.name == protocol.mean)
        columns = (*protocol.groups, dataclasses.replace(mean, name="Mean"))
        table = pck.percentages(counts.correct, counts.labelled, columns)
        return [
            (
                f"{protocol.name}@{threshold:g}",
                {
                    column.name: None if np.isnan(value) else float(value)
                    for column, value in zip(columns, row, strict=True)
                },
            )
            for threshold, row in zip(protocol.thresholds, table, strict=True)
        ]


def choose_rulers(answers: Answers) -> list[Ruler]:
    """What the labels allow to measure by, the usual one first.

    PCK by the torso, or by the box where the skeleton has no torso; PCKh besides, where
    MPII's keypoints come with head sizes.
    """
    skeleton = answers.skeleton
    names, groups = skeleton.keypoints, skeleton.groups
    if skeleton.torso is not None:
        lengths = pck.torso_lengths(answers.truth, answers.visibility, skeleton.torso)
        by_torso = make_pck(
            names, groups, "torso", Strictness.INCLUSIVE, skeleton.torso
        )
        rulers = [(by_torso, lengths)]
    else:
        groups = groups or {name: (i,) for i, name in enumerate(names)}
        by_box = make_pck(names, groups, "box", Strictness.INCLUSIVE)
        rulers = [(by_box, answers.sides)]
    if names == MPII.keypoints and answers.head_sizes.any():
        rulers.append((pckh_protocol(Strictness.INCLUSIVE), answers.head_sizes))
    return rulers


def metric_names(skeleton: Skeleton, records: Records) -> list[str]:
    """What `Answers.summary` will be able to say of these people, the usual one first.

    The first person stands for all: a data set gives head sizes to everybody or nobody.
    """
    record = records[0]
    truth = record["keypoints_img"].astype(np.float64)[None]
    answers = Answers(
        skeleton=skeleton,
        found=truth,
        scores=np.ones(truth.shape[:2]),
        truth=truth,
        visibility=record["visibility"][None],
        sides=np.array([record["side_img"]], np.float64),
        head_sizes=np.array([record["head_size_img"]], np.float64),
        areas=np.array([record["area_img"]], np.float64),
    )
    rulers = choose_rulers(answers)
    return [f"{rule.name}@{t:g}" for rule, _ in rulers for t in rule.thresholds]


def collect(
    predict_crops: PredictCrops,
    batches: Iterable[Mapping[str, np.ndarray]],
    skeleton: Skeleton,
) -> Answers:
    """Go through evaluation batches; their padding is left out.

    Predictions go back to the original photograph through each record's affine.

    Raises:
      InputError: nobody can be measured.
    """
    parts = [_collect(predict_crops, batch) for batch in batches]
    fields = parts[0] if parts else {}
    joined = {name: np.concatenate([part[name] for part in parts]) for name in fields}
    if joined:
        answers = Answers(skeleton=skeleton, **joined)
        if choose_rulers(answers)[0][1].any():
            return answers
    raise InputError(
        "evaluation: nobody to score; expected a split with at least one person whose "
        "left shoulder and right hip are labelled"
    )


def _collect(
    predict_crops: PredictCrops, batch: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    real = batch["mask"]
    keypoints_crop, scores = predict_crops(batch["image"])
    to_photograph = zip(batch["img_from_crop"][real], keypoints_crop[real], strict=True)
    return {
        "found": np.stack([transform(*each) for each in to_photograph]),
        "scores": scores[real],
        "truth": batch["keypoints_img"][real].astype(np.float64),
        "visibility": batch["visibility"][real],
        "sides": batch["side_img"][real] / BOX_PADDING,
        "head_sizes": batch["head_size_img"][real],
        "areas": batch["area_img"][real],
    }

"""Scoring a network on people it has not learnt from."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from hourglass_jax.config import DataConfig
from hourglass_jax.data.datasets import open_dataset
from hourglass_jax.data.pipeline import evaluation_batches
from hourglass_jax.errors import InputError
from hourglass_jax.geometry import transform
from hourglass_jax.inference import Predictor
from hourglass_jax.metrics.pck import (
    PckCounts,
    count_correct,
    summarise,
    torso_lengths,
)
from hourglass_jax.progress import Bar
from hourglass_jax.skeleton import Skeleton

PredictCrops = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""uint8 [b h w 3] -> keypoints in crop pixels [b k 2] and scores [b k]."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What was found.

    Attributes:
      counts: mergeable counts of correct keypoints, in photograph pixels.
      peak: mean height of the heatmaps' peaks, over labelled keypoints.
      skeleton: names the keypoints and the columns.
    """

    counts: PckCounts
    peak: float
    skeleton: Skeleton

    def summary(self) -> dict[str, Any]:
        """Percentages by threshold and joint group, and how many people count."""
        return summarise(self.counts, self.skeleton) | {"peak": self.peak}


def evaluate(
    predict_crops: PredictCrops,
    batches: Iterable[Mapping[str, np.ndarray]],
    skeleton: Skeleton,
) -> Evaluation:
    """Torso-normalised PCK over evaluation batches; padding does not count.

    Predictions go back to the original photograph through each record's affine, and
    errors are measured there.

    Raises:
      InputError: the skeleton has no torso, or there is nobody to score.
    """
    if skeleton.torso is None:
        raise InputError(
            f"skeleton {skeleton.name}: PCK needs the two keypoints of a torso; "
            "give the skeleton one"
        )
    total: PckCounts | None = None
    peaks, labelled = 0.0, 0
    for batch in batches:
        real = batch["mask"]
        keypoints_crop, scores = predict_crops(batch["image"])
        predicted = np.stack(
            [
                transform(affine, points)
                for affine, points in zip(
                    batch["img_from_crop"][real], keypoints_crop[real], strict=True
                )
            ]
        )
        truth = batch["keypoints_img"][real].astype(np.float64)
        visibility = batch["visibility"][real]
        lengths = torso_lengths(truth, visibility, skeleton.torso)
        counts = count_correct(predicted, truth, visibility, lengths)
        total = counts if total is None else total + counts
        peaks += float(scores[real][visibility > 0].sum())
        labelled += int((visibility > 0).sum())
    if total is None or not total.people:
        raise InputError(
            "evaluation: nobody to score; expected a split with at least one person "
            "whose left shoulder and right hip are labelled"
        )
    return Evaluation(total, peaks / max(labelled, 1), skeleton)


def evaluate_model(
    model: Predictor, data: DataConfig, split: str, *, flip: bool, batch_size: int
) -> dict[str, Any]:
    """Score a loaded model on one split of a data set.

    Raises:
      InputError: the split does not exist, or its keypoints are not the model's.
    """
    dataset = open_dataset(data)
    if dataset.skeleton.keypoints != model.skeleton.keypoints:
        raise InputError(
            f"{data.dataset}: its keypoints are those of {dataset.skeleton.name}, the "
            f"model's those of {model.skeleton.name}; score it on a data set it fits"
        )
    source = dataset.split(split)
    batches = evaluation_batches(
        source, dataset.skeleton, model.card.input_size[0], batch_size
    )
    people = len(source)
    with Bar("evaluate", people, unit="people") as bar:

        def predict(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            answer = model.predict_crops(images, flip=flip)
            bar.advance(min(len(images), people - bar.done))
            return answer

        evaluation = evaluate(predict, batches, dataset.skeleton)
    about = {"dataset": data.dataset, "split": split, "flip": flip}
    return about | evaluation.summary()

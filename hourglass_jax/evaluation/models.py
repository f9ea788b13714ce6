"""Scoring a network on people it has not learnt from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hourglass_jax.config import DataConfig
from hourglass_jax.data.datasets import open_dataset
from hourglass_jax.data.keypoint_sets import Photograph, Predictions, Truth
from hourglass_jax.data.mapping import map_dataset
from hourglass_jax.data.pipeline import evaluation_batches
from hourglass_jax.data.records import Records
from hourglass_jax.evaluation.answers import Answers, Ruler, choose_rulers, collect
from hourglass_jax.evaluation.keypoint_scores import KeypointScorer
from hourglass_jax.evaluation.oks_scores import OksScorer
from hourglass_jax.inference import Predictor
from hourglass_jax.metrics.bootstrap import LEVEL, ROUNDS
from hourglass_jax.progress import Bar, console

_NO_SIGMAS = (
    "OKS is left out: no sigmas are known for these keypoints; a skeleton file can "
    "give them (docs/data.md)"
)


def open_people(model: Predictor, data: DataConfig, split: str) -> Records:
    """The people of a split, with the model's keypoints; see `mapping.map_dataset`.

    Raises:
      InputError: the split does not exist, or no keypoint is the model's.
    """
    dataset = open_dataset(data)
    return map_dataset(dataset, model.skeleton, data.rename).split(split)


def answer_people(
    model: Predictor,
    people: Records,
    *,
    flip: bool,
    scales: tuple[float, ...],
    batch_size: int,
) -> Answers:
    """Let a model answer for everybody, each in a crop with the model's own padding.

    For ``scales`` see `Predictor.predict`.
    """
    batches = evaluation_batches(
        people,
        model.skeleton,
        model.card.input_size[0],
        batch_size,
        scales=scales,
        padding=model.card.box_padding,
    )
    with Bar("evaluate", len(people), unit="people") as bar:

        def predict(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            answer = model.predict_crops(images, flip=flip, scales=scales)
            bar.advance(min(len(images), len(people) - bar.done))
            return answer

        return collect(predict, batches, model.skeleton)


def score_answers(
    answers: Answers, model: str, people: str, files: Sequence[bytes], *, seed: int = 0
) -> list[dict[str, Any]]:
    """Every metric with 95 % intervals, in the form of `score_files`.

    Args:
      answers: of a model.
      model: its name.
      people: the data set and split.
      files: each person's photograph.
      seed: of the bootstrap.
    """
    found = [
        {
            "metric": "pckh" if ruler[0].name == "PCKh" else "pck",
            **_score(answers, ruler, people, seed),
        }
        for ruler in choose_rulers(answers)
    ]
    sigmas = np.array(answers.skeleton.sigmas)
    if (answers.areas > 0).all():
        if (sigmas > 0).all():
            found.append({"metric": "oks", **_score_oks(answers, people, files, seed)})
        else:
            console.print(_NO_SIGMAS)
    about = {"predictions": model, "ground_truth": people, "shift": 0}
    how = {"level": LEVEL, "rounds": ROUNDS, "seed": seed}
    return [about | how | each for each in found]


def compare_answers(a: Answers, b: Answers, *, seed: int = 0) -> dict[str, Any]:
    """By how much b's scores are above a's: two answers for the same people.

    By the first metric, with 95 % intervals that are paired: what is hard for both
    cancels out.
    """
    ruler = choose_rulers(a)[0]
    scorer = _scorer(a, ruler, "people")
    measured = scorer.measure(a.found), scorer.measure(b.found)
    return scorer.compare(*measured, rounds=ROUNDS, seed=seed)


def photographs(people: Records) -> list[bytes]:
    """The name of each person's photograph."""
    return [people[i]["file"] for i in range(len(people))]


def _score(answers: Answers, ruler: Ruler, people: str, seed: int) -> dict[str, Any]:
    scorer = _scorer(answers, ruler, people)
    measured = scorer.measure(answers.found)
    return scorer.about() | scorer.score(measured, rounds=ROUNDS, seed=seed)


def _scorer(answers: Answers, ruler: Ruler, people: str) -> KeypointScorer:
    truth = Truth(
        path=Path(people),
        keypoints=answers.truth,
        visibility=answers.visibility,
        occlusion=bool((answers.visibility == 1).any()),
        names=answers.skeleton.keypoints,
    )
    protocol, lengths = ruler
    return KeypointScorer(truth, lengths, protocol)


def _score_oks(
    answers: Answers, people: str, files: Sequence[bytes], seed: int
) -> dict[str, Any]:
    """OKS-AP with the boxes of the labels: nobody is missed, and nobody made up.

    Without those of whose labels the model knows none: COCO ignores them, and they have
    no place that an answer could be ignored at.
    """
    known: np.ndarray = np.any(answers.visibility > 0, axis=1)
    answers = answers.of(known)
    names, photograph = np.unique(np.array(files)[known], return_inverse=True)
    half = answers.sides[:, None] / 2
    middles = (answers.truth.min(axis=1) + answers.truth.max(axis=1)) / 2
    truth = Truth(
        path=Path(people),
        keypoints=answers.truth,
        visibility=answers.visibility,
        names=answers.skeleton.keypoints,
        photographs=tuple(Photograph(key=str(n), file=str(n)) for n in names),
        photograph=photograph,
        boxes=np.concatenate([middles - half, middles + half], axis=1),
        areas=answers.areas.astype(np.float64),
        crowd=np.zeros(len(photograph), bool),
    )
    scorer = OksScorer(truth, np.array(answers.skeleton.sigmas))
    matches = scorer.match(
        Predictions(
            path=Path(people),
            keypoints=answers.found,
            scores=answers.scores.mean(axis=1).astype(np.float64),
            photograph=photograph,
        )
    )
    return scorer.about() | scorer.score(matches, rounds=ROUNDS, seed=seed)

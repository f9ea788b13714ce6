"""Who was predicted by which row: the people of a truth beside their predictions."""

import numpy as np
from jaxtyping import Float, Integer

from hourglass_jax.data.keypoint_sets import Predictions, Truth
from hourglass_jax.errors import InputError


def labelled_people(truth: Truth) -> Truth:
    """Those with a labelled keypoint who are no crowd; the others cannot be measured.

    Raises InputError if there is nobody.
    """
    people = _labelled(truth)
    if not len(people):
        raise InputError(f"{truth.path}: nobody has a labelled keypoint; label some")
    return truth.take(people)


def _labelled(truth: Truth) -> Integer[np.ndarray, " m"]:
    labelled = (truth.visibility > 0).any(axis=1)
    return np.flatnonzero(labelled if truth.crowd is None else labelled & ~truth.crowd)


def pair(predictions: Predictions, truth: Truth) -> Float[np.ndarray, "n k 2"]:
    """Predicted keypoints of `labelled_people(truth)`, in their order.

    A file with a row a person has one for everybody, labelled or not. Files that name
    photographs are paired by photograph, and within one in order.

    Raises:
      InputError: a photograph has more or fewer predictions than people, or several of
        them in no order.
    """
    if predictions.photograph is None:
        return predictions.keypoints[_labelled(truth)]
    people = labelled_people(truth)
    assert people.photograph is not None  # the reader needed it for the predictions'
    _check_counts(predictions, people, people.photograph)
    paired = np.empty_like(people.keypoints)
    order = np.argsort(people.photograph, kind="stable")
    paired[order] = predictions.keypoints[
        np.argsort(predictions.photograph, kind="stable")
    ]
    return paired


def _check_counts(
    predictions: Predictions, truth: Truth, photograph: Integer[np.ndarray, " n"]
) -> None:
    assert truth.photographs is not None
    assert predictions.photograph is not None
    photographs = len(truth.photographs)
    people = np.bincount(photograph, minlength=photographs)
    answers = np.bincount(predictions.photograph, minlength=photographs)
    unlike = np.flatnonzero(people != answers)
    if len(unlike):
        raise InputError(
            f"{predictions.path}: {answers[unlike[0]]} predictions for "
            f"{people[unlike[0]]} labelled people in {_named(truth, unlike)}; expected "
            "one each; --metric oks takes any number"
        )
    several = np.flatnonzero(people > 1)
    if len(several) and not predictions.ordered:
        raise InputError(
            f"{predictions.path}: {people[several[0]]} people in "
            f"{_named(truth, several)}, and results do not say who is whom; use "
            "--metric oks"
        )


def _named(truth: Truth, photographs: Integer[np.ndarray, " m"]) -> str:
    assert truth.photographs is not None
    first, left = truth.photographs[photographs[0]].file, len(photographs) - 1
    return f"{first} (and so in {left} more photographs)" if left else first

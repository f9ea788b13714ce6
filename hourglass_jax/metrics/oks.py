"""Object keypoint similarity, and the ten numbers of the COCO keypoint task.

The rules are those of the COCO API (pycocotools), for any number of keypoints: answers
are matched to people photograph by photograph, and precision is taken over all answers
in the order of their scores.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float, Integer

SIMILARITIES = np.linspace(0.5, 0.95, 10)
"""Thresholds of similarity that AP averages over."""

RECALLS = np.linspace(0.0, 1.0, 101)
"""Recalls at which precision is read off."""

MOST_ANSWERS = 20
"""Answers that count in a photograph: those with the highest scores."""

SIZES = {"all": (0.0, 1e10), "M": (32.0**2, 96.0**2), "L": (96.0**2, 1e10)}
"""Areas of people, in square pixels, both ends included."""

NUMBERS = (
    "AP",
    "AP50",
    "AP75",
    "AP(M)",
    "AP(L)",
    "AR",
    "AR50",
    "AR75",
    "AR(M)",
    "AR(L)",
)

_EPSILON = float(np.spacing(1.0))


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class People:
    """The labelled people of one photograph.

    Attributes:
      keypoints: (x, y) in photograph pixels.
      visibility: 0 absent, 1 labelled and occluded, 2 visible.
      boxes: (x0, y0, x1, y1); used only for people without a labelled keypoint.
      areas: square pixels of the person's segment.
      crowd: the annotation stands for a group.
    """

    keypoints: Float[np.ndarray, "g k 2"]
    visibility: Integer[np.ndarray, "g k"]
    boxes: Float[np.ndarray, "g 4"]
    areas: Float[np.ndarray, " g"]
    crowd: Bool[np.ndarray, " g"]

    def ignored(self) -> Bool[np.ndarray, "sizes g"]:
        """Who is neither found nor missed: crowds, no labels, or of another size."""
        nobody = self.crowd | ~(self.visibility > 0).any(axis=1)
        return nobody | _outside(self.areas)


@dataclasses.dataclass(frozen=True, eq=False)
class Matches:
    """What became of answers and people; ``a + b`` is the photographs of both.

    Attributes:
      scores: of the answers; ties keep the order of photographs and answers.
      photographs: number of each answer's photograph.
      found: the answer is a person's, by size and threshold of similarity.
      ignored: the answer counts neither for nor against.
      people: people to find, by photograph and size.
    """

    scores: Float[np.ndarray, " d"]
    photographs: Integer[np.ndarray, " d"]
    found: Bool[np.ndarray, "sizes t d"]
    ignored: Bool[np.ndarray, "sizes t d"]
    people: Integer[np.ndarray, "p sizes"]

    def __add__(self, other: "Matches") -> "Matches":
        """Put two sets of photographs one after the other."""
        return concatenate([self, other])


def concatenate(parts: Iterable[Matches]) -> Matches:
    """Put several sets of photographs, at least one, one after the other."""
    parts = list(parts)
    starts = np.cumsum([0, *(len(part.people) for part in parts)])
    numbers = [
        part.photographs + start for part, start in zip(parts, starts, strict=False)
    ]
    return Matches(
        np.concatenate([part.scores for part in parts]),
        np.concatenate(numbers),
        np.concatenate([part.found for part in parts], axis=-1),
        np.concatenate([part.ignored for part in parts], axis=-1),
        np.concatenate([part.people for part in parts]),
    )


def similarity(
    predicted: Float[np.ndarray, "d k 2"],
    people: People,
    sigmas: Float[np.ndarray, " k"],
) -> Float[np.ndarray, "d g"]:
    """OKS of every answer with every person.

    The mean over labelled keypoints of exp(-d^2 / (2 area (2 sigma)^2)). For a person
    without any, d is the distance to a box three times as wide and high as the
    person's, over all keypoints.

    Args:
      predicted: (x, y) in photograph pixels.
      people: of the same photograph.
      sigmas: the constant of each keypoint. There is no default: a score with those
        of other keypoints would be wrong without a sign of it.
    """
    columns = [
        _similarity(predicted, *person, sigmas)
        for person in zip(
            people.keypoints,
            people.visibility > 0,
            people.boxes,
            people.areas,
            strict=True,
        )
    ]
    return np.stack(columns, axis=1) if columns else np.zeros((len(predicted), 0))


def _similarity(
    predicted: Float[np.ndarray, "d k 2"],
    keypoints: Float[np.ndarray, "k 2"],
    labelled: Bool[np.ndarray, " k"],
    box: Float[np.ndarray, "4"],
    area: np.float64,
    sigmas: Float[np.ndarray, " k"],
) -> Float[np.ndarray, " d"]:
    away = predicted - keypoints
    if not labelled.any():
        labelled, away = ~labelled, _beyond(predicted, box)
    # In the order of the COCO API, so that ties are ties to the last bit.
    exponents = np.square(away).sum(axis=-1) / (2 * sigmas) ** 2 / (area + _EPSILON) / 2
    return np.exp(-np.ascontiguousarray(exponents[:, labelled])).mean(axis=1)


def _beyond(
    points: Float[np.ndarray, "d k 2"], box: Float[np.ndarray, "4"]
) -> Float[np.ndarray, "d k 2"]:
    """How far points lie outside of a box that is grown by its size on each side."""
    low, high = box[:2], box[2:]
    size = high - low
    return np.maximum(low - size - points, 0) + np.maximum(points - high - size, 0)


def match(
    predicted: Float[np.ndarray, "d k 2"],
    scores: Float[np.ndarray, " d"],
    people: People,
    sigmas: Float[np.ndarray, " k"],
    areas: Float[np.ndarray, " d"] | None = None,
) -> Matches:
    """Match the answers of one photograph to its people.

    In the order of their scores, answers take the most similar person that is still
    free; a crowd can be taken any number of times. An answer that finds nobody does not
    count among people of a size that is not its own: by ``areas``, or without them by
    the smallest box around its keypoints. See `similarity` for the other arguments.
    """
    if areas is None:
        areas = np.ptp(predicted, axis=1).prod(axis=-1)
    order = np.argsort(-scores, kind="stable")[:MOST_ANSWERS]
    predicted, scores, areas = predicted[order], scores[order], areas[order]
    ignored_people = people.ignored()
    taken = _take(similarity(predicted, people, sigmas), ignored_people, people.crowd)
    found = taken >= 0
    sizes = np.arange(len(SIZES))[:, None, None]
    # With nobody in the photograph there is no person -1 to ask.
    padded = np.pad(ignored_people, ((0, 0), (0, 1)))
    other_size = _outside(areas)[:, None]
    ignored = np.where(found, padded[sizes, taken], other_size)
    return Matches(
        scores,
        np.zeros(len(scores), np.int64),
        found & ~ignored,
        ignored,
        (~ignored_people).sum(axis=1)[None],
    )


def _outside(areas: Float[np.ndarray, " n"]) -> Bool[np.ndarray, "sizes n"]:
    low, high = np.array(list(SIZES.values())).T[..., None]
    return (areas < low) | (areas > high)


def _take(
    similar: Float[np.ndarray, "d g"],
    ignored: Bool[np.ndarray, "sizes g"],
    crowd: Bool[np.ndarray, " g"],
) -> Integer[np.ndarray, "sizes t d"]:
    """Whom each answer takes; -1 for nobody.

    Somebody who counts goes before the most similar one who is ignored. Among equals
    the last one wins, as in the COCO API.
    """
    answers, people = similar.shape
    taken = np.full((len(SIZES), len(SIMILARITIES), answers), -1)
    free = np.ones((len(SIZES), len(SIMILARITIES), people), bool)
    if not people:
        return taken
    lowest = np.minimum(SIMILARITIES, 1 - 1e-10)[:, None]
    for answer in range(answers):
        fits = free & (similar[answer] >= lowest)
        counting = fits & ~ignored[:, None]
        fits = np.where(counting.any(axis=-1, keepdims=True), counting, fits)
        ranked = np.where(fits, similar[answer], -1.0)[..., ::-1]
        best = people - 1 - ranked.argmax(axis=-1)
        taken[..., answer] = np.where(fits.any(axis=-1), best, -1)
        now = taken[..., answer, None] == np.arange(people)
        free &= ~now | crowd
    return taken


def summarise(
    matches: Matches, counts: Integer[np.ndarray, "rounds p"] | None = None
) -> Float[np.ndarray, "rounds 10"]:
    """The ten numbers of the COCO keypoint task, in the order of `NUMBERS`, 0 to 1.

    Args:
      matches: of all photographs.
      counts: how often each photograph counts, for the rounds of a bootstrap; None is
        one round with each photograph once.

    Returns:
      NaN where there is nobody to find (the COCO API gives -1).
    """
    if counts is None:
        counts = np.ones((1, len(matches.people)), np.int64)
    order = np.argsort(-matches.scores, kind="stable")
    weights = counts[:, matches.photographs[order]]
    people = counts @ matches.people
    rows = np.empty((len(counts), len(SIZES), len(SIMILARITIES), 2))
    for size, similar in np.ndindex(rows.shape[1:3]):
        rows[:, size, similar] = _precision_recall(
            weights,
            matches.found[size, similar, order],
            matches.ignored[size, similar, order],
            people[:, size],
        )
    return np.concatenate([_five(rows[..., 0]), _five(rows[..., 1])], axis=-1)


def _five(rows: Float[np.ndarray, "rounds sizes t"]) -> Float[np.ndarray, "rounds 5"]:
    """Over all thresholds, at .5 and .75, for medium and for large people."""
    over_thresholds = rows.mean(axis=-1)
    single = rows[:, 0][:, [0, 5]]
    return np.concatenate([over_thresholds[:, :1], single, over_thresholds[:, 1:]], 1)


def _precision_recall(
    weights: Integer[np.ndarray, "rounds d"],
    found: Bool[np.ndarray, " d"],
    ignored: Bool[np.ndarray, " d"],
    people: Integer[np.ndarray, " rounds"],
) -> Float[np.ndarray, "rounds 2"]:
    """Mean precision over `RECALLS`, and the highest recall, of each round.

    Looks at the answers that find somebody only: between them precision falls, and
    recall stays.
    """
    right = np.cumsum(weights[:, found], axis=1)
    wrong = np.cumsum(weights * ~(found | ignored), axis=1)[:, found]
    precision = right / (right + wrong + _EPSILON)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    table = np.full((len(weights), 2), np.nan)
    for i in np.flatnonzero(people):
        recall = right[i] / people[i]
        reached = np.searchsorted(recall, RECALLS, side="left")
        heights = np.append(envelope[i], 0.0)[reached]
        table[i] = heights.mean(), recall[-1] if len(recall) else 0.0
    return table

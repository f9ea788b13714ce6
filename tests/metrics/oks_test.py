import contextlib
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass_jax.metrics import oks
from hourglass_jax.skeleton import COCO


def reference(photographs, keypoints, sigmas, boxes=False):
    """What pycocotools says of the same people and answers; -1 becomes NaN.

    ``boxes``: each answer has one, four times as wide and high as its keypoints'.
    """
    coco_module = pytest.importorskip("pycocotools.coco")
    evaluator_module = pytest.importorskip("pycocotools.cocoeval")
    annotations, answers = [], []
    for number, (people, predicted, scores) in enumerate(photographs, start=1):
        for i in range(len(people.areas)):
            x0, y0, x1, y1 = people.boxes[i].tolist()
            flagged = np.column_stack([people.keypoints[i], people.visibility[i]])
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "keypoints": flagged.ravel().tolist(),
                    "num_keypoints": int((people.visibility[i] > 0).sum()),
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": float(people.areas[i]),
                    "iscrowd": int(people.crowd[i]),
                }
            )
        for points, score in zip(predicted, scores, strict=True):
            flagged = np.column_stack([points, np.ones(keypoints)])
            answers.append(
                {
                    "image_id": number,
                    "category_id": 1,
                    "keypoints": flagged.ravel().tolist(),
                    "score": float(score),
                    **({"bbox": [0, 0, *odd_size(points)]} if boxes else {}),
                }
            )
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco_module.COCO()
        truth.dataset = {
            "images": [{"id": i + 1} for i in range(len(photographs))],
            "annotations": annotations,
            "categories": [{"id": 1, "name": "person"}],
        }
        truth.createIndex()
        evaluator = evaluator_module.COCOeval(
            truth, truth.loadRes(answers), "keypoints"
        )
        evaluator.params.kpt_oks_sigmas = sigmas
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return np.where(evaluator.stats < 0, np.nan, evaluator.stats)


def odd_size(points):
    """As far from the size of the keypoints as to be another of `oks.SIZES`."""
    return (4 * np.ptp(points, axis=0)).tolist()


def ours(photographs, sigmas, boxes=False):
    matches = []
    for people, predicted, scores in photographs:
        areas = np.array([np.prod(odd_size(points)) for points in predicted])
        areas = areas if boxes else None
        matches.append(oks.match(predicted, scores, people, sigmas, areas))
    return oks.summarise(oks.concatenate(matches))[0]


def scene(generator, keypoints, people, answers, whole_numbers):
    """A photograph; whole numbers and few different scores make ties."""

    def points(count):
        drawn = generator.uniform(0, 100, (count, keypoints, 2))
        return np.rint(drawn / 30) * 30 if whole_numbers else drawn

    truth = points(people)
    visibility = generator.integers(0, 3, (people, keypoints))
    visibility[generator.random(people) < 0.2] = 0
    if whole_numbers and people > 1:  # labelled twice: as similar to every answer
        truth[-1], visibility[-1] = truth[0], visibility[0]
    corner = generator.uniform(0, 50, (people, 2))
    annotated = oks.People(
        keypoints=truth,
        visibility=visibility,
        boxes=np.concatenate(
            [corner, corner + generator.uniform(5, 60, (people, 2))], axis=1
        ),
        # Both ends of the ranges of size among them.
        areas=generator.choice([500.0, 32.0**2, 4000.0, 96.0**2, 20000.0], people),
        crowd=generator.random(people) < 0.2,
    )
    predicted = points(answers)
    for i in range(answers if people else 0):  # most are near somebody
        if generator.random() < 0.8:
            noise = generator.normal(
                0, generator.choice([0, 2, 10, 20]), (keypoints, 2)
            )
            predicted[i] = truth[generator.integers(people)] + noise
    scores = generator.choice([0.1, 0.5, 0.5, 0.9], answers)
    if not whole_numbers:
        scores = scores + generator.uniform(0, 0.3, answers)
    return annotated, predicted, scores


@pytest.mark.parametrize("keypoints", [5, 14, 16, 17])
@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from([0, 1, 2, 5, 23])),
        min_size=1,
        max_size=4,
    ).filter(lambda sizes: sum(answers for _, answers in sizes) > 0),
    whole_numbers=st.booleans(),
    boxes=st.booleans(),
)
def test_the_ten_numbers_are_those_of_pycocotools(
    keypoints, seed, sizes, whole_numbers, boxes
):
    generator = np.random.default_rng(seed)
    sigmas = generator.uniform(0.02, 0.3, keypoints)
    photographs = [
        scene(generator, keypoints, people, answers, whole_numbers)
        for people, answers in sizes
    ]
    np.testing.assert_allclose(
        ours(photographs, sigmas, boxes),
        reference(photographs, keypoints, sigmas, boxes),
        atol=1e-6,
    )


def test_real_photographs_score_as_in_pycocotools(shared_data):
    file = shared_data / "coco_samples" / "test_coco.json"
    labels = json.loads(file.read_text())["annotations"]
    generator = np.random.default_rng(0)
    photographs = []
    for image in sorted({label["image_id"] for label in labels}):
        here = [label for label in labels if label["image_id"] == image]
        flagged = np.array([label["keypoints"] for label in here]).reshape(-1, 17, 3)
        box = np.array([label["bbox"] for label in here], np.float64)
        people = oks.People(
            keypoints=flagged[..., :2].astype(np.float64),
            visibility=flagged[..., 2],
            boxes=np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], axis=1),
            areas=np.array([label["area"] for label in here]),
            crowd=np.array([label["iscrowd"] > 0 for label in here]),
        )
        twice = np.concatenate([people.keypoints, people.keypoints])
        noise = generator.normal(0, 5, twice.shape)
        photographs.append((people, twice + noise, generator.random(len(twice))))
    found = ours(photographs, np.array(COCO.sigmas))
    np.testing.assert_allclose(
        found, reference(photographs, 17, np.array(COCO.sigmas)), atol=1e-6
    )
    assert 0.1 < found[0] < 0.99


def test_matches_of_parts_merge_to_those_of_the_whole():
    generator = np.random.default_rng(1)
    sigmas = np.full(5, 0.1)
    parts = [
        oks.match(predicted, scores, people, sigmas)
        for people, predicted, scores in (
            scene(generator, 5, 3, 4, False) for _ in range(6)
        )
    ]
    halves = oks.concatenate(parts[:2]) + oks.concatenate(parts[2:])
    np.testing.assert_array_equal(
        oks.summarise(halves), oks.summarise(oks.concatenate(parts))
    )
    assert halves.photographs.max() == 5


def test_a_photograph_that_counts_twice_is_there_twice():
    """The weights of a bootstrap round, against photographs written out."""
    generator = np.random.default_rng(2)
    sigmas = np.full(5, 0.1)
    parts = [
        oks.match(predicted, scores, people, sigmas)
        for people, predicted, scores in (
            scene(generator, 5, 4, 5, False) for _ in range(5)
        )
    ]
    counts = np.array([[2, 0, 1, 0, 3], [0, 0, 5, 0, 0], [1, 1, 1, 1, 1]])
    weighted = oks.summarise(oks.concatenate(parts), counts)
    written_out = [
        oks.summarise(oks.concatenate([parts[i] for i in np.repeat(range(5), row)]))[0]
        for row in counts
    ]
    np.testing.assert_allclose(weighted, written_out, atol=1e-12)


def test_nobody_to_find_has_no_score():
    people = oks.People(
        keypoints=np.zeros((1, 5, 2)),
        visibility=np.zeros((1, 5), int),
        boxes=np.array([[0.0, 0, 10, 10]]),
        areas=np.array([5000.0]),
        crowd=np.array([False]),
    )
    matches = oks.match(np.zeros((1, 5, 2)), np.ones(1), people, np.full(5, 0.1))
    assert np.isnan(oks.summarise(matches)).all()


def test_no_answer_scores_nothing():
    people, _, _ = scene(np.random.default_rng(0), 5, 3, 0, False)
    people = oks.People(
        keypoints=people.keypoints,
        visibility=np.full((3, 5), 2),
        boxes=people.boxes,
        areas=np.full(3, 5000.0),
        crowd=np.zeros(3, bool),
    )
    matches = oks.match(np.zeros((0, 5, 2)), np.zeros(0), people, np.full(5, 0.1))
    found = dict(zip(oks.NUMBERS, oks.summarise(matches)[0], strict=True))
    assert (found["AP"], found["AR"], found["AP(M)"]) == (0, 0, 0)
    assert np.isnan(found["AP(L)"])


@pytest.mark.parametrize("keypoint", [0, 5])
def test_similarity_is_the_formula_of_the_task(keypoint):
    """exp(-d^2 / (2 s^2 k^2)) with s^2 the area and k twice sigma; others labelled."""
    people = oks.People(
        keypoints=np.zeros((1, 17, 2)),
        visibility=np.full((1, 17), 2),
        boxes=np.array([[0.0, 0, 10, 10]]),
        areas=np.array([400.0]),
        crowd=np.array([False]),
    )
    predicted = np.zeros((1, 17, 2))
    predicted[0, keypoint] = 3.0, 4.0
    found = oks.similarity(predicted, people, np.array(COCO.sigmas))
    one = np.exp(-25 / (2 * 400 * (2 * COCO.sigmas[keypoint]) ** 2))
    np.testing.assert_allclose(found, [[(16 + one) / 17]])

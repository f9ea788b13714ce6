import contextlib
import io
import json

import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.evaluation import compare_files, score_files
from hourglass_jax.skeleton import COCO

from .conftest import (
    coco_labels,
    coco_results,
    write_json,
)

NETWORKS = ("hg_s1_b1", "hg_s2_b1")


def score(*files, **options):
    return score_files(*files, **{"rounds": 20} | options)


def reference(truth, results, sigmas):
    coco_module = pytest.importorskip("pycocotools.coco")
    evaluator_module = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        labels = coco_module.COCO(str(truth))
        answers = labels.loadRes(str(results))
        evaluator = evaluator_module.COCOeval(labels, answers, "keypoints")
        evaluator.params.kpt_oks_sigmas = np.array(sigmas)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return [None if x < 0 else 100 * x for x in evaluator.stats]


def test_coco_photographs_score_as_in_pycocotools(shared_data, tmp_path):
    truth = shared_data / "coco_samples" / "test_coco.json"
    labels = json.loads(truth.read_text())
    shifts = np.random.default_rng(0).uniform(0, 20, len(labels["annotations"]))
    results = write_json(tmp_path / "results.json", coco_results(labels, shifts))
    found = score(results, truth, "oks")
    values = [entry["value"] for entry in found["scores"].values()]
    assert values == pytest.approx(reference(truth, results, COCO.sigmas), abs=1e-4)
    assert found["people"] == 12
    assert found["answers"] == 14


def test_boxes_among_results_are_their_sizes_as_in_pycocotools(shared_data, tmp_path):
    truth = shared_data / "coco_samples" / "test_coco.json"
    labels = json.loads(truth.read_text())
    shifts = np.random.default_rng(0).uniform(0, 20, len(labels["annotations"]))
    answers = coco_results(labels, shifts)
    for number, answer in enumerate(answers):
        answer["bbox"] = [0, 0, 50, 50] if number % 2 else [0, 0, 500, 500]
    results = write_json(tmp_path / "results.json", answers)
    found = score(results, truth, "oks")
    values = [entry["value"] for entry in found["scores"].values()]
    assert values == pytest.approx(reference(truth, results, COCO.sigmas), abs=1e-4)
    del answers[3]["bbox"]
    with pytest.raises(InputError, match="result 3: without bbox, which others have"):
        score(write_json(results, answers), truth, "oks")


def test_answers_of_another_category_are_refused(tmp_path):
    labels = coco_labels([(1, 10.0), (2, 30.0)])
    answers = coco_results(labels, [1.0, 2.0])
    answers[1]["category_id"] = 7
    truth = write_json(tmp_path / "labels.json", labels)
    results = write_json(tmp_path / "results.json", answers)
    with pytest.raises(InputError, match="result 1: category_id is 7; expected 1"):
        score(results, truth, "oks")


def test_other_keypoints_score_with_their_own_sigmas(tmp_path):
    names = ["nose", "left_ear", "right_ear", "neck", "tail"]
    labels = coco_labels([(1, 10.0), (1, 90.0), (2, 30.0)], 5, names)
    truth = write_json(tmp_path / "labels.json", labels)
    results = coco_results(labels, [1.0, 4.0, 7.0])
    predictions = write_json(tmp_path / "results.json", results)
    sigmas = (0.05, 0.06, 0.07, 0.08, 0.09)
    found = score(predictions, truth, "oks", sigmas=sigmas)
    values = [entry["value"] for entry in found["scores"].values()]
    assert values == pytest.approx(reference(truth, predictions, sigmas), abs=1e-4)
    with pytest.raises(InputError, match="0 sigmas for the 5 keypoints"):
        score(predictions, truth, "oks")
    with pytest.raises(InputError, match="5 sigmas for the 5 keypoints"):
        score(predictions, truth, "oks", sigmas=(0.1, 0.1, 0.1, 0.1, 0.0))


def test_oks_compares_two_files_on_the_same_photographs(tmp_path):
    labels = coco_labels([(i, 20.0 * i) for i in range(12)])
    truth = write_json(tmp_path / "labels.json", labels)
    worse = write_json(tmp_path / "a.json", coco_results(labels, np.arange(12.0)))
    better = write_json(tmp_path / "b.json", coco_results(labels, np.arange(12) / 4))
    found = compare_files(worse, better, truth, "oks", rounds=100)
    ap = found["difference"]["scores"]["AP"]
    values = [found[each]["scores"]["AP"]["value"] for each in "ab"]
    assert ap["value"] == pytest.approx(values[1] - values[0])
    assert 0 < ap["low"] < ap["value"] < ap["high"]
    assert found["difference"]["scores"]["AP(L)"]["value"] is None


def test_photographs_without_an_answer_are_counted(tmp_path):
    labels = coco_labels([(i, 20.0) for i in range(4)])
    truth = write_json(tmp_path / "labels.json", labels)
    some = coco_results(labels, [0.0] * 4)[:3]
    found = score(write_json(tmp_path / "r.json", some), truth, "oks")
    assert found["photographs_without_answer"] == 1
    assert found["scores"]["AR"]["value"] == pytest.approx(75)
    nothing = score(write_json(tmp_path / "none.json", []), truth, "oks")
    assert nothing["scores"]["AP"]["value"] == 0

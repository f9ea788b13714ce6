import dataclasses

import numpy as np
import pytest

from hourglass_jax import geometry
from hourglass_jax.errors import InputError
from hourglass_jax.evaluation import (
    collect,
    format_summary,
    format_table,
    metric_names,
)
from hourglass_jax.evaluation.models import compare_answers, score_answers
from hourglass_jax.evaluation.protocols import make_pck
from hourglass_jax.metrics.pck import Strictness
from hourglass_jax.skeleton import FLIC, LSP, MPII, Skeleton


def batches(sizes, mask_last=0):
    """People whose crops are turned, shrunk and moved against their photographs."""
    generator = np.random.default_rng(0)
    for number, size in enumerate(sizes):
        crop_from_img = np.stack(
            [
                geometry.crop_affine(
                    generator.uniform(50, 99, 2), 120.0, (64, 64), 20.0
                )
                for _ in range(size)
            ]
        )
        keypoints = generator.uniform(0, 150, (size, 14, 2)).astype(np.float32)
        mask = np.ones(size, bool)
        if number == len(sizes) - 1 and mask_last:
            mask[-mask_last:] = False
        yield {
            "image": np.stack([np.full((2, 2, 3), i, np.uint8) for i in range(size)]),
            "keypoints_img": keypoints,
            "visibility": np.full((size, 14), 2, np.uint8),
            "side_img": np.full(size, 125.0, np.float32),
            "head_size_img": np.zeros(size, np.float32),
            "area_img": np.zeros(size, np.float32),
            "img_from_crop": np.stack([geometry.invert(a) for a in crop_from_img]),
            "mask": mask,
            "crop": np.stack(
                [
                    geometry.transform(a, k)
                    for a, k in zip(crop_from_img, keypoints, strict=True)
                ]
            ),
        }


def truth_of(batches, shift=0.0):
    """Answers with the labels themselves, taken to the crop by another way."""
    answers = iter(batches)

    def predict(images):
        batch = next(answers)
        assert len(images) == len(batch["image"])
        return batch["crop"] + shift, np.ones(batch["crop"].shape[:2])

    return predict


def test_the_truth_scores_a_hundred_in_photograph_pixels():
    found = collect(truth_of(batches([3, 2])), batches([3, 2]), LSP).summary()
    assert found["PCK@0.1"]["Mean"] == 100.0
    assert found["people"] == 5


def test_a_shift_in_the_crop_is_measured_in_the_photograph():
    shifted = collect(truth_of(batches([5]), 20.0), batches([5]), LSP).summary()
    assert shifted["PCK@0.1"]["Mean"] < 100.0


def test_padding_does_not_count():
    batch = [3, 4]
    found = collect(truth_of(batches(batch)), batches(batch, mask_last=2), LSP)
    assert found.summary()["people"] == 5
    assert found.truth.shape == (5, 14, 2)


def test_nobody_to_score_is_an_input_error():
    with pytest.raises(InputError, match="nobody to score"):
        collect(truth_of([]), [], LSP)


def with_keypoints(batch, skeleton, **changes):
    count = len(skeleton.keypoints)
    cut = {name: batch[name][:, :count] for name in ("keypoints_img", "visibility")}
    return batch | cut | {"crop": batch["crop"][:, :count]} | changes


def test_without_a_torso_the_box_measures():
    plain = Skeleton(name="dot", keypoints=("dot",), limbs=(), groups={}, sigmas=(1.0,))
    batch = with_keypoints(next(batches([4])), plain)
    # The crops are enlarged by 64 / 120, so 4.9 crop pixels are 9.2 of 100.
    for shift, expected in ((4.9, 100.0), (5.4, 0.0)):
        answers = truth_of([batch], np.array([shift, 0.0]))
        found = collect(answers, [batch], plain).summary()
        assert found["PCK@0.1"] == {"dot": expected, "Mean": expected}


def test_head_sizes_give_pckh_besides():
    batch = with_keypoints(
        next(batches([4])), LSP, head_size_img=np.full(4, 20.0, np.float32)
    )
    assert "PCKh@0.5" not in collect(truth_of([batch]), [batch], LSP).summary()
    wide = {name: np.pad(batch[name], [(0, 0), (0, 2), (0, 0)]) for name in ("crop",)}
    wide["keypoints_img"] = np.pad(batch["keypoints_img"], [(0, 0), (0, 2), (0, 0)])
    wide["visibility"] = np.pad(batch["visibility"], [(0, 0), (0, 2)])
    found = collect(truth_of([batch | wide]), [batch | wide], MPII).summary()
    assert found["PCKh@0.5"]["Mean"] == 100.0
    assert list(found) == [
        *("PCK@0.2", "PCK@0.1", "PCKh@0.5", "PCKh@0.1"),
        *("people", "unmeasured", "peak"),
    ]


@pytest.mark.parametrize(
    ("skeleton", "head", "names"),
    [
        (LSP, 0.0, ["PCK@0.2", "PCK@0.1"]),
        (MPII, 0.0, ["PCK@0.2", "PCK@0.1"]),
        (MPII, 30.0, ["PCK@0.2", "PCK@0.1", "PCKh@0.5", "PCKh@0.1"]),
    ],
)
def test_what_can_be_measured_is_known_before_training(skeleton, head, names):
    count = len(skeleton.keypoints)
    record = {
        "keypoints_img": np.ones((count, 2), np.float32),
        "visibility": np.full(count, 2, np.uint8),
        "side_img": 100.0,
        "head_size_img": head,
        "area_img": 0.0,
    }
    assert metric_names(skeleton, [record]) == names


def test_the_summary_names_its_columns_and_who_was_left_out():
    found = collect(truth_of(batches([2])), batches([2]), LSP).summary()
    text = format_summary(found | {"unmeasured": 3})
    assert text.splitlines()[0].split() == [*LSP.groups, "Mean"]
    assert "2 people; 3 without the length to measure by" in text


def test_intervals_hold_the_scores_of_the_summary():
    answers = collect(truth_of(batches([9]), 6.0), batches([9]), LSP)
    (result,) = score_answers(answers, "a model", "some people", [b"x"] * 9)
    for row in ("PCK@0.2", "PCK@0.1"):
        for name, value in answers.summary()[row].items():
            entry = result["scores"][row][name]
            assert entry["value"] == pytest.approx(value)
            assert entry["low"] <= value <= entry["high"]


def test_two_answers_are_compared_person_by_person():
    """The second misses nothing; the first misses all of one person in nine."""
    (batch,) = batches([9])
    crop = batch["crop"].copy()
    crop[4] += 1000.0
    right = collect(truth_of([batch]), [batch], LSP)
    wrong = collect(truth_of([batch | {"crop": crop}]), [batch], LSP)
    above = compare_answers(wrong, right)["scores"]["PCK@0.2"]["Mean"]
    assert above["value"] == pytest.approx(100 / 9)
    assert 0 <= above["low"] < above["value"] < above["high"]
    same = compare_answers(wrong, wrong)["scores"]["PCK@0.2"]["Mean"]
    assert same == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_people_are_scored_by_which_way_up_they_are():
    """Three stand and are found; one stands on his head and is missed."""
    (batch,) = batches([4])
    person = np.zeros((14, 2), np.float32)
    person[LSP.groups["Shoulder"], 1] = 40.0
    person[LSP.groups["Shoulder"], 0] = (50.0, 70.0)
    person[LSP.groups["Hip"], 1] = 90.0
    person[LSP.groups["Hip"], 0] = (55.0, 65.0)
    keypoints = np.stack([person, person, person, 120.0 - person])
    crop_from_img = [geometry.invert(a) for a in batch["img_from_crop"]]
    pairs = zip(crop_from_img, keypoints, strict=True)
    crop = np.stack([geometry.transform(a, k) for a, k in pairs])
    crop[3] += 1000.0
    batch |= {"keypoints_img": keypoints, "crop": crop}
    answers = collect(truth_of([batch]), [batch], LSP)
    (result,) = score_answers(answers, "a model", "some people", [b"x"] * 4)
    found = {
        name: (result[name]["labelled"], result[name]["PCK@0.2"]["Mean"]["value"])
        for name in ("upright", "sideways", "inverted")
    }
    assert found["upright"] == (3 * 14, pytest.approx(100.0))
    assert found["inverted"] == (14, pytest.approx(0.0))
    assert found["sideways"] == (0, None)
    rows = format_table(result).splitlines()
    assert any(row.startswith("inverted  ") for row in rows)
    assert not any(row.startswith("sideways") for row in rows)


def test_areas_give_oks_besides():
    """Each in a photograph of his own: all found, or none at the strictest."""
    areas = np.full(6, 4e4, np.float32)
    for shift, expected in ((0.0, 100.0), (60.0, 0.0)):
        (batch,) = batches([6])
        batch = batch | {"area_img": areas}
        answers = collect(truth_of([batch], shift), [batch], LSP)
        files = [f"{i}.jpg".encode() for i in range(6)]
        pck, oks = score_answers(answers, "a model", "some people", files)
        assert (pck["metric"], oks["metric"]) == ("pck", "oks")
        assert oks["scores"]["AP"]["value"] == pytest.approx(expected)
        assert (oks["people"], oks["photographs"]) == (6, 6)


def test_who_has_no_label_of_the_model_s_is_no_mistake():
    """A person of whom only other joints are labelled: COCO ignores such people."""
    (batch,) = batches([6])
    batch = batch | {"area_img": np.full(6, 4e4, np.float32)}
    batch["visibility"][2] = 0
    batch["keypoints_img"][2] = 0
    answers = collect(truth_of([batch]), [batch], LSP)
    answers.found[2] += 1_000  # where this person is
    files = [f"{i // 2}.jpg".encode() for i in range(6)]
    _, oks = score_answers(answers, "a model", "some people", files)
    assert oks["scores"]["AP"]["value"] == pytest.approx(100.0)
    assert oks["people"] == 5


def test_without_sigmas_oks_is_left_out_and_that_is_said(capsys):
    (batch,) = batches([6])
    batch = batch | {"area_img": np.full(6, 4e4, np.float32)}
    unknown = dataclasses.replace(LSP, sigmas=(0.0,) * 14)
    answers = collect(truth_of([batch]), [batch], unknown)
    (pck,) = score_answers(answers, "a model", "some people", [b"a.jpg"] * 6)
    assert pck["metric"] == "pck"
    assert "OKS is left out: no sigmas are known" in capsys.readouterr().err


def test_a_unit_names_the_ends_of_its_torso():
    for skeleton, ends in (
        (LSP, "the torso (left shoulder to right hip)"),
        (FLIC, "the torso (right shoulder to left hip)"),
    ):
        make = make_pck(
            skeleton.keypoints,
            *({}, "torso", Strictness.INCLUSIVE, skeleton.torso),
        )
        assert make.unit == ends

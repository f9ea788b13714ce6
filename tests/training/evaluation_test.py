import numpy as np
import pytest

from hourglass_jax import geometry
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import LSP, Skeleton
from hourglass_jax.training.evaluation import evaluate
from hourglass_jax.training.tables import format_table


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
    found = evaluate(truth_of(batches([3, 2])), batches([3, 2]), LSP).summary()
    assert found["PCK@0.1"]["Mean"] == 100.0
    assert found["people"] == 5


def test_a_shift_in_the_crop_is_measured_in_the_photograph():
    shifted = evaluate(truth_of(batches([5]), 20.0), batches([5]), LSP).summary()
    assert shifted["PCK@0.1"]["Mean"] < 100.0


def test_padding_does_not_count():
    batch = [3, 4]
    found = evaluate(truth_of(batches(batch)), batches(batch, mask_last=2), LSP)
    assert found.counts.people == 5
    assert int(found.counts.labelled.sum()) == 5 * 14


def test_nobody_to_score_is_an_input_error():
    with pytest.raises(InputError, match="nobody to score"):
        evaluate(truth_of([]), [], LSP)


def test_a_skeleton_without_torso_cannot_be_scored():
    plain = Skeleton(name="dot", keypoints=("dot",), limbs=(), groups={}, sigmas=(1.0,))
    with pytest.raises(InputError, match="needs the two keypoints of a torso"):
        evaluate(truth_of([]), [], plain)


def test_the_table_names_its_columns_and_who_was_left_out():
    found = evaluate(truth_of(batches([2])), batches([2]), LSP).summary()
    text = format_table(found | {"unmeasured": 3})
    assert text.splitlines()[0].split() == [*LSP.groups, "Mean"]
    assert "2 people; 3 without a labelled torso left out" in text

import itertools

import numpy as np
import pytest

from hourglass_jax.config import (
    AugmentConfig,
    Config,
    DataConfig,
    SourceConfig,
    TrainConfig,
)
from hourglass_jax.data.datasets import open_dataset
from hourglass_jax.data.mapping import MappedRecords, choose_skeleton, match, unite
from hourglass_jax.data.pipeline import training_batches
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import COCO, LSP, MPII, Skeleton

STILL = AugmentConfig(
    scale=0.0, rotation_limit=0.0, rotation_probability=0.0, flip_probability=0.0
)
LIMB_JOINTS = ("ankle", "knee", "hip", "shoulder", "elbow", "wrist")


def pairs(source, target, rename=()):
    """What each keypoint of the target comes from, by name."""
    return {
        name: source.keypoints[i] if i >= 0 else None
        for name, i in zip(target.keypoints, match(source, target, rename), strict=True)
    }


def test_the_same_joint_is_found_whatever_its_spelling():
    matched = pairs(COCO, LSP)
    for joint in LIMB_JOINTS:
        assert matched[f"l_{joint}"] == f"left_{joint}"
        assert matched[f"r_{joint}"] == f"right_{joint}"
    assert matched["neck"] is None
    assert matched["head_top"] is None


def test_other_names_are_paired_by_hand():
    matched = pairs(LSP, MPII, [("upper_neck", "neck")])
    assert matched["upper_neck"] == "neck"
    assert matched["head_top"] == "head_top"
    assert matched["pelvis"] is matched["thorax"] is None


@pytest.mark.parametrize(
    ("rename", "message"),
    [
        ([("throat", "neck")], "names 'throat'; expected one of mpii's r_ankle"),
        ([("upper_neck", "throat")], "names 'throat'; expected one of lsp's r_ankle"),
    ],
)
def test_a_name_that_does_not_exist_is_refused(rename, message):
    with pytest.raises(InputError, match=message):
        match(LSP, MPII, rename)


def test_nothing_in_common_is_refused():
    hand = Skeleton(
        name="hand", keypoints=("thumb",), limbs=(), groups={}, sigmas=(0.05,)
    )
    with pytest.raises(InputError, match=r"hand and lsp have no keypoint in common"):
        match(hand, LSP)


def test_a_union_has_every_joint_once_and_keeps_what_they_mean():
    united = unite([LSP, COCO])
    assert united.keypoints[:14] == LSP.keypoints
    assert united.keypoints[14:] == COCO.keypoints[:5]
    mirrored = [united.keypoints[i] for i in united.flip]
    assert mirrored[14:] == ["nose", *(COCO.keypoints[i] for i in (2, 1, 4, 3))]
    limbs = {
        frozenset(united.keypoints[i].replace("left_", "l_") for i in limb)
        for limb in united.limbs
    }
    assert frozenset({"l_ear", "l_shoulder"}) in limbs
    assert united.limbs[: len(LSP.limbs)] == LSP.limbs
    assert all(max(limb) >= 14 for limb in united.limbs[len(LSP.limbs) :])
    assert united.groups["Knee"] == LSP.groups["Knee"]
    assert set(united.groups["Head"]) == {12, 13, 14, 15, 16, 17, 18}
    assert united.sigmas[14] == COCO.sigmas[0]
    assert united.torso == LSP.torso


def test_absent_joints_are_absent_and_the_others_keep_their_labels():
    record = {
        "keypoints_img": np.arange(34, dtype=np.float32).reshape(17, 2) + 1,
        "visibility": np.array([2, 1, 0] * 5 + [2, 1], np.uint8),
        "file": b"x",
    }
    mapped = MappedRecords([record], match(COCO, LSP))[0]
    for i, name in enumerate(LSP.keypoints):
        source = name.replace("l_", "left_").replace("r_", "right_")
        if source in COCO.keypoints:
            j = COCO.keypoints.index(source)
            assert mapped["visibility"][i] == record["visibility"][j]
            np.testing.assert_array_equal(
                mapped["keypoints_img"][i], record["keypoints_img"][j]
            )
        else:
            assert mapped["visibility"][i] == 0
            np.testing.assert_array_equal(mapped["keypoints_img"][i], 0)
    assert mapped["visibility"].dtype == np.uint8
    assert mapped["keypoints_img"].dtype == np.float32
    assert mapped["file"] == b"x"
    assert len(record["visibility"]) == 17


def test_skeletons_are_chosen_by_name_or_file():
    assert choose_skeleton("first", [LSP, COCO]) is LSP
    assert choose_skeleton("mpii", [LSP, COCO]) is MPII
    with pytest.raises(InputError, match="'mpi'; expected first, union, one of mpii"):
        choose_skeleton("mpi", [LSP])


def both(raw_folder, kept, **fields):
    return DataConfig(
        dataset="lspet",
        raw_dir=raw_folder,
        data_dir=kept,
        input_size=64,
        also=(SourceConfig(people=4, validation_people=2, weight=0.5),),
        **fields,
    )


def test_several_sets_are_learnt_from_by_weight(raw_folder, tmp_path, capsys):
    data = both(raw_folder, tmp_path / "kept")
    dataset = open_dataset(data)
    assert "synthetic_people: pelvis, thorax, upper_neck left out" in (
        capsys.readouterr().err
    )
    config = Config(data=data, augment=STILL, train=TrainConfig(batch_size=6))
    batches = list(itertools.islice(training_batches(dataset, config), 20))
    # The photographs of the other set are of one grey each.
    crops = [crop for batch in batches for crop in batch["image"]]
    drawn = [len(np.unique(crop)) > 100 for crop in crops]
    assert np.mean(drawn) == pytest.approx(1 / 3, abs=0.01)
    again = list(itertools.islice(training_batches(dataset, config, start=7), 3))
    for batch, other in zip(batches[7:10], again, strict=True):
        for field in batch:
            np.testing.assert_array_equal(batch[field], other[field])


def test_the_union_knows_the_joints_of_both(raw_folder, tmp_path):
    dataset = open_dataset(both(raw_folder, tmp_path / "kept", keypoints="union"))
    assert dataset.skeleton.keypoints[14:] == ("pelvis", "thorax", "upper_neck")
    assert (dataset.split("train")[0]["visibility"][14:] == 0).all()
    (drawn,) = dataset.others
    assert drawn.skeleton == dataset.skeleton
    record = drawn.split("train")[0]
    assert record["visibility"][12] == 0  # no neck, but the upper one
    assert (record["visibility"][14:] > 0).all()


def test_a_config_with_several_sets_survives_its_json(raw_folder, tmp_path):
    from hourglass_jax.config_files import from_json, to_json

    config = Config(
        data=both(raw_folder, tmp_path, rename=(("neck", "neck"),), keypoints="union")
    )
    assert from_json(to_json(config), "here") == config

import itertools
import sys

import numpy as np
import pytest

from hourglass_jax import geometry
from hourglass_jax.config import AugmentConfig, Config, DataConfig, TrainConfig
from hourglass_jax.data import samples
from hourglass_jax.data.pipeline import evaluation_batches, training_batches
from hourglass_jax.data.records import Dataset
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import LSP, MPII

from .conftest import GREY_STEP

SIDE = 64
STILL = AugmentConfig(
    scale=0.0,
    rotation_limit=0.0,
    rotation_probability=0.0,
    flip_probability=0.0,
    colour=0.0,
)


def make_config(batch_size=4, workers=0, augment=None, seed=3):
    return Config(
        seed=seed,
        data=DataConfig(input_size=SIDE, workers=workers),
        train=TrainConfig(batch_size=batch_size),
        augment=augment or AugmentConfig(),
    )


def take(count, batches):
    return list(itertools.islice(batches, count))


def who(batch):
    """The people of a batch: each one's photograph has a grey of its own."""
    greys = batch["image"][:, SIDE // 2, SIDE // 2, 0]
    return [round(int(grey) / GREY_STEP) - 1 for grey in greys]


def assert_equal(batches, others):
    for batch, other in zip(batches, others, strict=True):
        assert batch.keys() == other.keys()
        for field in batch:
            assert batch[field].dtype == other[field].dtype
            np.testing.assert_array_equal(batch[field], other[field], field)


def join(shares):
    """The global batches of which each process had a share."""
    return [
        {field: np.concatenate([part[field] for part in parts]) for field in parts[0]}
        for parts in zip(*shares, strict=True)
    ]


def test_a_training_batch_has_the_promised_fields(people):
    (batch,) = take(1, training_batches(people, make_config(batch_size=6)))
    assert {name: (a.shape, str(a.dtype)) for name, a in batch.items()} == {
        "image": ((6, SIDE, SIDE, 3), "uint8"),
        "keypoints_crop": ((6, 14, 2), "float32"),
        "visibility": ((6, 14), "uint8"),
    }
    absent = batch["visibility"] == 0
    assert absent.any()
    np.testing.assert_array_equal(batch["keypoints_crop"][absent], 0)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_each_person_appears_once_an_epoch(people, count):
    config = make_config(augment=STILL)
    shares = [
        take(6, training_batches(people, config, process_index=i, process_count=count))
        for i in range(count)
    ]
    for epoch in range(3):
        seen = [
            person
            for share in shares
            for batch in share[2 * epoch : 2 * epoch + 2]
            for person in who(batch)
        ]
        assert sorted(seen) == list(range(8))


@pytest.mark.parametrize("processes", [2, 4])
def test_a_global_batch_is_the_same_for_any_number_of_processes(people, processes):
    config = make_config(batch_size=8)
    whole = take(3, training_batches(people, config, start=1))
    shares = [
        take(
            3,
            training_batches(
                people, config, start=1, process_index=i, process_count=processes
            ),
        )
        for i in range(processes)
    ]
    assert_equal(whole, join(shares))


def test_epochs_differ_and_run_on_into_each_other(people):
    batches = take(8, training_batches(people, make_config(3, augment=STILL)))
    order = [person for batch in batches for person in who(batch)]
    epochs = [order[i : i + 8] for i in (0, 8, 16)]
    assert all(sorted(epoch) == list(range(8)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert epochs[0] != list(range(8))


def test_a_batch_may_be_larger_than_the_data(people):
    (batch,) = take(1, training_batches(people, make_config(20, augment=STILL)))
    assert sorted(who(batch)[:16]) == sorted([*range(8), *range(8)])


@pytest.mark.parametrize("start", [1, 5])
def test_starting_at_a_batch_is_exact(people, start):
    config = make_config(batch_size=3)
    from_zero = take(start + 2, training_batches(people, config))
    assert_equal(
        take(2, training_batches(people, config, start=start)), from_zero[start:]
    )


def test_the_seed_alone_decides(people):
    first, same, other = (
        take(2, training_batches(people, make_config(seed=seed))) for seed in (3, 3, 4)
    )
    assert_equal(first, same)
    assert not np.array_equal(first[0]["image"], other[0]["image"])


@pytest.mark.parametrize("workers", [1, 4])
def test_the_number_of_workers_changes_nothing(people, workers):
    threads = take(5, training_batches(people, make_config(), start=1))
    batches = training_batches(people, make_config(workers=workers), start=1)
    processes = take(5, batches)
    batches.close()
    assert type(processes[0]["image"]) is np.ndarray
    assert_equal(threads, processes)


def test_neither_grain_nor_tfds_brings_tensorflow(people):
    take(1, training_batches(people, make_config()))
    assert "tensorflow" not in sys.modules


def test_evaluation_goes_through_everybody_in_order(people):
    source = people.split("train")
    batches = list(evaluation_batches(source, LSP, SIDE, 3))
    mask = np.concatenate([batch["mask"] for batch in batches])
    assert mask.tolist() == [True] * 8 + [False]
    persons = np.concatenate([batch["person"] for batch in batches])
    assert persons[mask].tolist() == list(range(8))
    assert {name: (a.shape, str(a.dtype)) for name, a in batches[2].items()} == {
        "image": ((3, SIDE, SIDE, 3), "uint8"),
        "keypoints_crop": ((3, 14, 2), "float32"),
        "visibility": ((3, 14), "uint8"),
        "mask": ((3,), "bool"),
        "img_from_crop": ((3, 2, 3), "float64"),
        "keypoints_img": ((3, 14, 2), "float32"),
        "side_img": ((3,), "float32"),
        "head_size_img": ((3,), "float32"),
        "area_img": ((3,), "float32"),
        "person": ((3,), "int64"),
    }


def test_several_scales_are_crops_of_several_sizes(people):
    source = people.split("train")
    (plain,) = evaluation_batches(source, LSP, SIDE, 8)
    (several,) = evaluation_batches(source, LSP, SIDE, 8, scales=(1.0, 1.5))
    assert several["image"].shape == (8, 2, SIDE, SIDE, 3)
    np.testing.assert_array_equal(several["image"][:, 0], plain["image"])
    record = source[3]
    wider = geometry.crop_affine(
        record["center_img"], 1.5 * record["side_img"], (SIDE, SIDE)
    )
    expected = samples.crop_person(record, wider, (SIDE, SIDE))["image"]
    np.testing.assert_array_equal(several["image"][3, 1], expected)
    for field in plain.keys() - {"image"}:
        np.testing.assert_array_equal(several[field], plain[field])


def test_another_padding_is_a_crop_of_another_size(people):
    """Twice as much of the photograph, where the square is padded twice as much."""
    source = people.split("train")
    (wider,) = evaluation_batches(source, LSP, SIDE, 8, padding=2.5)
    record = source[3]
    affine = geometry.crop_affine(
        record["center_img"], 2 * record["side_img"], (SIDE, SIDE)
    )
    expected = samples.crop_person(record, affine, (SIDE, SIDE))["image"]
    np.testing.assert_array_equal(wider["image"][3], expected)
    np.testing.assert_allclose(
        wider["img_from_crop"][3], geometry.invert(affine), rtol=1e-9
    )


@pytest.mark.parametrize("processes", [2, 4])
def test_evaluation_is_shared_by_processes(people, processes):
    source = people.split("train")
    whole = list(evaluation_batches(source, LSP, SIDE, 4))
    shares = [
        list(
            evaluation_batches(
                source, LSP, SIDE, 4, process_index=i, process_count=processes
            )
        )
        for i in range(processes)
    ]
    assert_equal(whole, join(shares))


def test_evaluation_is_the_plain_crop_of_the_persons_box(people):
    source = people.split("train")
    (batch,) = evaluation_batches(source, LSP, SIDE, 8)
    record = source[5]
    crop_from_img = geometry.crop_affine(
        record["center_img"], record["side_img"], (SIDE, SIDE)
    )
    expected = geometry.transform(crop_from_img, record["keypoints_img"])
    present = record["visibility"] > 0
    np.testing.assert_allclose(
        batch["keypoints_crop"][5][present], expected[present], atol=1e-4
    )
    back = geometry.transform(batch["img_from_crop"][5], expected)
    np.testing.assert_allclose(back, record["keypoints_img"], atol=1e-3)


def test_augmentation_that_reaches_too_far_is_refused(people):
    config = make_config(augment=AugmentConfig(translation=0.2))
    with pytest.raises(InputError, match=r"reaches 1\.20 .* hold 1\.10; lower augment"):
        training_batches(people, config)


def test_a_batch_that_processes_cannot_share_is_refused(people):
    with pytest.raises(InputError, match="batch_size is 4; expected a multiple of"):
        training_batches(people, make_config(), process_count=3)


def test_records_of_another_skeleton_are_refused(people):
    with pytest.raises(InputError, match="hold 14 keypoints a person; expected the 16"):
        evaluation_batches(people.split("train"), MPII, SIDE, 4)


def test_training_needs_a_training_split(people):
    empty = Dataset(name="none", skeleton=LSP, splits={"test": [{}]}, reach=1.1)
    with pytest.raises(InputError, match="none: no split 'train'"):
        training_batches(empty, make_config())

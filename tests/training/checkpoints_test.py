"""Checkpoints come back as they were, and damaged ones are recognised by name."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.training.checkpoints import Checkpoints, with_sharding

TREES = {"variables": {"a": jnp.arange(5.0), "b": {"c": jnp.ones((2, 3), jnp.int32)}}}
PROGRESS = {"step": 1, "score": 0.5}


@pytest.fixture
def abstract():
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return with_sharding(jax.eval_shape(lambda: TREES), device)


def same(found):
    return all(
        np.array_equal(a, b)
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(TREES), strict=True)
    )


def arrays_of(checkpoint):
    """The largest file, which holds arrays."""
    return max(
        (p for p in checkpoint.rglob("*") if p.is_file()),
        key=lambda p: p.stat().st_size,
    )


def test_arrays_and_progress_come_back(tmp_path, abstract):
    checkpoints = Checkpoints(tmp_path, keep=2)
    checkpoints.save(3, TREES, PROGRESS)
    step, found, progress = checkpoints.load_newest(abstract)
    assert (step, progress) == (3, PROGRESS)
    assert same(found)


def test_a_folder_may_be_named_from_here(tmp_path, abstract, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Checkpoints(Path("runs"), keep=1).save(1, TREES, PROGRESS)
    assert Checkpoints(Path("runs"), keep=1).load_newest(abstract)[0] == 1


def test_only_the_newest_stay(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 5, 30):
        checkpoints.save(step, TREES, PROGRESS)
    assert checkpoints.steps() == [30, 5]
    assert {p.name for p in tmp_path.iterdir()} == {
        *("5", "30", "5.sha256.json", "30.sha256.json")
    }


def test_what_was_just_written_stays_and_what_comes_after_it_goes(tmp_path):
    """As where a run goes on from before a checkpoint that was damaged."""
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (10, 20, 15):
        checkpoints.save(step, TREES, PROGRESS)
    assert checkpoints.steps() == [15, 10]


def test_no_checkpoint_is_no_error(tmp_path, abstract):
    assert Checkpoints(tmp_path / "new", keep=1).load_newest(abstract) is None


def truncate(checkpoint):
    path = arrays_of(checkpoint)
    path.write_bytes(path.read_bytes()[:-7])


def flip_a_bit(checkpoint):
    path = arrays_of(checkpoint)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(bytes(content))


def remove_a_file(checkpoint):
    arrays_of(checkpoint).unlink()


def forget_checksums(checkpoint):
    checkpoint.with_name(f"{checkpoint.name}.sha256.json").unlink()


DAMAGE = [truncate, flip_a_bit, remove_a_file, forget_checksums]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda d: d.__name__)
def test_after_damage_the_one_before_is_used_and_it_is_said(
    tmp_path, abstract, damage, caplog
):
    checkpoints = Checkpoints(tmp_path, keep=3)
    checkpoints.save(1, TREES, PROGRESS)
    checkpoints.save(2, TREES, PROGRESS)
    damage(tmp_path / "2")
    step, found, _ = checkpoints.load_newest(abstract)
    assert step == 1
    assert same(found)
    assert str(tmp_path / "2") in caplog.text
    assert "trying the one before" in caplog.text


def test_a_damaged_checkpoint_takes_no_place_of_a_whole_one(tmp_path, abstract):
    checkpoints = Checkpoints(tmp_path, keep=2)
    checkpoints.save(2, TREES, PROGRESS)
    checkpoints.save(3, TREES, PROGRESS)
    truncate(tmp_path / "3")
    assert checkpoints.load_newest(abstract)[0] == 2
    checkpoints.save(4, TREES, PROGRESS)
    assert checkpoints.steps() == [4, 2]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda d: d.__name__)
def test_a_damaged_checkpoint_alone_is_one_clear_line(tmp_path, abstract, damage):
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(7, TREES, PROGRESS)
    damage(tmp_path / "7")
    with pytest.raises(InputError, match=r"7: .*(missing|differs)"):
        checkpoints.load(7, abstract)
    with pytest.raises(InputError, match="no checkpoint is whole, so nothing can"):
        checkpoints.load_newest(abstract)


def test_a_first_save_that_was_cut_off_is_no_reason_to_stop(tmp_path, abstract, caplog):
    """Killed after the arrays were written, before their checksums were."""
    checkpoints = Checkpoints(tmp_path, keep=2)
    checkpoints.save(7, TREES, PROGRESS)
    forget_checksums(tmp_path / "7")
    assert checkpoints.load_newest(abstract, or_begin=True) is None
    assert "7.sha256.json is missing, so saving it was cut off" in caplog.text
    checkpoints.save(7, TREES, PROGRESS)
    step, found, _ = checkpoints.load_newest(abstract)
    assert step == 7
    assert same(found)


def test_several_that_were_cut_off_are_not_taken_for_nothing(tmp_path, abstract):
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 2):
        checkpoints.save(step, TREES, PROGRESS)
    for step in (1, 2):
        forget_checksums(tmp_path / str(step))
    with pytest.raises(InputError, match="no checkpoint is whole"):
        checkpoints.load_newest(abstract, or_begin=True)


def test_arrays_of_another_network_are_refused(tmp_path, abstract):
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(1, {"variables": {"a": jnp.arange(4.0)}}, PROGRESS)
    with pytest.raises(InputError, match="not those of this network"):
        checkpoints.load(1, abstract)


def test_a_step_can_be_saved_again(tmp_path, abstract):
    checkpoints = Checkpoints(tmp_path, keep=2)
    checkpoints.save(1, TREES, PROGRESS)
    checkpoints.save(1, TREES, {"step": 1, "score": 0.75})
    assert checkpoints.load_newest(abstract)[2]["score"] == 0.75

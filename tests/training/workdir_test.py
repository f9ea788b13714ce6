import dataclasses
import json
from pathlib import Path

import pytest

from hourglass_jax.config import (
    Config,
    DataConfig,
    ModelConfig,
    SourceConfig,
    TrainConfig,
)
from hourglass_jax.data.records import Dataset
from hourglass_jax.errors import InputError
from hourglass_jax.files import write_whole
from hourglass_jax.skeleton import LSP, MPII
from hourglass_jax.training import workdir
from hourglass_jax.training.checkpoints import read_workdir
from hourglass_jax.training.workdir import claim, describe


def test_a_claimed_workdir_tells_whose_it_is(tmp_path):
    claim(tmp_path / "run", Config(seed=4), MPII)
    assert read_workdir(tmp_path / "run") == (Config(seed=4), MPII)


@pytest.mark.parametrize("whole", [0, 1])
def test_a_claim_that_was_cut_off_is_made_again(tmp_path, monkeypatch, whole):
    """Killed in the middle of its first write, or of its second."""
    writes = []

    def write(path, content):
        writes.append(path)
        if len(writes) > whole:
            path.parent.mkdir(exist_ok=True)
            path.with_name(f".{path.name}.partial").write_text(content[:5])
            raise KeyboardInterrupt
        write_whole(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(workdir, "write_whole", write)
        with pytest.raises(KeyboardInterrupt):
            claim(tmp_path / "run", Config(seed=4), MPII)
    claim(tmp_path / "run", Config(seed=4), MPII)
    assert read_workdir(tmp_path / "run") == (Config(seed=4), MPII)


def test_a_run_may_go_on_for_longer(tmp_path):
    claim(tmp_path, Config(), MPII)
    longer = Config(train=TrainConfig(steps=7, keep=5))
    claim(tmp_path, longer, MPII)
    assert read_workdir(tmp_path)[0] == longer


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"model": ModelConfig(stacks=2)}, "model.stacks is 8 there and 2 now"),
        ({"train": TrainConfig(batch_size=3)}, "train.batch_size is 16 there and 3"),
        ({"seed": 1}, "seed is 0 there and 1 now"),
    ],
)
def test_a_workdir_of_another_network_is_refused(tmp_path, changed, named):
    claim(tmp_path, Config(), MPII)
    before = (tmp_path / "config.json").read_text()
    with pytest.raises(InputError, match=named):
        claim(tmp_path, dataclasses.replace(Config(), **changed), MPII)
    assert (tmp_path / "config.json").read_text() == before


def two_sets(**second):
    also = SourceConfig(**{"dataset": "coco_json", "raw_dir": Path("a")} | second)
    return Config(data=DataConfig(dataset="lspet", also=(also,)))


def test_the_folder_of_a_second_data_set_may_move_and_no_more(tmp_path):
    claim(tmp_path, two_sets(), MPII)
    claim(tmp_path, two_sets(raw_dir=Path("b")), MPII)
    with pytest.raises(InputError, match=r"data.also.0.weight is 1.0 there and 0.5"):
        claim(tmp_path, two_sets(weight=0.5), MPII)
    alone = Config(data=DataConfig(dataset="lspet"))
    with pytest.raises(InputError, match="also.0.dataset is 'coco_json' there and 'no"):
        claim(tmp_path, alone, MPII)


def test_processes_must_have_the_second_data_set_alike_but_for_its_folder():
    def told(config, people=3):
        second = Dataset(
            name="second", skeleton=MPII, splits={"train": [0] * people}, reach=1.0
        )
        first = dataclasses.replace(second, name="first", others=(second,))
        return describe(config, first)

    assert told(two_sets()) == told(two_sets(raw_dir=Path("elsewhere")))
    assert told(two_sets()) != told(two_sets(weight=0.5))
    assert told(two_sets()) != told(two_sets(), people=4)


def test_a_workdir_of_other_keypoints_is_refused(tmp_path):
    claim(tmp_path, Config(), MPII)
    with pytest.raises(InputError, match=r"skeleton.json: has other keypoints .*lsp"):
        claim(tmp_path, Config(), LSP)


def test_sigmas_and_limbs_may_have_changed_meanwhile(tmp_path):
    claim(tmp_path, Config(), MPII)
    other = dataclasses.replace(MPII, sigmas=(0.1,) * 16, limbs=())
    claim(tmp_path, Config(), other)
    assert read_workdir(tmp_path)[1] == other


def test_an_older_skeleton_file_that_means_the_same_is_accepted(tmp_path):
    claim(tmp_path, Config(), MPII)
    older = MPII.to_dict()
    del older["flip"], older["colours"]
    (tmp_path / "skeleton.json").write_text(json.dumps(older))
    claim(tmp_path, Config(), MPII)
    assert read_workdir(tmp_path)[1] == MPII
    swapped = {"flip": (*range(16),)}
    (tmp_path / "skeleton.json").write_text(json.dumps(older | swapped))
    with pytest.raises(InputError, match="r_ankle, .* have no partner"):
        claim(tmp_path, Config(), MPII)


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="is not empty and not a run"):
        claim(tmp_path, Config(), MPII)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_workdir(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(InputError, match="is a file"):
        claim(tmp_path / "run", Config(), MPII)

import dataclasses
import re

import pytest

from hourglass_jax.config import Config, DataConfig, SourceConfig
from hourglass_jax.config_files import load_config
from hourglass_jax.diagnosis import info
from hourglass_jax.diagnosis.subject import card_of
from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import LSP


@pytest.fixture(scope="module")
def config(config_file):
    return load_config(config_file)


def test_a_config_is_told_with_what_a_step_needs(config_file, capsys):
    assert info.run([str(config_file), "--devices", "2"]) == 0
    said = capsys.readouterr().out
    shares = [float(share) for share in re.findall(r"([\d.]+)%", said)]
    assert sum(shares) == pytest.approx(100, abs=0.1 * len(shares))
    counted = re.findall(r"^  (?:stem|stacks/|last/).*?([\d,]+)  ", said, re.MULTILINE)
    total = sum(int(number.replace(",", "")) for number in counted)
    assert f"parameters     {total:,}" in said
    assert "training step, batch 4, devices 2" in said
    assert "0 r_ankle (partner 5)" in said


@pytest.mark.parametrize(
    ("remat", "share"), [("none", "a third"), ("stack", "a quarter")]
)
def test_what_is_recomputed_makes_the_forward_pass_a_smaller_share(
    config, remat, share
):
    model = dataclasses.replace(config.model, remat=remat)
    said = info.describe_config(dataclasses.replace(config, model=model), devices=1)
    assert f"two a multiply-add, {share} of them forward" in said


def test_what_a_released_model_says_of_its_training_is_shown(config):
    training = {"command": ["first", "second"], "versions": {"jax": "1"}}
    said = info.describe_model(dataclasses.replace(card_of(config), training=training))
    assert "command   first; second" in said
    assert "versions  jax 1" in said


def test_a_model_is_told_with_its_provenance_and_scores(config):
    training = {
        "step": 7,
        "scores": {"PCK@0.2": 61.512},
        "config": dataclasses.asdict(config),
    }
    said = info.describe_model(dataclasses.replace(card_of(config), training=training))
    assert "scored  PCK@0.2 61.51" in said
    assert "step    7" in said
    assert "dataset synthetic_people" in said


def test_the_keypoints_of_several_data_sets_are_counted_together():
    also = (SourceConfig(dataset="coco_keypoints"),)
    data = DataConfig(dataset="lspet", also=also, keypoints="union")
    skeleton = card_of(Config(data=data)).skeleton
    assert len(skeleton.keypoints) == 14 + 5  # COCO's eyes, ears and nose
    assert skeleton.keypoints[:14] == LSP.keypoints


def test_a_batch_that_devices_cannot_share_is_refused(config):
    with pytest.raises(InputError, match="a batch of 4 for 3 devices"):
        info.describe_config(config, devices=3)

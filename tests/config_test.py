import json
import subprocess
import sys
from pathlib import Path

import pytest

from hourglass_jax.config import (
    AugmentConfig,
    Config,
    DataConfig,
    ModelConfig,
    OptimConfig,
    SourceConfig,
    TargetConfig,
    TrainConfig,
)
from hourglass_jax.config_files import from_json, load_config, to_json
from hourglass_jax.errors import InputError

CONFIGS_FOLDER = Path(__file__).resolve().parents[1] / "configs"
CONFIGS = sorted(CONFIGS_FOLDER.glob("**/*.py"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_file_loads_and_tells_its_command(path):
    load_config(path)
    docstring = path.read_text().split('"""')[1]
    assert f"--config configs/{path.relative_to(CONFIGS_FOLDER)}" in docstring


def test_a_config_survives_json():
    config = Config(
        seed=3,
        model=ModelConfig(stacks=2, mean=(0.1, 0.2, 0.3)),
        data=DataConfig(raw_dir=Path("there"), input_size=128),
        optim=OptimConfig(milestones=(0.5,)),
    )
    assert from_json(to_json(config), "here") == config


def test_a_field_that_an_older_file_lacks_takes_its_default():
    stored = json.loads(to_json(Config()))
    del stored["target"]["decoder"]
    assert from_json(json.dumps(stored), "here") == Config()


@pytest.mark.parametrize(
    ("part", "name", "field"),
    [
        (TargetConfig(), "target", "decoder"),
        (TargetConfig(), "target", "absent"),
        (OptimConfig(), "optim", "name"),
        (OptimConfig(), "optim", "schedule"),
        (TrainConfig(), "train", "statistics"),
        (SourceConfig(), "data", "selection"),
    ],
)
def test_an_unknown_word_is_refused_with_the_known_ones(part, name, field):
    object.__setattr__(part, field, "best")  # as from a file: types are unchecked
    with pytest.raises(InputError, match=f"{name}.{field} is 'best'; expected one of"):
        part.__post_init__()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("model.stacks", 0, "model.stacks is 0; expected at least 1"),
        ("model.features", 30, "expected a multiple of 4"),
        ("data.input_size", 100, "a multiple of 64 .*such as 128"),
        ("optim.learning_rate", 0.0, "optim.learning_rate"),
        ("optim.ema", 1.0, "optim.ema"),
        ("augment.flip_probability", 1.5, "augment.flip_probability .*at most 1"),
        ("augment.rotation", -1.0, "augment.rotation .*0 or more"),
        ("target.sigma_hm", 0.0, "target.sigma_hm"),
        ("train.batch_size", 0, "train.batch_size"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(path, value, message):
    room, field = path.split(".")
    part = type(getattr(Config(), room))
    with pytest.raises(InputError, match=message):
        Config(**{room: part(**{field: value})})


def test_reach_covers_every_crop_that_can_be_drawn():
    # The corner of a crop at its largest, turned by 45 degrees, moved outwards.
    config = AugmentConfig(scale_limit=1.0, translation=0.25)
    assert config.reach == pytest.approx(2 * 0.5 * 2**0.5 + 0.25)
    assert AugmentConfig(
        rotation_probability=0.0, scale_limit=0.0
    ).reach == pytest.approx(0.5)


LISTS = """
from hourglass_jax.config import *

def get_config():
    return Config(model=ModelConfig(mean=[0.4, 0.4, 0.3]))
"""
LOADED = "from hourglass_jax.config_files import *; print(load_config({path!r}).model)"


def test_a_list_in_a_config_file_is_a_tuple(tmp_path):
    """As the run's config.json is read back, which must be the same config."""
    path = tmp_path / "lists.py"
    path.write_text(LISTS)
    # In a process of its own: in tests types are checked.
    loaded = subprocess.run(
        [sys.executable, "-c", LOADED.format(path=str(path))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "mean=(0.4, 0.4, 0.3)" in loaded.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "has no get_config"),
        ("get_config = 1", "has no get_config"),
        ("def get_config():\n    return 1", "returned int; expected"),
        ("import there_is_no_such_module", "ModuleNotFoundError"),
        ("def get_config(", "SyntaxError"),
        ("def get_config():\n    return 1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_config_file_that_is_none_says_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_config(path)
    assert "mine.py" in str(caught.value)


def test_a_config_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.py does not exist"):
        load_config(tmp_path / "nowhere.py")


def test_an_unknown_field_in_a_stored_config_is_named():
    fields = json.loads(to_json(Config()))
    fields["model"]["stakcs"] = 2
    with pytest.raises(InputError, match=r"run/config\.json.*stakcs"):
        from_json(json.dumps(fields), "run/config.json")

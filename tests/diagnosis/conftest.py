"""A config file of the smallest network that is one."""

import pytest

CONFIG = """
from hourglass_jax.config import *

def get_config():
    return Config(
        model=ModelConfig(stacks=2, features=8, depth=1, stem_width=4),
        data=DataConfig(input_size=32, people=6, validation_people=3),
        train=TrainConfig(batch_size=4),
    )
"""


@pytest.fixture(scope="session")
def config_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "tiny.py"
    path.write_text(CONFIG)
    return path

"""A network and a data set so small that training takes seconds."""

import pytest

from hourglass_jax.config import (
    Config,
    DataConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Where the session's records are kept."""
    return tmp_path_factory.mktemp("prepared")


@pytest.fixture(scope="session")
def tiny(prepared):
    """A config that trains six steps."""
    return Config(
        model=ModelConfig(stacks=2, features=8, depth=1, stem_width=4),
        data=DataConfig(
            input_size=32, people=12, validation_people=5, data_dir=prepared
        ),
        optim=OptimConfig(name="adamw", learning_rate=1e-3, schedule="cosine", ema=0.9),
        train=TrainConfig(steps=6, batch_size=4, evaluate_every=2, log_every=1),
    )

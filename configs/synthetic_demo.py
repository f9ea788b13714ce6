"""A small network that learns synthetic people within minutes on a laptop.

Command   hourglass train --config configs/synthetic_demo.py --workdir runs/demo
"""

from hourglass_jax.config import (
    AugmentConfig,
    Config,
    DataConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)


def get_config() -> Config:
    """One stack, 64 features, 128 x 128 pixels."""
    return Config(
        model=ModelConfig(stacks=1, features=64),
        data=DataConfig(dataset="synthetic_people", input_size=128),
        augment=AugmentConfig(),
        optim=OptimConfig(
            name="adamw",
            learning_rate=2e-3,
            schedule="cosine",
            warmup_steps=50,
            weight_decay=1e-4,
            clip_norm=1.0,
            ema=0.99,
        ),
        train=TrainConfig(steps=1500, batch_size=16, evaluate_every=500, log_every=50),
    )

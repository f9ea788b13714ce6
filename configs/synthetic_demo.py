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
    """One stack of 64 features, 128 x 128 pixels; 4000 people, 8 epochs."""
    return Config(
        model=ModelConfig(stacks=1, features=64, stem_width=16),
        data=DataConfig(dataset="synthetic_people", input_size=128),
        # Figures stand upright in a good light: little variety is enough.
        augment=AugmentConfig(
            scale=0.1,
            scale_limit=0.2,
            rotation=15.0,
            rotation_limit=30.0,
            colour=0.2,
        ),
        optim=OptimConfig(
            name="adamw",
            learning_rate=3e-3,
            schedule="cosine",
            warmup_steps=100,
            weight_decay=1e-4,
            clip_norm=1.0,
            ema=0.99,
        ),
        train=TrainConfig(steps=2000, batch_size=16, evaluate_every=500),
    )

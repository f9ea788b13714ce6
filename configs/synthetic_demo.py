"""A small network that learns synthetic people within minutes on a laptop.

Command   hourglass train --config configs/synthetic_demo.py --workdir runs/demo
Hardware  two CPU cores
Time      8 min 17 s with `make demo`, set-up included, on two cores of a Xeon
Score     PCK@0.2 90.4, with --flip 91.7, on 500 people it has not seen (measured)
"""

from hourglass_jax.config import (
    AugmentConfig,
    Config,
    DataConfig,
    ModelConfig,
    OptimConfig,
    TargetConfig,
    TrainConfig,
)


def get_config() -> Config:
    """One stack of 64 features, 96 x 96 pixels; 4000 people, 14 epochs."""
    return Config(
        model=ModelConfig(stacks=1, features=64, depth=3, stem_width=16),
        data=DataConfig(dataset="synthetic_people", input_size=96),
        # There are enough figures for so short a training: mirroring is all it needs.
        augment=AugmentConfig(scale=0.0, rotation_probability=0.0, colour=0.0),
        target=TargetConfig(sigma_hm=1.5),
        optim=OptimConfig(
            name="adamw",
            learning_rate=2.5e-2,
            schedule="cosine",
            warmup_steps=200,
            weight_decay=1e-4,
            clip_norm=1.0,
            ema=0.99,
        ),
        train=TrainConfig(steps=7000, batch_size=8, evaluate_every=1400),
    )

"""A small network on Leeds Sports Pose Extended, sized for two CPU cores.

Command   python train.py --config configs/lspet_small.py --workdir runs/lspet_small \
              --data.raw-dir FOLDER_WITH_images_AND_joints.mat
Hardware  two cores of a Xeon with AMX
Time      92 minutes for 40,000 steps, with other work beside
Score     PCK@0.2 52.4 on images 8001-9000, with --flip 53.4 (docs/results)
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
    """Two stacks of 64 features, 96 x 96 pixels; 8000 people, 40 epochs."""
    return Config(
        model=ModelConfig(stacks=2, features=64, depth=3, stem_width=16),
        data=DataConfig(dataset="lspet", input_size=96),
        # A short training: less variety than the authors', learnt better.
        augment=AugmentConfig(scale=0.2, scale_limit=0.4, colour=0.2),
        # On 24 x 24 cells a Gaussian of 1 covers so little that learning starts late.
        target=TargetConfig(sigma_hm=1.5),
        optim=OptimConfig(
            name="adamw",
            learning_rate=2e-2,
            schedule="cosine",
            warmup_steps=200,
            weight_decay=1e-4,
            clip_norm=1.0,
            ema=0.998,
        ),
        train=TrainConfig(steps=40_000, batch_size=8, evaluate_every=4000),
    )

"""Two stacks at full size on Leeds Sports Pose Extended.

Command   python train.py --config configs/lspet_hg2.py --workdir runs/lspet_hg2 \
              --data.raw-dir FOLDER_WITH_images_AND_joints.mat
Hardware  one GPU with 16 GB
Score     not measured
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
    """The paper's network with 2 stacks; 8000 people, 60 epochs."""
    return Config(
        model=ModelConfig(stacks=2, features=256, dtype="bfloat16"),
        data=DataConfig(dataset="lspet", input_size=256, workers=8),
        # Sportspeople lie, hang and stand on their heads: every rotation.
        augment=AugmentConfig(
            rotation=60.0,
            rotation_limit=180.0,
            rotation_probability=0.8,
        ),
        target=TargetConfig(sigma_hm=1.75),
        optim=OptimConfig(
            name="adamw",
            learning_rate=1e-3,
            schedule="cosine",
            warmup_steps=500,
            weight_decay=1e-4,
            clip_norm=1.0,
            ema=0.999,
        ),
        train=TrainConfig(
            steps=15_000, batch_size=32, evaluate_every=1000, log_every=50
        ),
    )

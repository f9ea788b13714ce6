"""What every variant of the comparison starts from, on LSP-extended.

`python benchmarks/ablations.py` trains all of them; one alone, such as a U-Net:

Command   python train.py --config configs/ablations/lspet.py \
              --workdir runs/unet --model.trunk unet --data.raw-dir FOLDER_OF_LSPET
Hardware  two CPU cores
Time      docs/results/ablations.md
Score     docs/results/ablations.md
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
    """Two stacks of 32 features, two residuals at each place, 64 x 64 pixels."""
    return Config(
        model=ModelConfig(stacks=2, blocks=2, features=32, depth=3, stem_width=16),
        data=DataConfig(dataset="lspet", input_size=64),
        augment=AugmentConfig(scale=0.2, scale_limit=0.4, colour=0.2),
        target=TargetConfig(sigma_hm=1.5),
        optim=OptimConfig(
            name="adamw",
            learning_rate=2e-2,
            schedule="cosine",
            warmup_steps=200,
            weight_decay=1e-4,
            clip_norm=1.0,
            ema=0.995,
        ),
        train=TrainConfig(steps=3000, batch_size=8, evaluate_every=500),
    )

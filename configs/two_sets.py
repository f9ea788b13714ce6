"""One network for two data sets: LSP-extended and your own, labelled in COCO's form.

It learns the union of their keypoints; what a set does not label is absent there.

Command   python train.py --config configs/two_sets.py --workdir runs/two \
              --data.raw-dir FOLDER_OF_LSPET --data.also.0.raw-dir FOLDER_OF_YOURS
Hardware  two CPU cores, or any GPU
Time      not measured
Score     not measured
"""

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


def get_config() -> Config:
    """Two stacks of 64 features, 96 x 96 pixels; two people of LSP-extended to one."""
    return Config(
        model=ModelConfig(stacks=2, features=64, depth=3, stem_width=16),
        data=DataConfig(
            dataset="lspet",
            also=(SourceConfig(dataset="coco_json", weight=0.5, skip_bad=True),),
            keypoints="union",
            input_size=96,
        ),
        augment=AugmentConfig(scale=0.2, scale_limit=0.4, colour=0.2),
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

"""People in photographs at the paper's width: hg_people_small's data, for one GPU.

Command   python train.py --config configs/hg2_people.py --workdir runs/hg2_people \
              --data.raw-dir LSPET --data.also.0.raw-dir STUDIO
Hardware  one GPU with 16 GB
Time      not measured
Score     not measured

STUDIO is a folder of people in COCO's form, as annotations/train.json and val.json.
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
    """The paper's network with 2 stacks, of the union of both sets' keypoints."""
    return Config(
        model=ModelConfig(stacks=2, features=256, dtype="bfloat16"),
        data=DataConfig(
            dataset="lspet",
            also=(SourceConfig(dataset="coco_json", weight=0.2, skip_bad=True),),
            keypoints="union",
            input_size=256,
            workers=8,
        ),
        # Sportspeople lie, hang and stand on their heads: every rotation.
        augment=AugmentConfig(
            scale_limit=0.4,
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
            steps=20_000, batch_size=32, evaluate_every=1000, log_every=50
        ),
    )

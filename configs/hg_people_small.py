"""The released model hg-people-small: people in photographs, learnt on two CPU cores.

Commands  python train.py --config configs/lspet_small.py --workdir runs/lspet_small \
              --data.raw-dir LSPET
          python train.py --config configs/hg_people_small.py \
              --workdir runs/hg_people_small --train.init-from runs/lspet_small \
              --data.raw-dir LSPET --data.also.0.raw-dir STUDIO
Hardware  two cores of a Xeon with AMX
Time      docs/models/hg-people-small.md
Score     docs/models/hg-people-small.md

STUDIO is a folder of people in COCO's form, as annotations/train.json and val.json; for
the released model the first 800 and the last 100 of 900 photographs.
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
    """The network of lspet_small on 128 x 128 pixels, with studio people besides."""
    return Config(
        # bfloat16 trains faster where the cores have AMX; the release runs in float32.
        model=ModelConfig(
            stacks=2, features=64, depth=3, stem_width=16, dtype="bfloat16"
        ),
        data=DataConfig(
            dataset="lspet",
            also=(SourceConfig(dataset="coco_json", weight=0.2, skip_bad=True),),
            keypoints="union",
            input_size=128,
        ),
        augment=AugmentConfig(scale=0.2, scale_limit=0.4, translation=0.05, colour=0.2),
        target=TargetConfig(sigma_hm=1.5),
        optim=OptimConfig(
            name="adamw",
            learning_rate=1e-2,
            schedule="cosine",
            warmup_steps=500,
            weight_decay=1e-4,
            clip_norm=1.0,
            ema=0.998,
        ),
        train=TrainConfig(steps=28_000, batch_size=8, evaluate_every=2500),
    )

"""A small network on your own people, hands or animals, labelled in COCO's form.

Keypoints, limbs and partners are those of the category in the JSON, or of a file given
to --data.skeleton. `hourglass data check FOLDER` says first what is wrong with either.

Command   python train.py --config configs/own_coco.py --workdir runs/own \
              --data.raw-dir FOLDER_WITH_images_AND_annotations
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
    TargetConfig,
    TrainConfig,
)


def get_config() -> Config:
    """Two stacks of 64 features, 128 x 128 pixels; 20 epochs of 4000 people."""
    return Config(
        # That of the released hg-people-small, so that --train.init-from
        # hg-people-small can begin with its parameters (research use, see its card).
        # The paper's network, for a GPU, is ModelConfig() and input_size=256.
        model=ModelConfig(stacks=2, features=64, depth=3, stem_width=16),
        data=DataConfig(
            dataset="coco_json",
            input_size=128,
            # Of the photographs, unless a file is called val: each by its own name.
            validation_share=0.1,
            # Learn from the rest, and list who was left out and why.
            skip_bad=True,
        ),
        # Where people may lie or hang, rotation_limit=180; where left and right look
        # different, as on a car's dashboard, flip_probability=0.
        augment=AugmentConfig(scale=0.2, scale_limit=0.4, colour=0.2),
        # On 32 x 32 cells a Gaussian of 1 covers so little that learning starts late.
        target=TargetConfig(sigma_hm=1.5),
        optim=OptimConfig(
            name="adamw",
            learning_rate=1e-2,
            schedule="cosine",
            warmup_steps=200,
            weight_decay=1e-4,
            clip_norm=1.0,
            ema=0.998,
        ),
        train=TrainConfig(steps=10_000, batch_size=8, evaluate_every=1000),
    )

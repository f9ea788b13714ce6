"""The paper's network and training on MPII: 8 stacks, RMSprop.

Command   python train.py --config configs/mpii_hg8.py --workdir runs/hg8 \
              --data.raw-dir FOLDER_WITH_images_AND_labels
Hardware  one GPU; `hourglass info configs/mpii_hg8.py` reckons its memory
Time      not measured
Score     not measured

PCKh, by which the best step is chosen, needs head sizes: the official labels and
princeton's have them; detections_our_format.mat gives them to others (docs/data.md).
"""

from hourglass_jax.config import (
    Config,
    DataConfig,
    ModelConfig,
    OptimConfig,
    TargetConfig,
    TrainConfig,
)


def get_config() -> Config:
    """8 stacks of 256 features, 256 x 256 pixels; 22,246 people, 216 epochs."""
    return Config(
        model=ModelConfig(stacks=8, features=256),
        # Some of the authors' 25,925 people (selection="original") are in photographs
        # of those who validate. The augmentation is theirs by default.
        data=DataConfig(dataset="mpii", input_size=256),
        # Of joints without a label the authors' code teaches empty maps.
        target=TargetConfig(sigma_hm=1.75, absent="zero"),
        # The paper divides the rate by 5, once, where the score no longer rises; where
        # that is, it does not say.
        optim=OptimConfig(
            name="rmsprop",
            learning_rate=2.5e-4,
            schedule="step",
            milestones=(0.75,),
            drop=0.2,
        ),
        # 100 rounds of 8,000 steps, as in the authors' code.
        train=TrainConfig(
            steps=800_000, batch_size=6, evaluate_every=8000, best="PCKh@0.5"
        ),
    )

"""Targets, optimiser, loop and devices."""

import dataclasses
from typing import Literal

from hourglass_jax.config.require import require, require_choices

Decoder = Literal["argmax", "quarter", "dark", "soft"]
"""How a heatmap is read, see `hourglass_jax.decoding`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TargetConfig:
    """What the heatmaps should be, how each counts, and how they are read."""

    sigma_hm: float = 1.0
    """Standard deviation of the Gaussian, in heatmap cells (1.75 in the Torch code)."""
    absent: Literal["ignore", "zero"] = "ignore"
    """A keypoint without a label: leave it out of the loss, or teach an empty map."""
    occluded: Literal["train", "ignore"] = "train"
    """A keypoint that is labelled but hidden: teach its peak, or leave it out."""
    outside: Literal["ignore", "zero"] = "zero"
    """A labelled keypoint outside the crop: leave it out, or teach an empty map."""
    centres: Literal["exact", "rounded"] = "exact"
    """Peaks lie at the keypoint, or on the cell nearest to it as older code has it."""
    loss: Literal["squares", "forgiving"] = "squares"
    """How a heatmap's error counts: by its square, or less where it is as large as from
    a wrong label."""
    decoder: Decoder = "quarter"
    """From heatmap to keypoint. The paper moves the highest cell a quarter cell."""

    def __post_init__(self) -> None:
        """Raise InputError for a sigma that draws nothing and unknown words."""
        require(self.sigma_hm > 0, "target.sigma_hm", self.sigma_hm, "more than 0")
        require_choices(self, "target")


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """The optimiser; the defaults are the authors' (RMSprop, 2.5e-4)."""

    name: Literal["rmsprop", "adamw"] = "rmsprop"
    """Which rule turns gradients into steps."""
    learning_rate: float = 2.5e-4
    """The largest; schedule and warm-up lower it."""
    schedule: Literal["constant", "step", "cosine"] = "constant"
    """After the warm-up: as it is, dropping at the milestones, or down to 0."""
    warmup_steps: int = 0
    """Steps over which the learning rate rises linearly from 0."""
    milestones: tuple[float, ...] = (0.6, 0.9)
    """Where the step schedule drops, as shares of `train.steps`."""
    drop: float = 0.1
    """What each milestone multiplies the learning rate by."""
    weight_decay: float = 0.0
    """AdamW only; convolution kernels alone decay."""
    clip_norm: float = 0.0
    """Gradients are scaled down to this global norm; 0 leaves them alone."""
    ema: float = 0.0
    """Decay of the average of the parameters that is evaluated; 0 keeps none."""

    def __post_init__(self) -> None:
        """Raise InputError for rates that cannot train, and unknown words."""
        require_choices(self, "optim")
        require(
            self.learning_rate > 0, "optim.learning_rate", self.learning_rate, "> 0"
        )
        require(0 <= self.ema < 1, "optim.ema", self.ema, "0 <= ema < 1")
        for field in ("warmup_steps", "weight_decay", "clip_norm", "drop"):
            value = getattr(self, field)
            require(value >= 0, f"optim.{field}", value, "0 or more")
        require(
            all(0 < m < 1 for m in self.milestones),
            *("optim.milestones", self.milestones, "shares between 0 and 1"),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The loop."""

    steps: int = 100_000
    """Updates of the parameters until the run is finished."""
    batch_size: int = 16
    """People a step, over all devices together."""
    evaluate_every: int = 2000
    """Steps between evaluations, each followed by a checkpoint."""
    log_every: int = 50
    """Steps between two lines of metrics.jsonl."""
    keep: int = 2
    """How many of the newest checkpoints stay; the best one stays besides."""
    best: str = "first"
    """Metric that the best checkpoint is chosen by, such as PCKh@0.5; first is PCK@0.2,
    or PCK by the box for keypoints without a torso."""
    patience: int = 0
    """Evaluations without a better score after which to stop; 0 never stops early."""
    init_from: str = ""
    """A model to begin with: workdir, exported folder or released model of the same
    network, or of a narrower one, whose channels are repeated. Keypoints it does not
    have are begun afresh; the optimiser is, too."""
    accumulate: int = 1
    """Parts that a batch is learnt from one after the other, to need less memory;
    BatchNorm then normalises each part by its own statistics."""
    statistics: Literal["synchronised", "per_shard"] = "synchronised"
    """Whom BatchNorm normalises by: the whole batch, or a device's own part of it,
    which spares pods two exchanges a layer. With one device they are the same."""
    precise_statistics: int = 0
    """Training batches to measure BatchNorm's statistics on before each evaluation;
    0 evaluates with the running averages."""

    def __post_init__(self) -> None:
        """Raise InputError for counts below 1, and a batch that cannot be cut."""
        require_choices(self, "train")
        for field in (
            *("steps", "batch_size", "evaluate_every", "log_every", "keep"),
            "accumulate",
        ):
            value = getattr(self, field)
            require(value >= 1, f"train.{field}", value, "at least 1")
        for field in ("patience", "precise_statistics"):
            value = getattr(self, field)
            require(value >= 0, f"train.{field}", value, "0 or more")
        require(
            self.batch_size % self.accumulate == 0,
            *("train.accumulate", self.accumulate),
            f"a divisor of train.batch_size, {self.batch_size}",
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeshConfig:
    """How the devices of all processes share a batch; their number is the product."""

    data: int = 0
    """Parts that the people of a batch are split into; 0 takes all the devices."""
    space: int = 1
    """Parts that each picture's height is split into, for pictures too large for one
    device; they lie in one process."""

    def __post_init__(self) -> None:
        """Raise InputError for sizes that no mesh has."""
        require(self.data >= 0, "mesh.data", self.data, "0 or more")
        require(self.space >= 1, "mesh.space", self.space, "at least 1")

"""The configuration of an experiment: the only home of defaults.

A file under ``configs/`` defines ``get_config() -> Config``; the command line overrides
single fields by name, such as ``--optim.learning-rate 5e-4``.
"""

import dataclasses
from pathlib import Path
from typing import Any, Literal, get_args

from hourglass_jax.errors import InputError

Decoder = Literal["argmax", "quarter", "dark", "soft"]
"""How a heatmap is read, see `hourglass_jax.decoding`."""


def _require(holds: bool, field: str, value: object, expected: str) -> None:
    if not holds:
        raise InputError(f"config: {field} is {value!r}; expected {expected}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The network (Newell, Yang, Deng 2016, section 3) and how it is computed."""

    stacks: int = 8
    """Hourglasses one after the other, each with its own supervised heatmaps."""
    features: int = 256
    """Channels everywhere between the stem and the heatmaps; even."""
    depth: int = 4
    """Times an hourglass halves its resolution; sides are multiples of 4 * 2^depth."""
    blocks: int = 1
    """Residual modules at each place of the hourglass."""
    stem: Literal["original", "bearpaw"] = "original"
    """Where the stem widens to `features`: in its last residual, or one before."""
    stem_width: int = 64
    """Channels of the 7x7 convolution; the residual after it doubles them."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the layers; parameters and statistics are float32 always."""
    remat: Literal["none", "stack"] = "none"
    """Recompute each stack's activations in the backward pass to save memory."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Subtracted from RGB in [0, 1]. The original network subtracts nothing."""

    def __post_init__(self) -> None:
        """Raise InputError for sizes that no network has."""
        for field in ("stacks", "features", "depth", "blocks", "stem_width"):
            value = getattr(self, field)
            _require(value >= 1, f"model.{field}", value, "at least 1")
        _require(
            self.features % 4 == 0, "model.features", self.features, "a multiple of 4"
        )

    def network(self) -> dict[str, Any]:
        """The arguments of `StackedHourglass`, but for the number of keypoints."""
        fields = dataclasses.asdict(self)
        del fields["mean"]
        return fields

    @property
    def multiple(self) -> int:
        """Input sides must be multiples of this many pixels."""
        return 4 * 2**self.depth


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceConfig:
    """A data set, and how its files are read."""

    dataset: str = "synthetic_people"
    """synthetic_people, lspet, lsp, mpii, flic, coco_keypoints or coco_json."""
    raw_dir: Path | None = None
    """The user's own folder of photographs and labels; it is only read."""
    annotations: Path | None = None
    """The annotation file, where `raw_dir` holds several; mpii and coco_json only."""
    skeleton: Path | None = None
    """JSON or TOML file of names, partners and limbs; coco_json only."""
    selection: Literal["standard", "original"] = "standard"
    """MPII's people: the 22,246 that everybody trains on, or the authors' 25,925."""
    validation_share: float = 0.1
    """Share of the photographs to validate on, by hash of the name; coco_json only."""
    people: int = 4000
    """People to draw for training, in synthetic_people only."""
    validation_people: int = 500
    """People to draw for validation, in synthetic_people only."""
    skip_bad: bool = False
    """Leave out people whose labels or photographs are bad, and list them."""
    weight: float = 1.0
    """How often its people are learnt from, relative to the other data sets."""
    rename: tuple[tuple[str, str], ...] = ()
    """Keypoints that the names do not match: (the network's name, this set's)."""

    def __post_init__(self) -> None:
        """Raise InputError for counts and shares that leave nobody."""
        for field in ("people", "validation_people"):
            value = getattr(self, field)
            _require(value >= 1, f"data.{field}", value, "at least 1")
        _require(self.weight > 0, "data.weight", self.weight, "more than 0")
        share = self.validation_share
        _require(0 <= share < 1, "data.validation_share", share, "0 <= share < 1")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig(SourceConfig):
    """Which people are learnt from, and where they lie."""

    also: tuple[SourceConfig, ...] = ()
    """More data sets to learn from at once; the first one validates."""
    keypoints: str = "first"
    """What is learnt: the keypoints of the first data set, the union of all, those of
    mpii, lsp, flic or coco, or of a skeleton file. Names match; what a set lacks is
    absent there."""
    data_dir: Path | None = None
    """Where prepared records are kept; a cache folder of the user by default."""
    input_size: int = 256
    """Side of the square crop that enters the network, in pixels."""
    workers: int = 0
    """Processes that read and augment; 0 does it in threads of this process."""

    def __post_init__(self) -> None:
        """Raise InputError for counts below what is needed."""
        super().__post_init__()
        _require(self.workers >= 0, "data.workers", self.workers, "0 or more")


HALF_BODY_SHIFT = 0.4
"""How far half of a body may move the box at most, in sides of the box: the tight box
around a person is 1 / 1.25 of it, and half of that lies on each side of its centre."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Random changes of training crops; the defaults are the authors'."""

    scale: float = 0.25
    """Standard deviation of the scale's exponent: crop side x 2^N(0, scale)."""
    scale_limit: float = 0.5
    """The exponent is clipped to +- this."""
    rotation: float = 30.0
    """Standard deviation of the rotation, in degrees."""
    rotation_limit: float = 60.0
    """The rotation is clipped to +- this, in degrees."""
    rotation_probability: float = 0.4
    """Share of samples that are rotated at all."""
    translation: float = 0.0
    """The box moves by up to this share of its side, in x and in y, uniformly."""
    flip_probability: float = 0.5
    """Share of samples that are mirrored, left and right swapped."""
    colour: float = 0.4
    """Each channel is multiplied by a factor from U(1 - colour, 1 + colour)."""
    half_body_probability: float = 0.0
    """Share of samples in which the box is that of the upper or of the lower body."""
    occluder_probability: float = 0.0
    """Share of samples that get a round piece of another person's picture."""
    cutout_probability: float = 0.0
    """Share of samples that get a rectangle of one colour."""
    grey_probability: float = 0.0
    """Share of samples without colour."""
    blur_probability: float = 0.0
    """Share of samples that are blurred."""
    jpeg_probability: float = 0.0
    """Share of samples that show the marks of strong compression."""

    def __post_init__(self) -> None:
        """Raise InputError for shares outside [0, 1] and for negative spreads."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            _require(value >= 0, f"augment.{field.name}", value, "0 or more")
            share = field.name == "colour" or field.name.endswith("_probability")
            _require(
                not share or value <= 1, f"augment.{field.name}", value, "at most 1"
            )

    @property
    def reach(self) -> float:
        """How far a crop can reach from the box's centre, in sides of the box."""
        half = 2**self.scale_limit / 2
        turned = self.rotation_probability > 0 and self.rotation_limit > 0
        # A square that is turned by 45 degrees or more reaches with its corner.
        moved = HALF_BODY_SHIFT if self.half_body_probability > 0 else 0.0
        return half * (2**0.5 if turned else 1.0) + self.translation + moved


@dataclasses.dataclass(frozen=True, kw_only=True)
class TargetConfig:
    """What the heatmaps should be, which of them count, and how they are read."""

    sigma_hm: float = 1.0
    """Standard deviation of the Gaussian, in heatmap cells (1.75 in the Torch code)."""
    absent: Literal["ignore", "zero"] = "ignore"
    """A keypoint without a label: leave it out of the loss, or teach an empty map."""
    occluded: Literal["train", "ignore"] = "train"
    """A keypoint that is labelled but hidden: teach its peak, or leave it out."""
    outside: Literal["ignore", "zero"] = "zero"
    """A labelled keypoint outside the crop: leave it out, or teach an empty map."""
    decoder: Decoder = "quarter"
    """From heatmap to keypoint. The paper moves the highest cell a quarter cell."""

    def __post_init__(self) -> None:
        """Raise InputError for a sigma that draws nothing and an unknown decoder."""
        _require(self.sigma_hm > 0, "target.sigma_hm", self.sigma_hm, "more than 0")
        decoders = get_args(Decoder)
        _require(
            self.decoder in decoders,
            *("target.decoder", self.decoder, f"one of {', '.join(decoders)}"),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """The optimiser; the defaults are the authors' (RMSprop, 2.5e-4)."""

    name: Literal["rmsprop", "adamw"] = "rmsprop"
    learning_rate: float = 2.5e-4
    schedule: Literal["constant", "step", "cosine"] = "constant"
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
        """Raise InputError for rates that cannot train."""
        _require(
            self.learning_rate > 0, "optim.learning_rate", self.learning_rate, "> 0"
        )
        _require(0 <= self.ema < 1, "optim.ema", self.ema, "0 <= ema < 1")
        for field in ("warmup_steps", "weight_decay", "clip_norm"):
            value = getattr(self, field)
            _require(value >= 0, f"optim.{field}", value, "0 or more")
        _require(
            all(0 < m < 1 for m in self.milestones),
            *("optim.milestones", self.milestones, "shares between 0 and 1"),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The loop."""

    steps: int = 100_000
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

    def __post_init__(self) -> None:
        """Raise InputError for counts below 1."""
        for field in ("steps", "batch_size", "evaluate_every", "log_every", "keep"):
            value = getattr(self, field)
            _require(value >= 1, f"train.{field}", value, "at least 1")
        _require(self.patience >= 0, "train.patience", self.patience, "0 or more")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """One experiment."""

    seed: int = 0
    """Initial parameters, the order of people and every augmentation follow from it."""
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    augment: AugmentConfig = dataclasses.field(default_factory=AugmentConfig)
    target: TargetConfig = dataclasses.field(default_factory=TargetConfig)
    optim: OptimConfig = dataclasses.field(default_factory=OptimConfig)
    train: TrainConfig = dataclasses.field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        """Raise InputError for parts that do not fit together."""
        _require(self.seed >= 0, "seed", self.seed, "0 or more")
        side, multiple = self.data.input_size, self.model.multiple
        _require(
            side >= multiple and side % multiple == 0,
            *("data.input_size", side),
            f"a multiple of {multiple} (4 * 2^depth), such as "
            f"{max(1, round(side / multiple)) * multiple}",
        )

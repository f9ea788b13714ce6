"""The people to learn from, and what happens to their pictures."""

import dataclasses
from pathlib import Path
from typing import Literal

from hourglass_jax.config.require import require, require_choices


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
        require_choices(self, "data")
        for field in ("people", "validation_people"):
            value = getattr(self, field)
            require(value >= 1, f"data.{field}", value, "at least 1")
        require(self.weight > 0, "data.weight", self.weight, "more than 0")
        share = self.validation_share
        require(0 <= share < 1, "data.validation_share", share, "0 <= share < 1")


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
    """Processes that read and augment, one thread each; 0 does it in up to 8 threads of
    this process, which is faster than a few processes."""

    def __post_init__(self) -> None:
        """Raise InputError for counts below what is needed."""
        super().__post_init__()
        require(self.workers >= 0, "data.workers", self.workers, "0 or more")


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
            require(value >= 0, f"augment.{field.name}", value, "0 or more")
            share = field.name == "colour" or field.name.endswith("_probability")
            require(
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

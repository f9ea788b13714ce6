"""The network."""

import dataclasses
from typing import Any, Literal

from hourglass_jax.config.require import require, require_choices


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The network (Newell, Yang, Deng 2016, section 3) and how it is computed."""

    stacks: int = 8
    """Hourglasses one after the other, each with its own supervised heatmaps."""
    features: int = 256
    """Channels everywhere between the stem and the heatmaps; a multiple of 4."""
    depth: int = 4
    """Times an hourglass halves its resolution; sides are multiples of 4 * 2^depth."""
    blocks: int = 1
    """Residual modules at each place of the hourglass."""
    stem: Literal["original", "bearpaw"] = "original"
    """Where the stem widens to `features`: in its last residual, or one before."""
    stem_width: int = 64
    """Channels of the 7x7 convolution; the residual after it doubles them."""
    variant: Literal["newell", "fan", "corner", "centernet"] = "newell"
    """Whose blocks and merge: the paper's, FAN's, those of mmpose, or of CenterNet."""
    trunk: Literal["hourglass", "fpn", "unet", "rectified_gaussian"] = "hourglass"
    """What stands in the hourglass's place, at the cost of an hourglass."""
    norm: Literal["batch", "group"] = "batch"
    """Normalise by batch statistics, or in groups of 16 channels of one image."""
    supervise: Literal["stacks", "last", "inside"] = "stacks"
    """Whose heatmaps have a loss: all stacks', the last one's, or all stacks' and those
    of the two resolutions below the output's inside each of them."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the layers; parameters and statistics are float32 always."""
    remat: Literal["none", "stack", "residual"] = "none"
    """What to compute again in the backward pass, to save memory."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Subtracted from RGB in [0, 1]. The original network subtracts nothing."""

    def __post_init__(self) -> None:
        """Raise InputError for sizes that no network has, and unlike parts."""
        for field in ("stacks", "features", "depth", "blocks", "stem_width"):
            value = getattr(self, field)
            require(value >= 1, f"model.{field}", value, "at least 1")
        require(
            self.features % 4 == 0, "model.features", self.features, "a multiple of 4"
        )
        require_choices(self, "model")
        self._refuse_unlike_parts()

    def _refuse_unlike_parts(self) -> None:
        variant, original = self.variant, self.variant == "newell"
        require(
            original or self.stem == "original",
            *("model.stem", self.stem, f"original with variant {variant}"),
        )
        require(
            original or self.trunk == "hourglass",
            *("model.trunk", self.trunk, f"hourglass with variant {variant}"),
        )
        # Their heatmaps feed nothing, so only a loss of their own gives them a use.
        require(
            variant in ("newell", "fan") or self.supervise == "stacks",
            *("model.supervise", self.supervise, f"stacks with variant {variant}"),
        )
        if self.supervise == "inside":
            require(
                self.depth >= 2,
                *("model.depth", self.depth, "2 or more to supervise inside"),
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

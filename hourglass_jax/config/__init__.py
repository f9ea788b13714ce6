"""The configuration of an experiment: the only home of defaults.

A file under ``configs/`` defines ``get_config() -> Config``; the command line overrides
single fields by name, such as ``--optim.learning-rate 5e-4``.
"""

import dataclasses

from hourglass_jax.config.data import (
    HALF_BODY_SHIFT,
    AugmentConfig,
    DataConfig,
    SourceConfig,
)
from hourglass_jax.config.model import ModelConfig
from hourglass_jax.config.require import require
from hourglass_jax.config.training import (
    Decoder,
    MeshConfig,
    OptimConfig,
    TargetConfig,
    TrainConfig,
)

__all__ = [
    "HALF_BODY_SHIFT",
    "AugmentConfig",
    "Config",
    "DataConfig",
    "Decoder",
    "MeshConfig",
    "ModelConfig",
    "OptimConfig",
    "SourceConfig",
    "TargetConfig",
    "TrainConfig",
]


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
    mesh: MeshConfig = dataclasses.field(default_factory=MeshConfig)

    def __post_init__(self) -> None:
        """Raise InputError for parts that do not fit together."""
        require(self.seed >= 0, "seed", self.seed, "0 or more")
        side, multiple = self.data.input_size, self.model.multiple
        require(
            side >= multiple and side % multiple == 0,
            *("data.input_size", side),
            f"a multiple of {multiple} (4 * 2^depth), such as "
            f"{max(1, round(side / multiple)) * multiple}",
        )

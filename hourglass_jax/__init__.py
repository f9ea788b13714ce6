"""Stacked hourglass networks for pose estimation, in JAX and Flax."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hourglass_jax.config import Config as Config
    from hourglass_jax.errors import InputError as InputError
    from hourglass_jax.inference.predictor import Predictor as Predictor
    from hourglass_jax.inference.predictor import load as load
    from hourglass_jax.inference.results import Pose as Pose
    from hourglass_jax.models.hourglass import StackedHourglass as StackedHourglass
    from hourglass_jax.skeleton import Skeleton as Skeleton

__version__ = "0.1.0"

# Imported on first use: `hourglass --help` should not wait for JAX.
_HOMES = {
    "Config": "hourglass_jax.config",
    "InputError": "hourglass_jax.errors",
    "Predictor": "hourglass_jax.inference.predictor",
    "load": "hourglass_jax.inference.predictor",
    "Pose": "hourglass_jax.inference.results",
    "StackedHourglass": "hourglass_jax.models.hourglass",
    "Skeleton": "hourglass_jax.skeleton",
}
__all__ = [
    "Config",
    "InputError",
    "Pose",
    "Predictor",
    "Skeleton",
    "StackedHourglass",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)

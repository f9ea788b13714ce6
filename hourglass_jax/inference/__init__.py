"""Inference: poses from photographs, and models in a form to keep."""

from hourglass_jax.inference.export import export_orbax
from hourglass_jax.inference.forward import find_keypoints
from hourglass_jax.inference.predictor import Predictor, check_scales, load
from hourglass_jax.inference.results import Pose, draw_poses

__all__ = [
    "Pose",
    "Predictor",
    "check_scales",
    "draw_poses",
    "export_orbax",
    "find_keypoints",
    "load",
]

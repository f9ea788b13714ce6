"""Inference: poses from photographs, and models in a form to keep."""

from hourglass_jax.inference.drawing import draw_poses
from hourglass_jax.inference.export import export_orbax
from hourglass_jax.inference.forward import PredictStep, jit_predict_step
from hourglass_jax.inference.predictor import Predictor, load
from hourglass_jax.inference.results import Pose

__all__ = [
    "Pose",
    "PredictStep",
    "Predictor",
    "draw_poses",
    "export_orbax",
    "jit_predict_step",
    "load",
]

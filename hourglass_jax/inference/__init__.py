"""Inference: poses from photographs, and models in a form to keep."""

from hourglass_jax.inference.card import ModelCard
from hourglass_jax.inference.export import export_orbax
from hourglass_jax.inference.exported import open_exported, seal
from hourglass_jax.inference.forward import find_keypoints
from hourglass_jax.inference.options import check_scales
from hourglass_jax.inference.predictor import Predictor, load
from hourglass_jax.inference.results import Pose, draw_poses
from hourglass_jax.inference.single_file import Form, export_file
from hourglass_jax.inference.video import read_film

__all__ = [
    "Form",
    "ModelCard",
    "Pose",
    "Predictor",
    "check_scales",
    "draw_poses",
    "export_file",
    "export_orbax",
    "find_keypoints",
    "load",
    "open_exported",
    "read_film",
    "seal",
]

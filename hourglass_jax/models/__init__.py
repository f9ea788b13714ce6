"""Networks: images in, heatmaps of every stack out. Needs jax, flax, jaxtyping only."""

from hourglass_jax.models.hourglass import (
    STRIDE,
    Hourglass,
    Residual,
    Stack,
    StackedHourglass,
    init,
    normalise,
)
from hourglass_jax.models.parts import Parts
from hourglass_jax.models.pyramid import FeaturePyramid
from hourglass_jax.models.trunks import Trunk
from hourglass_jax.models.trunks.fpn import FPN
from hourglass_jax.models.trunks.rectified_gaussian import RectifiedGaussian
from hourglass_jax.models.trunks.unet import UNet

__all__ = [
    "FPN",
    "STRIDE",
    "FeaturePyramid",
    "Hourglass",
    "Parts",
    "RectifiedGaussian",
    "Residual",
    "Stack",
    "StackedHourglass",
    "Trunk",
    "UNet",
    "init",
    "normalise",
]

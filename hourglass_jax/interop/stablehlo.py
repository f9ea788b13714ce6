"""StableHLO: one program for CPU, CUDA and TPU, by `jax.export`."""

from collections.abc import Callable
from typing import Any

import jax
import jax.export
import numpy as np

PLATFORMS = ("cpu", "cuda", "tpu")


def to_stablehlo(function: Callable[..., Any], size: tuple[int, int]) -> bytes:
    """A serialised function of RGB crops, for any number of them.

    Args:
      function: takes uint8 ``[b h w 3]``; what it closes over becomes constants.
      size: (height, width) of the crops.
    """
    (batch,) = jax.export.symbolic_shape("batch")
    images = jax.ShapeDtypeStruct((batch, *size, 3), np.uint8)
    exported = jax.export.export(jax.jit(function), platforms=PLATFORMS)(images)
    return bytes(exported.serialize())

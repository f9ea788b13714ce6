"""From crops to keypoints on the device: what every form of a model computes."""

from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, UInt8

from hourglass_jax.geometry import crop_from_hm
from hourglass_jax.heatmaps import decode, flip_heatmaps
from hourglass_jax.models.hourglass import (
    STRIDE,
    StackedHourglass,
    Variables,
    normalise,
)

Mean = tuple[float, float, float]
Crops = UInt8[np.ndarray, "b h w 3"]
Keypoints = tuple[Float32[np.ndarray, "b k 2"], Float32[np.ndarray, "b k"]]

# Batches are padded to these sizes, so that no other program is ever compiled.
BATCH_SIZES = (1, 2, 4, 8, 16, 32)


@partial(jax.jit, static_argnames=("net", "mean", "partners", "flip"))
def find_keypoints(
    variables: Variables,
    images: UInt8[Array, "b h w 3"],
    *,
    net: StackedHourglass,
    mean: Mean,
    partners: tuple[int, ...],
    flip: bool,
) -> tuple[Float[Array, "b k 2"], Float[Array, "b k"]]:
    """Keypoints in crop pixels and their scores, from the last stack's heatmaps.

    Args:
      variables: parameters and statistics of ``net``.
      images: RGB crops.
      net: the network.
      mean: subtracted from RGB in [0, 1].
      partners: `Skeleton.flip`.
      flip: average the heatmaps with those of the mirrored crops (paper, section 4.1).
    """
    if flip:
        images = jnp.concatenate([images, images[:, :, ::-1]])
    stacks = net.apply(variables, normalise(images, mean), train=False)
    heatmaps = cast(Array, stacks)[-1]
    if flip:
        plain, mirrored = jnp.split(heatmaps, 2)
        heatmaps = (plain + flip_heatmaps(mirrored, partners)) / 2
    keypoints_hm, scores = decode(heatmaps)
    return crop_from_hm(keypoints_hm, STRIDE), scores


def pad_batch(images: Crops) -> UInt8[np.ndarray, "padded h w 3"]:
    """Add black images up to the next of `BATCH_SIZES`; there are at most 32."""
    size = next(size for size in BATCH_SIZES if size >= len(images))
    return np.pad(images, [(0, size - len(images)), (0, 0), (0, 0), (0, 0)])

"""From crops to keypoints on the device: what every form of a model computes."""

from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, UInt8

from hourglass_jax.compile_options import compiler_options
from hourglass_jax.config import Decoder
from hourglass_jax.decoding import decode
from hourglass_jax.geometry import crop_from_hm
from hourglass_jax.heatmaps import flip_heatmaps, merge_scales
from hourglass_jax.models.folding import fuse_relu
from hourglass_jax.models.hourglass import (
    STRIDE,
    StackedHourglass,
    Variables,
    normalise,
)
from hourglass_jax.models.repeat import join_stacks

Mean = tuple[float, float, float]
Crops = UInt8[np.ndarray, "b *s h w 3"]
Keypoints = tuple[Float32[np.ndarray, "b k 2"], Float32[np.ndarray, "b k"]]

# Batches are padded to these sizes, so that no other program is ever compiled.
BATCH_SIZES = (1, 2, 4, 8, 16, 32)


def find_keypoints(
    variables: Variables,
    images: UInt8[Array, "b *s h w 3"],
    *,
    net: StackedHourglass,
    mean: Mean,
    partners: tuple[int, ...],
    flip: bool,
    decoder: Decoder,
    sigma_hm: float,
    scales: tuple[float, ...] = (1.0,),
) -> tuple[Float[Array, "b k 2"], Float[Array, "b k"]]:
    """Keypoints in crop pixels and their scores, from the last stack's heatmaps.

    Args:
      variables: parameters and statistics of ``net``, be it from `part_stacks`.
      images: RGB crops, one a person; or one a person and scale, ``[b s h w 3]``.
      net: the network.
      mean: subtracted from RGB in [0, 1].
      partners: `Skeleton.flip`.
      flip: average the heatmaps with those of the mirrored crops (paper, section 4.1).
      decoder: how the heatmaps are read.
      sigma_hm: the Gaussian that the network was taught, in heatmap cells.
      scales: the sides of each person's crops, as multiples of the side of the crop
        that the answer refers to.
    """
    *_, height, width, _ = images.shape
    flat = images.reshape(-1, height, width, 3)
    heatmaps = find_heatmaps(variables, flat, net, mean, partners, flip)
    heatmaps = heatmaps.reshape(-1, len(scales), *heatmaps.shape[1:])
    keypoints_hm, scores = decode(merge_scales(heatmaps, scales), decoder, sigma_hm)
    return crop_from_hm(keypoints_hm, STRIDE), scores


def find_heatmaps(
    variables: Variables,
    images: UInt8[Array, "n h w 3"],
    net: StackedHourglass,
    mean: Mean,
    partners: tuple[int, ...],
    flip: bool,
) -> Float[Array, "n hh hw k"]:
    """The last stack's heatmaps; for the arguments see `find_keypoints`."""
    return find_all_heatmaps(variables, images, net, mean, partners, flip)[-1]


def find_all_heatmaps(
    variables: Variables,
    images: UInt8[Array, "n h w 3"],
    net: StackedHourglass,
    mean: Mean,
    partners: tuple[int, ...],
    flip: bool,
) -> Float[Array, "s n hh hw k"]:
    """Every stack's heatmaps; for the arguments see `find_keypoints`."""
    if flip:
        images = jnp.concatenate([images, images[:, :, ::-1]])
    with fuse_relu():
        whole = join_stacks(variables)
        stacks = net.apply(whole, normalise(images, mean), train=False)
    heatmaps = cast(Array, stacks)
    if flip:
        plain, mirrored = jnp.split(heatmaps, 2, axis=1)
        heatmaps = (plain + flip_heatmaps(mirrored, partners)) / 2
    return heatmaps


@cache
def compiled_for_here(function: Callable[..., Any]) -> Callable[..., Any]:
    """One of the functions above, compiled for the default device of this process."""
    static = "net", "mean", "partners", "flip", "decoder", "sigma_hm", "scales"
    return jax.jit(
        function,
        static_argnames=[n for n in static if n in signature(function).parameters],
        compiler_options=compiler_options(jax.default_backend()),
    )


def pad_batch(images: Crops) -> UInt8[np.ndarray, "padded *s h w 3"]:
    """Add black images up to the next of `BATCH_SIZES`; there are at most 32."""
    size = next(size for size in BATCH_SIZES if size >= len(images))
    return np.pad(images, [(0, size - len(images)), *[(0, 0)] * (images.ndim - 1)])

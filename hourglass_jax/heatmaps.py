"""Keypoints to heatmaps and back, on the device, in float coordinates throughout."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Integer

from hourglass_jax.config import TargetConfig
from hourglass_jax.geometry import hm_from_crop


def render(
    keypoints_hm: Float[Array, "*b k 2"], sigma_hm: float, size: tuple[int, int]
) -> Float[Array, "*b h w k"]:
    """Draw a Gaussian of height 1 around each keypoint, unquantised.

    Args:
      keypoints_hm: (x, y) in heatmap cells; cell centres lie at integers.
      sigma_hm: standard deviation in cells.
      size: (height, width) of the heatmaps.
    """
    x, y = (_bell(keypoints_hm[..., i], sigma_hm, size[1 - i]) for i in (0, 1))
    return jnp.einsum("...ky,...kx->...yxk", y, x)


def _bell(
    centres: Float[Array, "*b k"], sigma: float, cells: int
) -> Float[Array, "*b k n"]:
    line = jnp.arange(cells, dtype=jnp.float32)
    offsets = jnp.expand_dims(line, range(centres.ndim)) - centres[..., None]
    return jnp.exp(-0.5 * jnp.square(offsets / sigma))


def make_targets(
    keypoints_crop: Float[Array, "b k 2"],
    visibility: Integer[Array, "b k"],
    size: tuple[int, int],
    stride: int,
    config: TargetConfig,
) -> tuple[Float[Array, "b h w k"], Float[Array, "b k"]]:
    """The heatmaps to learn and how much each counts, by the config's three policies.

    Args:
      keypoints_crop: (x, y) in crop pixels.
      visibility: 0 absent, 1 labelled and occluded, 2 visible.
      size: (height, width) of the heatmaps.
      stride: crop pixels a heatmap cell.
      config: sigma, and what absent, occluded and outside keypoints teach.

    Returns:
      Heatmaps in [0, 1], empty where no peak is to be taught, and weights 0 or 1.
    """
    keypoints_hm = hm_from_crop(keypoints_crop, stride)
    inside = _inside(keypoints_hm[..., 0], size[1]) & _inside(
        keypoints_hm[..., 1], size[0]
    )
    absent, occluded = visibility == 0, visibility == 1
    outside = ~absent & ~inside

    ignored = jnp.zeros_like(absent)
    for mask, policy in (
        (absent, config.absent),
        (occluded, config.occluded),
        (outside, config.outside),
    ):
        if policy == "ignore":
            ignored |= mask
    peaks = render(keypoints_hm, config.sigma_hm, size)
    empty = (absent | outside)[:, None, None, :]
    return jnp.where(empty, 0.0, peaks), 1.0 - ignored.astype(jnp.float32)


def _inside(position: Float[Array, "*b"], cells: int) -> Bool[Array, "*b"]:
    return (position >= -0.5) & (position < cells - 0.5)


def decode(
    heatmaps: Float[Array, "*b h w k"],
) -> tuple[Float[Array, "*b k 2"], Float[Array, "*b k"]]:
    """Each map's highest cell, moved a quarter cell to its higher neighbour.

    The quarter offset is that of the paper's test code, in x and in y; at the border,
    where there is one neighbour only, the cell's centre is returned.

    Returns:
      Keypoints (x, y) in heatmap cells, and scores: the height of the peak.
    """
    height, width, count = heatmaps.shape[-3:]
    flat = jnp.moveaxis(heatmaps, -1, -3).reshape(-1, count, height * width)
    best = jnp.argmax(flat, axis=-1)
    x, y = best % width, best // width
    step = jnp.stack(
        [_slope(flat, best, x, width, 1), _slope(flat, best, y, height, width)], -1
    )
    keypoints = jnp.stack([x, y], axis=-1).astype(jnp.float32) + 0.25 * step
    batch = heatmaps.shape[:-3]
    scores = jnp.max(flat, axis=-1)
    return keypoints.reshape(*batch, count, 2), scores.reshape(*batch, count)


def _slope(
    flat: Float[Array, "n k hw"],
    best: Integer[Array, "n k"],
    position: Integer[Array, "n k"],
    length: int,
    step: int,
) -> Float[Array, "n k"]:
    """Which neighbour along one axis is higher: -1, 0 or 1; 0 at the border."""
    after = _at(flat, jnp.minimum(best + step, flat.shape[-1] - 1))
    before = _at(flat, jnp.maximum(best - step, 0))
    interior = (position > 0) & (position < length - 1)
    return jnp.where(interior, jnp.sign(after - before), 0.0)


def _at(flat: Float[Array, "n k hw"], index: Integer[Array, "n k"]) -> jax.Array:
    return jnp.take_along_axis(flat, index[..., None], axis=-1)[..., 0]


def flip_heatmaps(
    heatmaps: Float[Array, "*b h w k"], partners: Sequence[int]
) -> Float[Array, "*b h w k"]:
    """Heatmaps of the mirrored picture, turned into those of the picture itself.

    Args:
      heatmaps: what the network says of the mirrored crop.
      partners: `Skeleton.flip`.
    """
    return heatmaps[..., ::-1, :][..., jnp.asarray(partners)]

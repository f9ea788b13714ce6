"""Keypoints to heatmaps, on the device, in float coordinates throughout."""

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
    # Multiplied, not contracted: a product of matrices would round on GPU and TPU.
    y, x = (jnp.moveaxis(bell, -2, -1) for bell in (y, x))
    return y[..., :, None, :] * x[..., None, :, :]


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
      config: sigma, where peaks lie, and what absent, occluded and outside keypoints
        teach.

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
    rounded = config.centres == "rounded"
    centres = jnp.round(keypoints_hm) if rounded else keypoints_hm
    peaks = render(centres, config.sigma_hm, size)
    empty = (absent | outside)[:, None, None, :]
    return jnp.where(empty, 0.0, peaks), 1.0 - ignored.astype(jnp.float32)


def _inside(position: Float[Array, "*b"], cells: int) -> Bool[Array, "*b"]:
    return (position >= -0.5) & (position < cells - 0.5)


def flip_heatmaps(
    heatmaps: Float[Array, "*b h w k"], partners: Sequence[int]
) -> Float[Array, "*b h w k"]:
    """Heatmaps of the mirrored picture, turned into those of the picture itself.

    Args:
      heatmaps: what the network says of the mirrored crop.
      partners: `Skeleton.flip`.
    """
    return heatmaps[..., ::-1, :][..., jnp.asarray(partners)]


def merge_scales(
    heatmaps: Float[Array, "b s h w k"], scales: tuple[float, ...]
) -> Float[Array, "b h w k"]:
    """Average the heatmaps of crops around one centre, in the frame of scale 1.

    Each cell is the mean over the crops that reach it; one that no crop reaches is 0.

    Args:
      heatmaps: one a person and scale.
      scales: sides of the crops, as multiples of the side of the frame.
    """
    if scales == (1.0,):
        return heatmaps[:, 0]
    ones = jnp.ones((1, *heatmaps.shape[2:4], 1))
    zoomed = [_zoom(heatmaps[:, i], scale) for i, scale in enumerate(scales)]
    reached = [_zoom(ones, scale) for scale in scales]
    total = jnp.sum(jnp.stack(zoomed), axis=0)
    return total / jnp.maximum(jnp.sum(jnp.stack(reached), axis=0), 1.0)


def _zoom(heatmaps: Float[Array, "b h w k"], scale: float) -> Float[Array, "b h w k"]:
    """Enlarge around the centre of the map; what was outside of it is 0."""
    edges = jnp.array(heatmaps.shape[1:3], jnp.float32)
    return jax.image.scale_and_translate(
        heatmaps,
        heatmaps.shape,
        spatial_dims=(1, 2),
        scale=jnp.full(2, scale),
        translation=(1 - scale) / 2 * edges,
        method="cubic",
        antialias=False,
    )

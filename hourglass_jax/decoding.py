"""Heatmaps to keypoints, at a fraction of a cell; fit to be part of an exported graph.

Every decoder starts from a map's highest cell and looks around it for what lies between
the cells. Leading axes are free; keypoints are (x, y) in heatmap cells, whose centres
lie at integers. A score is the height of the highest cell, whatever a decoder smooths.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Integer

from hourglass_jax.config import Decoder

Heatmaps = Float[Array, "*b h w k"]
Keypoints = tuple[Float[Array, "*b k 2"], Float[Array, "*b k"]]
Map = Float[Array, "h w"]
Cell = Integer[Array, "2"]
Offset = Float[Array, "2"]

_TINY = 1e-30  # stands for a height of nothing: its logarithm is finite
_BOUND = 1.5  # cells: with noise the highest cell is a neighbour of the right one
_FLAT = 1e-8  # curvature of a bell 100 cells wide; less than that is rounding
_REACH = 3  # cells of a window around the peak, three standard deviations of its bell


def decode(heatmaps: Heatmaps, decoder: Decoder, sigma_hm: float) -> Keypoints:
    """Find each map's keypoint and its score.

    Args:
      heatmaps: what the network says.
      decoder: which of the four functions below.
      sigma_hm: the Gaussian that the network was taught, in cells.
    """
    match decoder:
        case "argmax":
            return decode_argmax(heatmaps)
        case "quarter":
            return decode_quarter(heatmaps)
        case "dark":
            return decode_dark(heatmaps, sigma_hm)
        case "soft":
            return decode_soft(heatmaps, sigma_hm)


def decode_argmax(heatmaps: Heatmaps) -> Keypoints:
    """The centre of the highest cell."""
    return _decode(heatmaps, _stay)


def decode_quarter(heatmaps: Heatmaps) -> Keypoints:
    """The highest cell, moved a quarter cell to its higher neighbour in x and in y.

    As in the test code of Newell et al. 2016. At the border, where there is one
    neighbour only, nothing moves.
    """
    return _decode(heatmaps, _quarter)


def decode_dark(heatmaps: Heatmaps, sigma_hm: float) -> Keypoints:
    """One Newton step on the logarithm of the smoothed map (Zhang et al. 2020, DARK).

    The map is smoothed by the Gaussian it was taught with. The logarithm of a Gaussian
    is a parabola, so the step ends on its top, wherever it starts. Where the map has no
    top, in a flat or negative one, the highest cell is the answer.

    Unlike in the paper, smoothing narrows at the border, where a Gaussian is cut off:
    the half that is left would draw the answer inwards, by 0.75 cells at a sigma of 2.
    """
    return _decode(heatmaps, partial(_dark, sigma=sigma_hm))


def decode_soft(heatmaps: Heatmaps, sigma_hm: float) -> Keypoints:
    """Local soft-argmax: the mean position of the cells around the peak.

    Each counts by its height to the power ``sigma_hm ** 2``: a softmax of the logarithm
    that turns the Gaussian into one of a single cell, so that a small window holds it.
    At the border the window shrinks and stays centred on the highest cell.
    """
    return _decode(heatmaps, partial(_soft, sigma=sigma_hm))


def _decode(heatmaps: Heatmaps, offset: Callable[[Map, Cell], Offset]) -> Keypoints:
    *batch, height, width, count = heatmaps.shape
    maps = jnp.moveaxis(heatmaps, -1, -3).astype(jnp.float32)
    maps = maps.reshape(-1, height, width)
    best = jnp.argmax(maps.reshape(-1, height * width), axis=-1)
    cells = jnp.stack([best % width, best // width], axis=-1)
    keypoints = cells + jax.vmap(offset)(maps, cells)
    scores = jnp.max(maps, axis=(1, 2))
    return keypoints.reshape(*batch, count, 2), scores.reshape(*batch, count)


def _stay(heatmap: Map, cell: Cell) -> Offset:
    return jnp.zeros(2)


def _quarter(heatmap: Map, cell: Cell) -> Offset:
    last = jnp.array(heatmap.shape[::-1]) - 1
    x, y = cell
    right, below = jnp.minimum(cell + 1, last)
    left, above = jnp.maximum(cell - 1, 0)
    slope = jnp.stack(
        [heatmap[y, right] - heatmap[y, left], heatmap[below, x] - heatmap[above, x]]
    )
    interior = (cell > 0) & (cell < last)
    return jnp.where(interior, 0.25 * jnp.sign(slope), 0.0)


def _dark(heatmap: Map, cell: Cell, sigma: float) -> Offset:
    # The cell to expand around is the nearest with neighbours on either side.
    start = jnp.clip(cell, 1, jnp.array(heatmap.shape[::-1]) - 2)
    columns, rows = (_bells(start[i], sigma, heatmap.shape[1 - i]) for i in (0, 1))
    # Full precision: where products are rounded (TF32), so is the answer.
    product = partial(jnp.einsum, precision="highest")
    log = jnp.log(jnp.maximum(product("yh,hw,xw->yx", rows, heatmap, columns), _TINY))
    step, found = _newton_step(log)
    moved = jnp.clip(start + step - cell, -_BOUND, _BOUND)
    return jnp.where(found, moved, 0.0)


def _newton_step(log: Float[Array, "3 3"]) -> tuple[Offset, Bool[Array, ""]]:
    """From the middle to the top of the parabola through nine cells, if it has one."""
    slope_x, slope_y = (log[1, 2] - log[1, 0]) / 2, (log[2, 1] - log[0, 1]) / 2
    bend_x = log[1, 2] - 2 * log[1, 1] + log[1, 0]
    bend_y = log[2, 1] - 2 * log[1, 1] + log[0, 1]
    twist = (log[2, 2] - log[2, 0] - log[0, 2] + log[0, 0]) / 4
    determinant = bend_x * bend_y - twist**2
    step = jnp.stack(
        [twist * slope_y - bend_y * slope_x, twist * slope_x - bend_x * slope_y]
    )
    found = (determinant > _FLAT) & (bend_x < 0)
    return step / jnp.where(found, determinant, 1.0), found


def _bells(cell: Integer[Array, ""], sigma: float, cells: int) -> Float[Array, "3 n"]:
    """Weights that smooth at a cell and its neighbours, along one axis."""
    room = jnp.minimum(cell - 1, cells - 2 - cell) + 0.5
    sigma_here = jnp.minimum(sigma, room / _REACH)
    centres = cell + jnp.arange(-1, 2)
    offsets = jnp.arange(cells)[None, :] - centres[:, None]
    bells = jnp.exp(-0.5 * jnp.square(offsets / sigma_here))
    return bells / jnp.sum(bells, axis=1, keepdims=True)


def _soft(heatmap: Map, cell: Cell, sigma: float) -> Offset:
    heights = jnp.maximum(heatmap, 0.0)
    relative = heights / jnp.maximum(jnp.max(heights), _TINY)
    # Below a sigma of 1 a power would raise what is low: noise far from the peak.
    weights = relative ** max(1.0, sigma**2)
    x, y = (jnp.arange(heatmap.shape[1 - i]) - cell[i] for i in (0, 1))
    weights *= _near(y)[:, None] & _near(x)[None, :]
    sums = jnp.stack([jnp.sum(weights * x[None, :]), jnp.sum(weights * y[:, None])])
    return sums / jnp.maximum(jnp.sum(weights), _TINY)


def _near(offsets: Integer[Array, " n"]) -> Bool[Array, " n"]:
    """The window along one axis: as wide as fits on both sides of offset 0."""
    reach = jnp.minimum(_REACH, jnp.minimum(-offsets[0], offsets[-1]))
    return jnp.abs(offsets) <= reach

"""Whether an exported model answers as the model does, on pictures of people."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, UInt8

from hourglass_jax import geometry
from hourglass_jax.data.crop import crop_picture
from hourglass_jax.data.figures import draw_figure
from hourglass_jax.decoding import decode
from hourglass_jax.inference.card import ModelCard
from hourglass_jax.inference.exported import Exported
from hourglass_jax.inference.forward import compiled_for_here, find_heatmaps
from hourglass_jax.models.hourglass import STRIDE, Variables

CROPS = 16
_SEED = 7
_NUDGE = 1e-4  # of the highest peak: a hundred times the rounding of float32
_TRIALS = 8
_SCORE_BOUND = 1e-3  # of the highest peak

_decode = jax.jit(decode, static_argnames=("decoder", "sigma_hm"))


def check_export(
    exported: Exported, card: ModelCard, variables: Variables, bound_px: float | None
) -> dict[str, Any]:
    """Compare a file's answers with its model's, on crops of synthetic people.

    Where a map has two highest cells, or its peak two neighbours of one height, the
    last bit decides between two answers that lie far apart. No two programs round
    alike, so only clear keypoints must agree: those that noise of 0.0001 of the
    highest peak does not move by more than the bound. All scores must.

    Args:
      exported: the file.
      card: of the model, with the arithmetic of the file.
      variables: of the model.
      bound_px: largest deviation of a clear keypoint, in crop pixels; None lets any
        pass.

    Returns:
      Counts and the largest deviations, ready for JSON.

    Raises:
      RuntimeError: a deviation is too large, or no keypoint is clear.
    """
    images = draw_crops(card.input_size, card.box_padding)
    heatmaps = np.asarray(
        compiled_for_here(find_heatmaps)(
            variables,
            images,
            card.network(),
            card.model.mean,
            card.skeleton.flip,
            exported.flip,
        )
    )
    expected, scores = _read(heatmaps, card)
    found, found_scores = exported.find(images)
    off = np.linalg.norm(found - expected, axis=-1)
    clear = _clear(heatmaps, expected, card, bound_px or 1.0)
    peak = float(np.abs(heatmaps).max())
    report = {
        "crops": len(images),
        "keypoints": off.size,
        "clear": int(clear.sum()),
        "mean_deviation_px": float(off[clear].mean()) if clear.any() else 0.0,
        "largest_deviation_px": _largest(off[clear]),
        "largest_deviation_of_others_px": _largest(off[~clear]),
        "largest_score_deviation": _largest(np.abs(found_scores - scores)),
        "bound_px": bound_px,
    }
    if bound_px is not None:
        _judge(report, bound_px, _SCORE_BOUND * peak)
    return report


def draw_crops(size: tuple[int, int], padding: float) -> UInt8[np.ndarray, "b h w 3"]:
    """Crops of `CROPS` synthetic people, always the same."""
    crops = []
    for index in range(CROPS):
        figure = draw_figure(_SEED, index)
        square = geometry.square_box(figure.box_img, padding)
        affine = geometry.crop_affine(*square, size)
        crops.append(crop_picture(figure.image, affine, size))
    return np.stack(crops)


def _read(heatmaps: np.ndarray, card: ModelCard) -> tuple[np.ndarray, np.ndarray]:
    keypoints_hm, scores = _decode(
        heatmaps, decoder=card.decoder, sigma_hm=card.sigma_hm
    )
    return geometry.crop_from_hm(np.asarray(keypoints_hm), STRIDE), np.asarray(scores)


def _clear(
    heatmaps: np.ndarray, expected: np.ndarray, card: ModelCard, bound_px: float
) -> Bool[np.ndarray, "b k"]:
    """Which keypoints stay where they are under a little noise."""
    rng = np.random.default_rng(_SEED)
    clear = np.ones(expected.shape[:2], bool)
    # Where all is 0, any noise at all shows that nothing is clear.
    nudge = max(_NUDGE * float(np.abs(heatmaps).max()), 1e-30)
    for _ in range(_TRIALS):
        noise = rng.uniform(-nudge, nudge, heatmaps.shape).astype(np.float32)
        moved, _ = _read(heatmaps + noise, card)
        clear &= np.linalg.norm(moved - expected, axis=-1) <= bound_px
    return clear


def _judge(report: dict[str, Any], bound_px: float, score_bound: float) -> None:
    if not report["clear"]:
        raise RuntimeError(
            "export: none of the model's heatmaps has a clear peak, so the file cannot "
            "be compared with it; is the model trained? The file was removed"
        )
    off, score_off = report["largest_deviation_px"], report["largest_score_deviation"]
    if not (off <= bound_px and score_off <= score_bound):
        raise RuntimeError(
            f"export: the file's keypoints deviate by up to {off:.3g} pixels and its "
            f"scores by {score_off:.3g}; allowed are {bound_px} and {score_bound:.3g}; "
            "the file was removed"
        )


def _largest(values: np.ndarray) -> float:
    return float(values.max(initial=0.0))

"""What is lost between a keypoint and the answer, with a network that errs nowhere."""

import itertools
from typing import get_args

import jax.numpy as jnp
import numpy as np

from hourglass_jax.config import Decoder
from hourglass_jax.decoding import decode
from hourglass_jax.heatmaps import render

CELLS = 64
KEYPOINTS = 2000
SIGMAS = (1.0, 1.75, 2.0, 3.0)
NOISES = (0.0, 0.02)
DECODERS = get_args(Decoder)
# x -> width - 1 - x, as everywhere.
MIRROR, EDGE = np.array([[-1, 1], [CELLS - 1, 0]], np.float32)
# A margin of three times the largest sigma: no heatmap is cut off.
PLACES = {"inside": (9.0, CELLS - 10.0), "corner": (-0.5, 2.5)}


def measure_decoders(seed: int) -> list[dict]:
    """Errors in cells, for every decoder, sigma, noise and place, flipped and not.

    Both heatmaps of a flipped pair have noise of their own, as a network's would.
    """
    rows = []
    for place, sigma, noise in itertools.product(PLACES, SIGMAS, NOISES):
        random = np.random.default_rng(seed)
        points = random.uniform(*PLACES[place], (KEYPOINTS, 2)).astype(np.float32)
        plain = _observe(points, sigma, noise, random)
        mirrored = points * MIRROR + EDGE
        turned = _observe(mirrored, sigma, noise, random)[:, ::-1]
        for flip, decoder in itertools.product((False, True), DECODERS):
            heatmaps = (plain + turned) / 2 if flip else plain
            found, _ = decode(heatmaps, decoder, sigma)
            rows.append(
                {
                    **{"decoder": decoder, "sigma": sigma, "flip": flip},
                    **{"noise": noise, "place": place},
                    **summarise(np.asarray(found, np.float64) - points),
                }
            )
    return rows


def summarise(errors: np.ndarray) -> dict:
    """Mean, median and greatest distance, and the mean error in x and in y."""
    distances = np.linalg.norm(errors, axis=-1)
    return {
        "mean": float(distances.mean()),
        "median": float(np.median(distances)),
        "max": float(distances.max()),
        "bias": errors.mean(axis=0).tolist(),
    }


def sweep_cell() -> dict:
    """Error in x where a keypoint moves from the middle of cell 31 to that of 33."""
    places = np.linspace(31, 33, 201).astype(np.float32)
    points = np.stack([places, np.full_like(places, 32.0)], axis=-1)
    heatmaps = render(jnp.asarray(points), 2.0, (CELLS, CELLS))
    errors = {
        decoder: np.asarray(decode(heatmaps, decoder, 2.0)[0])[:, 0] - places
        for decoder in DECODERS
    }
    return {"places": places, "errors": errors}


def _observe(
    points: np.ndarray, sigma: float, noise: float, random: np.random.Generator
) -> jnp.ndarray:
    heatmaps = render(jnp.asarray(points), sigma, (CELLS, CELLS))
    if not noise:
        return heatmaps
    return heatmaps + noise * random.standard_normal(heatmaps.shape, np.float32)

"""Our layers against XLA's own, forward and backward, in one interleaved run.

    python benchmarks/layers.py [OUT.json]

Both are compiled first, then timed in turns, so that whatever else the machine does
hurts both. A ratio is XLA's time over ours, the median of the rounds' ratios: above 1,
ours is faster, which the file calls the used one. Shapes are those of a network of
64 and one of 256 features. A convolution is timed by products of our own, which every
program can have, and by oneDNN, where it serves.
"""

import datetime
import json
import platform
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import jaxlib
from floor import ROUNDS, race

from hourglass_jax.diagnosis.machine import host
from hourglass_jax.models import convolution, layers, onednn, onednn_convolution

CONVOLUTIONS = {  # (b, h, w, c), side, output channels, stride, padding
    "conv 7x7 stem": ((16, 128, 128, 3), 7, 16, 2, 3),
    "conv 1x1 64 to 32": ((16, 32, 32, 64), 1, 32, 1, 0),
    "conv 3x3 32": ((16, 32, 32, 32), 3, 32, 1, 1),
    "conv 1x1 256 to 128": ((4, 64, 64, 256), 1, 128, 1, 0),
    "conv 3x3 128": ((4, 64, 64, 128), 3, 128, 1, 1),
}
MAPS = (16, 32, 32, 64)


def plain_conv(x: jax.Array, kernel: jax.Array, stride: int, padding: int) -> jax.Array:
    """Convolve as XLA does by itself."""
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        [(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def plain_upsample(x: jax.Array) -> jax.Array:
    """Repeat cells as most would write it."""
    b, h, w, c = x.shape
    return jax.image.resize(x, (b, 2 * h, 2 * w, c), "nearest")


def forward_and_backward(layer: Callable[..., jax.Array]) -> Callable[..., Any]:
    """Compile `layer` with the gradients of all its arguments."""

    def run(*arguments: jax.Array) -> Any:
        y, pull = jax.vjp(layer, *arguments)
        return y, pull(y)

    return jax.jit(run)


def compare(
    ours: Callable[..., jax.Array],
    plain: Callable[..., jax.Array],
    *arguments: jax.Array,
) -> dict[str, Any]:
    """Time the two in turns, forward and backward."""
    used, other = (
        partial(forward_and_backward(layer), *arguments) for layer in (ours, plain)
    )
    return race(used, other)


def measure() -> dict[str, dict[str, Any]]:
    """Compare every layer in both dtypes."""
    results = {}
    for dtype in (jnp.float32, jnp.bfloat16):
        draw = partial(jax.random.normal, jax.random.key(0), dtype=dtype)
        kind = jnp.dtype(dtype).name
        for name, (shape, side, out, stride, padding) in CONVOLUTIONS.items():
            ways = {"": convolution.conv}
            if onednn.serves(dtype):
                ways[", oneDNN"] = _by_onednn
            for way, conv in ways.items():
                results[f"{name} {kind}{way}"] = compare(
                    partial(conv, stride=stride, padding=padding),
                    partial(plain_conv, stride=stride, padding=padding),
                    draw(shape),
                    draw((side, side, shape[-1], out)),
                )
        pool = partial(nn.max_pool, window_shape=(2, 2), strides=(2, 2))
        results[f"max_pool {kind}"] = compare(layers.max_pool, pool, draw(MAPS))
        results[f"upsample {kind}"] = compare(
            layers.upsample, plain_upsample, draw(MAPS)
        )
    return results


def _by_onednn(x: jax.Array, kernel: jax.Array, stride: int, padding: int) -> jax.Array:
    return onednn_convolution.conv_by_onednn(x, kernel, None, None, stride, padding)


def main() -> None:
    """Print the table and, given a path, keep it as JSON."""
    results = measure()
    for name, figures in results.items():
        used, other, ratio = (
            figures[key]["median"] for key in ("used_ms", "other_ms", "ratio")
        )
        print(f"{name:40s} ours {used:8.3f} ms  XLA's {other:8.3f} ms  {ratio:.2f}")
    device = jax.devices()[0]
    report = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": f"{device.device_kind} ({platform.machine()})",
        **host(),
        "versions": {"jax": jax.__version__, "jaxlib": jaxlib.__version__},
        "rounds": ROUNDS,
        "forward_and_backward": results,
    }
    for path in sys.argv[1:]:
        Path(path).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""Convolutions and products by oneDNN, the library that XLA for CPU carries inside.

XLA keeps it for itself: these are calls of its own custom calls, in the form that the
versions in `TRIED` read. They cannot be exported, kept on disk or split over devices,
so a network has them only where somebody who knows that there is one CPU asks for them:
`use_onednn`.
"""

import json
import os
import platform
import sys
import warnings
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

if TYPE_CHECKING:
    from hourglass_jax.models.hourglass import StackedHourglass

VARIABLE = "HOURGLASS_ONEDNN"
"""Environment variable: `off` leaves everything to XLA."""
TRIED = ("0.10.2", "0.11.0", "0.11.1", "0.11.2", "0.12.0", "0.12.0.1")
"""Versions of jaxlib that were tried: one that reads another form ends the process."""
# What makes oneDNN's bfloat16 fast; without, it computes in float32 bit by bit.
_BFLOAT16 = {"amx_bf16", "avx512_bf16"}


def use_onednn(net: "StackedHourglass", platforms: list[str]) -> "StackedHourglass":
    """`net`, with `onednn` where it serves: for programs of one CPU, not for exports.

    Args:
      net: the network.
      platforms: of all devices that the program is compiled for.
    """
    chosen = platforms == ["cpu"] and serves(net.dtype)
    if chosen:
        # JAX tries to keep the program on disk, and says so when it cannot.
        message = "Error writing persistent compilation cache entry.*std::bad_alloc"
        warnings.filterwarnings("ignore", message)
    return net.clone(onednn=chosen)


def serves(dtype: DTypeLike) -> bool:
    """Whether oneDNN computes in `dtype` here, and the user has not said no."""
    if os.environ.get(VARIABLE, "").lower() in ("off", "0", "no", "false"):
        return False
    linux = sys.platform == "linux" and platform.machine() == "x86_64"
    if not linux or version("jaxlib") not in TRIED:
        return False
    if jnp.dtype(dtype) == jnp.bfloat16 and not _BFLOAT16 & _processor():
        return False
    return jnp.dtype(dtype) in (jnp.float32, jnp.bfloat16)


@cache
def _processor() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.split())


def convolve(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "kh kw c o"],
    bias: Float[Array, " o"] | None,
    add: Float[Array, "b hh ww o"] | None,
    stride: int,
    padding: int,
    *,
    relu: bool,
) -> Float[Array, "b hh ww o"]:
    """2-D convolution, plus what there is of bias and `add`, then ReLU, in one pass.

    `x`, `kernel` and `add` are all float32 or all bfloat16; sums are float32.
    """
    side = kernel.shape[0]
    height, width = ((n + 2 * padding - side) // stride + 1 for n in x.shape[1:3])
    maps = {"batch_dim": 0, "feature_dim": 3, "spatial_dims": [1, 2]}
    window = {
        "input_feature_dim": 2,
        "output_feature_dim": 3,
        "spatial_dims": [0, 1],
    }
    after = {"BIAS": bias is not None, "BINARY_ADD": add is not None, "RELU": relu}
    config = {
        "dims": 4,
        "input": {"dims": 4, "data": maps},
        "output": {"dims": 4, "data": maps},
        "kernel": {"dims": 4, "filter": window},
        "window": {
            "pad_left": [padding] * 2,
            "pad_right": [padding] * 2,
            "strides": [stride] * 2,
            "window_dilations": [1, 1],
        },
        "feature_groups": 1,
        "fusions": {"ops": [name for name, used in after.items() if used]},
    }
    result = jax.ShapeDtypeStruct((x.shape[0], height, width, kernel.shape[3]), x.dtype)
    operands = [a for a in (x, kernel, bias, add) if a is not None]
    return _call("convolution", {"onednn_conv_config": config}, result, *operands)


def multiply_turned(
    x: Float[Array, "n c"], y: Float[Array, "n o"]
) -> Float[Array, "c o"]:
    """`x.T @ y` in float32, without turning `x` in memory."""
    result = jax.ShapeDtypeStruct((x.shape[1], y.shape[1]), jnp.float32)
    config = {"onednn_matmul_config": {"transpose_a": True}}
    return _call("matmul", config, result, x, y)


def _call(
    name: str, config: dict[str, Any], result: jax.ShapeDtypeStruct, *operands: Array
) -> Array:
    call = jax.ffi.ffi_call(
        f"__onednn${name}",
        result,
        custom_call_api_version=2,
        legacy_backend_config=json.dumps(config),
    )
    return call(*operands)

"""How programs of many convolutions are compiled where XLA's own choice is slow."""

from functools import cache

import jax

# XLA gives YNNPACK convolutions, too, by default. Products and sums are faster there;
# a whole network's convolutions are not (docs/speed.md).
_CPU = {
    "xla_cpu_experimental_ynn_fusion_type": (
        "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"
    )
}


@cache
def compiler_options(platform: str) -> dict[str, str]:
    """What an outermost `jax.jit` for a platform takes as its `compiler_options`."""
    if platform != "cpu":
        return {}
    try:
        jax.jit(lambda x: x, compiler_options=_CPU).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:  # a version of XLA that has no such option
        return {}
    return _CPU

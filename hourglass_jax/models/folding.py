"""Batch normalisation folded into the convolution before it, for inference.

Outside training a normalisation is ``x * factor + offset`` with constants of its own.
Behind a convolution that nothing else reads, both belong to its kernel and its bias.
Behind a sum, as at the start of a pre-activation residual, they stay.

Which convolution feeds which normalisation is read from the traced program, not from
names: a network of another wiring is folded where that is right, and only there.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jax.extend.core import ClosedJaxpr, Jaxpr, Var

from hourglass_jax.models.hourglass import STRIDE, StackedHourglass, Variables
from hourglass_jax.models.layers import BatchNorm, Conv

Path = tuple[str, ...]

_CONV, _NORM = "said by ", "read by "  # marks in the traced program, before a path


def fold(net: StackedHourglass, variables: Variables) -> Variables:
    """Variables with which `net` answers the same with nothing left to normalise.

    Of every `BatchNorm` the statistics move into its scale and bias; these move into
    the `Conv` before it, if nothing else reads what that one says. Such a norm has no
    variables any more and does nothing. (Where the convolution has no bias, the norm
    keeps the offset.) Exact up to the rounding of float32, and for `train=False` only.
    Other layers are left as they are.

    Args:
      net: the network.
      variables: its `{"params": ..., "batch_stats": ...}`.

    Returns:
      A new tree; what is left in it has the same paths, shapes and types.
    """
    leaves = flax.traverse_util.flatten_dict(variables)
    epsilons, feeders = _trace(net, variables)
    for norm, epsilon in epsilons.items():
        _fold_norm(leaves, norm, feeders.get(norm), epsilon)
    return flax.traverse_util.unflatten_dict(leaves)


def narrow_kernels(net: StackedHourglass, variables: Variables) -> Variables:
    """Keep kernels in the type that `net` computes in, rather than cast them each time.

    The numbers that it computes with are the same.

    Args:
      net: the network.
      variables: `{"params": ..., "batch_stats": ...}`.

    Returns:
      A new tree, with kernels in `net.dtype`.
    """

    def cast(path: tuple[Any, ...], leaf: Any) -> Any:
        return jnp.asarray(leaf, net.dtype) if path[-1].key == "kernel" else leaf

    return dict(jax.tree_util.tree_map_with_path(cast, variables))


def _fold_norm(
    leaves: dict[Path, Any], norm: Path, conv: Path | None, epsilon: float
) -> None:
    scale, bias = (("params", *norm, name) for name in ("scale", "bias"))
    mean, var = (("batch_stats", *norm, name) for name in ("mean", "var"))
    factor = leaves[scale] * jax.lax.rsqrt(leaves[var] + epsilon)
    offset = leaves[bias] - leaves[mean] * factor
    if conv is not None:
        kernel, conv_bias = (("params", *conv, name) for name in ("kernel", "bias"))
        # Any axis in front counts the stacks of a scan.
        leaves[kernel] = leaves[kernel] * factor[..., None, None, None, :]
        if conv_bias in leaves:
            leaves[conv_bias] = leaves[conv_bias] * factor + offset
            for gone in (scale, bias, mean, var):
                del leaves[gone]
            return
        factor = jnp.ones_like(factor)
    leaves[scale], leaves[bias] = factor, offset
    leaves[mean] = jnp.zeros_like(factor)
    leaves[var] = jnp.full_like(factor, 1 - epsilon)


@contextmanager
def fuse_relu() -> Iterator[None]:
    """Let oneDNN's convolutions apply the ReLU of a folded norm behind them.

    The numbers stay; one pass over the maps is saved. What a convolution says without
    ReLU is then read by nobody, and the compiler leaves it out.
    """
    said: tuple[Any, Any, Any] = (None, None, None)

    def fuse(call: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
        nonlocal said
        module = context.module
        if context.method_name == "__call__":
            if isinstance(module, BatchNorm) and module.relu and module.is_folded():
                y, conv, x = said
                if args[0] is y:
                    return conv(x, relu=True)
            if isinstance(module, Conv) and module.onednn and not kwargs:
                said = call(*args), module, args[0]
                return said[0]
        return call(*args, **kwargs)

    with nn.intercept_methods(fuse):
        yield


def _trace(
    net: StackedHourglass, variables: Variables
) -> tuple[dict[Path, float], dict[Path, Path]]:
    """Every `BatchNorm`'s epsilon, and the convolution of each that can be folded."""
    epsilons: dict[Path, float] = {}

    def mark(call: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
        module = context.module
        path = "/".join(module.path)
        if context.method_name == "__call__" and isinstance(module, Conv):
            y = call(*args, **kwargs)
            # What is added would be scaled, too.
            return y if kwargs else checkpoint_name(y, _CONV + path)
        if context.method_name == "__call__" and isinstance(module, BatchNorm):
            epsilons[module.path] = module.epsilon
            return call(checkpoint_name(args[0], _NORM + path), **kwargs)
        return call(*args, **kwargs)

    side = STRIDE * 2**net.depth
    images = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
    with nn.intercept_methods(mark):
        # In a scan, unlike in a loop, layers have the paths of their variables.
        apply = partial(net.clone(scan=True).apply, train=False)
        program = jax.make_jaxpr(apply)(variables, images)
    return epsilons, _find_feeders(program.jaxpr)


def _find_feeders(program: Jaxpr) -> dict[Path, Path]:
    """For each norm that reads one convolution, which nothing else reads: which one.

    A layer may be called more than once: all of its calls must agree.
    """
    readers, feeders = defaultdict(set), defaultdict(set)
    for conv, norm in _edges(program):
        readers[conv].add(norm)
        feeders[norm].add(conv)
    pairs = ((conv, norm) for norm in feeders for conv in feeders[norm])
    return {
        tuple(norm.split("/")): tuple(conv.split("/"))
        for conv, norm in pairs
        if conv and norm and readers[conv] == {norm} and feeders[norm] == {conv}
    }


def _edges(program: Jaxpr) -> Iterator[tuple[str, str]]:
    """Who says and who reads: a convolution and a norm; anything else is ""."""
    said: dict[Any, str] = {}
    for equation in program.eqns:
        for inner in _inner_programs(equation.params):
            yield from _edges(inner)
        mark = equation.params["name"] if equation.primitive.name == "name" else ""
        norm = mark.removeprefix(_NORM) if mark.startswith(_NORM) else ""
        for variable in equation.invars:
            conv = said.get(variable, "") if isinstance(variable, Var) else ""
            if conv or norm:
                yield conv, norm
        if mark.startswith(_CONV):
            said[equation.outvars[0]] = mark.removeprefix(_CONV)
    for variable in program.outvars:
        if isinstance(variable, Var) and variable in said:
            yield said[variable], ""


def _inner_programs(params: dict[str, Any]) -> Iterator[Jaxpr]:
    for value in jax.tree.leaves(list(params.values())):
        if isinstance(value, ClosedJaxpr):
            yield value.jaxpr
        elif isinstance(value, Jaxpr):
            yield value

"""Stacks one after the other: as a scan that compiles one of them, or written out."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hourglass_jax.models.parts import Maps
from hourglass_jax.models.variables import Variables

AllHeatmaps = Float[Array, "s m b h w k"]
Stack = partial[Any]
"""Makes a stack: a module that takes maps and returns such maps and heatmaps."""


def repeat_stack(
    net: nn.Module, stack: Stack, count: int, x: Maps, *, scan: bool, remat: bool
) -> tuple[Maps, AllHeatmaps]:
    """Run `count` stacks; their variables share a leading axis under the name "stacks".

    Args:
        net: the module that is being called, which owns the variables.
        stack: makes one of them.
        count: how many, at least 1.
        x: what the first one sees.
        scan: loop over one compiled stack.
        remat: recompute each stack in the backward pass.
    """
    # On CPU products inside a while loop are far slower.
    unroll = jax.default_backend() == "cpu"
    cell: Any = stack.func
    if remat:
        cell = nn.remat(cell, prevent_cse=unroll or not scan)
    if not scan and not net.is_initializing():
        return _loop(net, cell(**stack.keywords, parent=None), count, x)
    stacks = nn.scan(
        cell,
        variable_axes={"params": 0, "batch_stats": 0},
        split_rngs={"params": True},
        length=count,
        unroll=unroll,
    )
    return stacks(**stack.keywords, name="stacks")(x)


def _loop(
    net: nn.Module, stack: nn.Module, count: int, x: Maps
) -> tuple[Maps, AllHeatmaps]:
    """Do what the scan does, on its variables, one stack after another."""
    collections = [
        c for c in ("params", "batch_stats") if net.has_variable(c, "stacks")
    ]
    every: Variables = {c: net.get_variable(c, "stacks") for c in collections}
    mutable = [c for c in every if net.is_mutable_collection(c)]
    heatmaps, updates = [], []
    for i in range(count):
        own = jax.tree.map(lambda leaf, i=i: leaf[i], every)
        (x, maps), update = stack.apply(own, x, mutable=mutable)
        heatmaps.append(maps)
        updates.append(update)
    for name, value in jax.tree.map(lambda *a: jnp.stack(a), *updates).items():
        net.put_variable(name, "stacks", value)
    return x, jnp.stack(heatmaps)

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
    unroll = _unrolls()
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


def part_stacks(variables: Variables) -> Variables:
    """Where stacks are written out, arrays of its own for each; else no change.

    For programs that only read them: a part of a larger array would be copied before
    it is read. Together again they are by `join_stacks`, within the program.
    """
    if not _unrolls():
        return variables
    return {name: _part(tree) for name, tree in variables.items()}


def join_stacks(variables: Variables) -> Variables:
    """What was given to `part_stacks`; the compiler reads the parts as they lie."""
    return {name: _join(tree) for name, tree in variables.items()}


def _part(tree: Variables) -> Variables:
    if "stacks" not in tree:
        return tree
    whole = jax.device_get(tree["stacks"])  # whose parts are free
    count = len(jax.tree.leaves(whole)[0])
    parts = [jax.tree.map(lambda leaf, i=i: leaf[i], whole) for i in range(count)]
    return tree | {"stacks": parts}


def _join(tree: Variables) -> Variables:
    parts = tree.get("stacks")
    if not isinstance(parts, list):
        return tree
    return tree | {"stacks": jax.tree.map(lambda *a: jnp.stack(a), *parts)}


def _unrolls() -> bool:
    """On CPU: products inside a while loop are far slower there."""
    return jax.default_backend() == "cpu"


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

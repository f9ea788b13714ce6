"""The numbers of a network: drawn from a key."""

import math
from functools import partial
from typing import Any, cast

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array

Variables = dict[str, Any]


def variable_shapes(net: nn.Module, side: int) -> Variables:
    """Shapes and types of `params` and `batch_stats`, by images of `side` pixels.

    Without BatchNorm there are no statistics: an empty collection.
    """
    images = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
    draw = partial(net.init, train=False)
    shapes = jax.eval_shape(draw, jax.random.key(0), images)
    return {"batch_stats": {}} | cast(Variables, shapes)


def draw_variables(net: nn.Module, key: Array, side: int) -> Variables:
    """Draw what `net.init` draws for square images of `side` pixels, in one go."""
    shapes = variable_shapes(net, side)
    leaves = flax.traverse_util.flatten_dict(shapes)
    count = sum(leaf.size for leaf in leaves.values())
    numbers = jax.device_get(jax.random.uniform(key, (count,), minval=-1, maxval=1))
    constants = {"scale": 1, "bias": 0, "mean": 0, "var": 1}
    for path, leaf in leaves.items():
        kernel = leaves.get((*path[:-1], "kernel"))
        if kernel is None:
            leaves[path] = jnp.full(leaf.shape, constants[path[-1]], leaf.dtype)
        else:
            drawn, numbers = numbers[: leaf.size], numbers[leaf.size :]
            bound = math.prod(kernel.shape[-4:-1]) ** -0.5
            leaves[path] = jnp.asarray(bound * drawn.reshape(leaf.shape))
    return {name: {} for name in shapes} | flax.traverse_util.unflatten_dict(leaves)

"""Sizes of networks, counted from their abstract programs."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest


@cache
def variable_shapes(net):
    side = 4 * 2**net.depth
    images = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
    return jax.eval_shape(partial(net.init, train=False), jax.random.key(0), images)


def count_parameters(net):
    return sum(leaf.size for leaf in jax.tree.leaves(variable_shapes(net)["params"]))


def count_multiply_adds(net, images, **options):
    """Those of convolutions and matrix products, for arrays like `images`."""
    variables = jax.eval_shape(partial(net.init, **options), jax.random.key(0), images)
    program = jax.make_jaxpr(partial(net.apply, **options))(variables, images)
    return _of_program(program.jaxpr)


def _of_program(jaxpr):
    total = 0
    for step in jaxpr.eqns:
        name = step.primitive.name
        if name == "conv_general_dilated":
            kernel = step.invars[1].aval
            channels = step.params["dimension_numbers"].rhs_spec[0]
            total += step.outvars[0].aval.size * kernel.size // kernel.shape[channels]
        elif name == "dot_general":
            axes = step.params["dimension_numbers"][0][0]
            total += step.outvars[0].aval.size * int(
                np.prod([step.invars[0].aval.shape[i] for i in axes])
            )
        elif name == "cond":
            # A branch for each platform; CPU's pads kernels of strided convolutions.
            total += min(_of_program(b.jaxpr) for b in step.params["branches"])
        else:
            inner = [getattr(p, "jaxpr", p) for p in step.params.values()]
            once = sum(_of_program(p) for p in inner if hasattr(p, "eqns"))
            total += once * step.params.get("length", 1)
    return total


@pytest.fixture(scope="session")
def parameters():
    """How many parameters a network has."""
    return count_parameters


@pytest.fixture(scope="session")
def multiply_adds_of():
    """How many multiply-adds a module takes: (module, array, its options)."""
    return count_multiply_adds


@pytest.fixture(scope="session")
def shapes():
    """Abstract variables of a network."""
    return variable_shapes

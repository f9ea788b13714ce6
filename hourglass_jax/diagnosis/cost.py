"""What a network costs, counted from its own program: multiply-adds and bytes.

Nothing is computed and no name of a layer is known here: the network is traced, so the
figures hold for every variant.
"""

import dataclasses
import functools
import math
from collections import Counter
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.extend import core

from hourglass_jax.config import Config
from hourglass_jax.models import StackedHourglass
from hourglass_jax.training.optim import make_optimiser
from hourglass_jax.training.state import make_network

Path = tuple[str, ...]
"""Where in a network: the names of its modules, from the outside in."""


@functools.cache  # tracing an 8-stack network takes seconds
def variable_shapes(net: nn.Module, size: tuple[int, int]) -> dict[str, Any]:
    """Shapes and types of a network's variables, for images of ``size = (h, w)``."""
    draw = functools.partial(net.init, train=False)
    return cast(dict[str, Any], jax.eval_shape(draw, jax.random.key(0), _images(size)))


def count_parameters(variables: dict[str, Any]) -> Counter[Path]:
    """How many numbers are learnt at each place; equal stacks share their places."""
    total: Counter[Path] = Counter()
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables["params"]):
        total[tuple(key.key for key in path[:-1])] += math.prod(leaf.shape)
    return total


@functools.cache
def count_products(net: nn.Module, size: tuple[int, int]) -> Counter[Path]:
    """Multiply-adds of one image at each place of a network, without training.

    Convolutions and matrix products count, as in the tables of the field; sums,
    normalisation and pooling do not. A convolution counts as the plain one, however a
    platform computes it.
    """
    apply = functools.partial(net.apply, train=False)
    traced = jax.make_jaxpr(apply)(variable_shapes(net, size), _images(size))
    total: Counter[Path] = Counter()
    for scopes, number in reversed(_count(traced.jaxpr, ()).items()):
        total[_modules(scopes)] += number
    return total


def _images(size: tuple[int, int]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((1, *size, 3), jnp.float32)


def _count(jaxpr: core.Jaxpr, outer: Path) -> Counter[Path]:
    """By scope, last first: backwards, as tracing leaves things that nothing needs."""
    total: Counter[Path] = Counter()
    needed = {id(v) for v in jaxpr.outvars}
    for equation in reversed(jaxpr.eqns):
        if needed.isdisjoint(map(id, equation.outvars)):
            continue
        needed.update(map(id, equation.invars))
        total += _count_equation(equation, outer)
    return total


def _count_equation(equation: core.JaxprEqn, outer: Path) -> Counter[Path]:
    where = (*outer, *filter(None, str(equation.source_info.name_stack).split("/")))
    products = _products(equation)
    if products:
        return Counter({where: products})
    inner = [_count(each, where) for each in core.jaxprs_in_params(equation.params)]
    if equation.primitive.name == "cond":
        # Ways for several platforms; the least is the plain convolution.
        return min(inner, key=lambda counter: counter.total())
    repeated = equation.params.get("length", 1)
    summed = sum(inner, Counter[Path]())
    return Counter({path: repeated * count for path, count in summed.items()})


def _products(equation: core.JaxprEqn) -> int:
    """Multiply-adds of a convolution or product; 0 of anything else."""
    if equation.primitive.name not in ("conv_general_dilated", "dot_general"):
        return 0
    result = math.prod(_shape(equation.outvars[0]))
    left, right = map(_shape, equation.invars[:2])
    if equation.primitive.name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        return result * math.prod(left[axis] for axis in contracted)
    output_axis = equation.params["dimension_numbers"].rhs_spec[0]
    gaps = math.prod(equation.params["lhs_dilation"])
    return result * math.prod(right) // right[output_axis] // gaps


def _shape(variable: Any) -> tuple[int, ...]:
    return tuple(variable.aval.shape)


def _modules(scopes: Path) -> Path:
    """The modules' names in Flax's scopes, without the outermost one's.

    A scope is a name, or name.method; a method that its own module calls is no place.
    """
    path: list[str] = []
    before = ""
    for scope in scopes:
        name, _, method = scope.partition(".")
        if not (method and name == before):
            path.append(name)
        before = scope
    return tuple(path[1:])


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingCost:
    """What a step of a training asks for; bytes are those of each device.

    Attributes:
      products: multiply-adds a step, over all devices: three times those of the
        forward pass, as each of its products has two in the backward pass; four times
        with recomputation.
      devices: how many share the batch.
      parameters: parameters and statistics. Exact, like the next three.
      optimiser: what the optimiser remembers.
      average: the moving average of the parameters and statistics, if there is one.
      gradients: as large as the parameters.
      activations: what the backward pass needs of the forward pass: an estimate.
    """

    products: int
    devices: int
    parameters: int
    optimiser: int
    average: int
    gradients: int
    activations: int

    @property
    def total(self) -> int:
        """All bytes of a device, but for XLA's scratch memory."""
        state = self.parameters + self.optimiser + self.average
        return state + self.gradients + self.activations


def training_cost(config: Config, keypoints: int, devices: int) -> TrainingCost:
    """Count what a config's training step costs, on each of ``devices`` devices.

    Activations are the arrays that reverse mode keeps from the forward to the backward
    pass (the residuals of `jax.vjp`), of this device's share of what is learnt from at
    once. Where stacks are recomputed, one's are added, which are back while its
    gradient is made. XLA keeps fewer where it fuses, and needs scratch besides: a test
    holds the compiled step's temporary memory to within a factor of 1.5 of the estimate
    and the gradients.
    """
    net = make_network(config, keypoints)
    side = config.data.input_size
    variables = variable_shapes(net, (side, side))
    optimiser = make_optimiser(config.optim, config.train.steps)
    memory = jax.eval_shape(optimiser.init, variables["params"])
    forward = count_products(net, (side, side)).total()
    passes = 3 if config.model.remat == "none" else 4
    return TrainingCost(
        products=passes * forward * config.train.batch_size,
        devices=devices,
        parameters=_bytes(variables),
        optimiser=_bytes(memory),
        average=_bytes(variables) if config.optim.ema else 0,
        gradients=_bytes(variables["params"]),
        activations=_activations(config, net, variables, devices),
    )


IN_FLIGHT = 3
"""Gradients there at once: of a map, of what its ReLU got, of what it was made from."""


def _activations(
    config: Config, net: StackedHourglass, variables: dict[str, Any], devices: int
) -> int:
    """Bytes on a device; pictures split over `mesh.space` take a part of each map."""
    batch = config.train.batch_size * config.mesh.space
    people = max(1, batch // (devices * config.train.accumulate))
    shape = (people, config.data.input_size, config.data.input_size, 3)
    images = jax.ShapeDtypeStruct(shape, jnp.float32)
    all_maps = _kept(net.clone(remat="none"), variables, images)
    remat = config.model.remat
    needed = _bytes(all_maps if remat == "none" else _kept(net, variables, images))
    if remat == "stack":
        needed += _bytes(all_maps) // net.stacks
    # Stacks in a loop keep theirs in one array.
    largest = max(_bytes(each) // math.prod(each.shape[:-4]) for each in all_maps)
    return (needed + IN_FLIGHT * largest) // config.mesh.space


def _kept(
    net: StackedHourglass, variables: dict[str, Any], images: jax.ShapeDtypeStruct
) -> list[jax.ShapeDtypeStruct]:
    """What differentiating keeps, each array once, without the parameters."""

    def residuals(variables: dict[str, Any], images: jax.Array) -> list[jax.Array]:
        rest = dict(variables)
        params = rest.pop("params")

        def forward(params: Any) -> Any:
            given = {"params": params, **rest}
            return net.apply(given, images, train=True, mutable=["batch_stats"])[0]

        _, pull_back = jax.vjp(forward, params)
        own = {id(leaf) for leaf in jax.tree.leaves(params)}
        leaves = {id(leaf): leaf for leaf in jax.tree.leaves(pull_back)}
        return [leaf for key, leaf in leaves.items() if key not in own]

    return jax.eval_shape(residuals, variables, images)


def _bytes(tree: Any) -> int:
    leaves = jax.tree.leaves(tree)
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves)

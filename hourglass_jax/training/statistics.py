"""BatchNorm statistics of a given network, measured anew instead of averaged along.

Running averages belong to parameters that have moved on since; with few people a
device or a high learning rate they can be far off, and accuracy collapses in
evaluation alone. Here all parameters stay, and the mean and variance of what enters
each layer are taken over many training batches together (Wu and Johnson 2021,
arXiv:2105.07576, section 3).
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any

import flax
import flax.linen as nn
import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding

from hourglass_jax.config import Config
from hourglass_jax.models.hourglass import StackedHourglass, normalise
from hourglass_jax.models.layers import BatchNorm
from hourglass_jax.training.sharding import put_batch, replicated
from hourglass_jax.training.state import Variables

Path = tuple[str, ...]


def precise_statistics(
    variables: Variables,
    batches: Iterable[Mapping[str, np.ndarray]],
    net: StackedHourglass,
    config: Config,
    mesh: Mesh,
) -> Variables:
    """The same parameters with the statistics of all ``batches`` together.

    The network runs as in training, each whole batch normalised by its own statistics;
    mean and unbiased variance are those of everything that entered a layer.

    Args:
      variables: parameters and statistics; without statistics they come back as is.
      batches: training batches, at least one; this process's rows of each.
      net: the network.
      config: the mean that is subtracted.
      mesh: where ``variables`` lie.
    """
    if not variables["batch_stats"]:  # other kinds of normalisation keep none
        return variables
    run = partial(_run, net=net, mean=config.model.mean)
    measure = _compiled(net, config.model.mean, replicated(mesh))
    # Blended with zeros, a batch's statistics are what the layers leave behind.
    zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), variables["batch_stats"])
    blank = variables | {"batch_stats": zeros}
    found: list[dict[Path, np.ndarray]] = []
    counts: dict[Path, int] = {}
    for batch in batches:
        images = put_batch({"image": batch["image"]}, mesh)["image"]
        counts = counts or _count_values(run, blank, images)
        left = flax.traverse_util.flatten_dict(jax.device_get(measure(blank, images)))
        found.append({path: _unblended(value) for path, value in left.items()})
    pooled: dict[Path, np.ndarray] = {}
    for path, count in counts.items():
        means, variances = ([f[*path, name] for f in found] for name in ("mean", "var"))
        mean, variance = pool(np.stack(means), np.stack(variances), count)
        pooled[*path, "mean"], pooled[*path, "var"] = mean, variance
    statistics = flax.traverse_util.unflatten_dict(
        {path: value.astype(np.float32) for path, value in pooled.items()}
    )
    return variables | {"batch_stats": jax.device_put(statistics, replicated(mesh))}


def pool(
    means: np.ndarray, variances: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and unbiased variance of several samples together, float64.

    Args:
      means: one a sample, stacked along the first axis.
      variances: unbiased, likewise.
      count: how many values each sample has.
    """
    mean = means.mean(axis=0)
    squares = (count - 1) * variances + count * np.square(means - mean)
    return mean, squares.sum(axis=0) / max(count * len(means) - 1, 1)


@cache
def _compiled(
    net: StackedHourglass, mean: tuple[float, float, float], place: NamedSharding
) -> Callable[..., Variables]:
    """`_run`, traced once for all the evaluations of a training."""
    return jax.jit(partial(_run, net=net, mean=mean), out_shardings=place)


def _run(
    variables: Variables,
    images: jax.Array,
    net: StackedHourglass,
    mean: tuple[float, float, float],
) -> Variables:
    """The running statistics after a batch."""
    _, updates = net.apply(
        variables, normalise(images, mean), train=True, mutable=["batch_stats"]
    )
    return updates["batch_stats"]


def _unblended(running: np.ndarray) -> np.ndarray:
    return running.astype(np.float64) / np.float32(1 - BatchNorm.momentum)


def _count_values(
    run: Callable[..., Variables], variables: Variables, images: jax.Array
) -> dict[Path, int]:
    """How many values of a channel each BatchNorm layer sees, by the layer's path."""
    counts = {}

    def note(call: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
        if isinstance(context.module, BatchNorm) and context.method_name == "__call__":
            counts[context.module.path] = args[0].size // args[0].shape[-1]
        return call(*args, **kwargs)

    with nn.intercept_methods(note):
        jax.eval_shape(run, variables, images)
    return counts

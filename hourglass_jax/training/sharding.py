"""Where arrays live: parameters on every device, the batch split over all of them."""

from collections.abc import Mapping

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec


def make_mesh() -> Mesh:
    """All devices of all processes, on one axis called ``data``."""
    # Auto axes: XLA chooses how to split inside the step. Explicit ones, the default of
    # jax.make_mesh, do not accept convolution kernels.
    return jax.make_mesh((jax.device_count(),), ("data",), (AxisType.Auto,))


def replicated(mesh: Mesh) -> NamedSharding:
    """The same array on every device."""
    return NamedSharding(mesh, PartitionSpec())


def split_batch(mesh: Mesh) -> NamedSharding:
    """The first axis split over the devices."""
    return NamedSharding(mesh, PartitionSpec("data"))


def put_batch(batch: Mapping[str, np.ndarray], mesh: Mesh) -> dict[str, jax.Array]:
    """This process's share of a batch becomes part of the global arrays."""
    sharding = split_batch(mesh)
    return {
        name: jax.make_array_from_process_local_data(sharding, array)
        for name, array in batch.items()
    }

"""Where arrays live: parameters on every device, the batch split over all of them.

The devices form a mesh of two axes. ``data`` splits the people of a batch, ``space``
the height of their pictures; what convolutions need of the neighbouring part is
exchanged by XLA.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from hourglass_jax.config import Config
from hourglass_jax.errors import InputError

BATCH_SPECS = {
    "image": PartitionSpec("data", "space"),
    "keypoints_crop": PartitionSpec("data"),
    "visibility": PartitionSpec("data"),
}
"""How the arrays of a training batch are split."""


def make_mesh(config: Config, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """The devices as ``config.mesh`` arranges them, on axes ``data`` and ``space``.

    They are ordered by process: each holds the rows of a batch that `data.pipeline`
    deals out to it, and no picture is split between processes.

    Args:
      config: its mesh, and the batch and pictures to be split.
      devices: all devices of all processes by default.

    Raises:
      InputError: the devices do not fit the mesh, or the batch does not.
    """
    found = jax.devices() if devices is None else devices
    ordered = sorted(found, key=lambda device: (device.process_index, device.id))
    space = config.mesh.space
    _check_devices(config, Counter(device.process_index for device in ordered))
    grid = np.array(ordered).reshape(-1, space)
    _check_batch(config, len(grid))
    # Auto axes: XLA chooses how to split inside the step. Explicit ones do not accept
    # convolution kernels.
    return Mesh(grid, ("data", "space"), (AxisType.Auto, AxisType.Auto))


def _check_devices(config: Config, counts: Counter[int]) -> None:
    data, space = config.mesh.data, config.mesh.space
    total = counts.total()
    if any(count % space for count in counts.values()):
        raise InputError(
            f"config: mesh.space is {space}; expected a divisor of the "
            f"{min(counts.values())} devices of a process"
        )
    if data not in (0, total // space):
        raise InputError(
            f"config: mesh.data x mesh.space is {data} x {space}; expected the number "
            f"of devices, {total}, or mesh.data 0 for as many as there are"
        )


def _check_batch(config: Config, data: int) -> None:
    batch, parts = config.train.batch_size, config.train.accumulate
    if batch % (data * parts):
        raise InputError(
            f"config: train.batch_size is {batch}; expected a multiple of "
            f"{data * parts}, the parts of the mesh ({data}) times train.accumulate "
            f"({parts})"
        )
    side, space = config.data.input_size, config.mesh.space
    if side % space:
        raise InputError(
            f"config: mesh.space is {space}; expected a divisor of data.input_size, "
            f"{side}"
        )


def replicated(mesh: Mesh) -> NamedSharding:
    """The same array on every device."""
    return NamedSharding(mesh, PartitionSpec())


def split_batch(mesh: Mesh) -> dict[str, NamedSharding]:
    """A training batch split over the devices, by array."""
    return {name: NamedSharding(mesh, spec) for name, spec in BATCH_SPECS.items()}


def put_batch(batch: Mapping[str, np.ndarray], mesh: Mesh) -> dict[str, jax.Array]:
    """This process's rows of a training batch become part of the global arrays.

    Also takes a part of one, such as the pictures alone.
    """
    shardings = split_batch(mesh)
    return {
        name: jax.make_array_from_process_local_data(shardings[name], array)
        for name, array in batch.items()
    }

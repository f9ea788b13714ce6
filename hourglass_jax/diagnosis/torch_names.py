"""Our variables under the names and in the axes of `torch_network`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from flax import traverse_util

_NAMES = {
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}


def flatten(variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Variables of `StackedHourglass` as a flat table for `torch_network`.

    Kernels go from (h, w, in, out) to (out, in, h, w); what all stacks but the last
    hold along a leading axis gets an entry for each.
    """
    table: dict[str, np.ndarray] = {}
    for collection in variables.values():
        for path, leaf in traverse_util.flatten_dict(collection).items():
            array = np.asarray(leaf, np.float32)
            if path[0] != "stacks":
                table[_name(path)] = _turn(array)
                continue
            for i, each in enumerate(array):
                table[_name(("stacks", str(i), *path[1:]))] = _turn(each)
    return table


def _name(path: tuple[str, ...]) -> str:
    return ".".join([*path[:-1], _NAMES[path[-1]]])


def _turn(array: np.ndarray) -> np.ndarray:
    turned = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
    return np.ascontiguousarray(turned)

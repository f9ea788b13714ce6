"""What may stand in an hourglass's place: one module a trunk.

A module `trunks/NAME.py` ends with `TRUNK = ItsClass`; NAME, added to the choices of
`ModelConfig.trunk`, is all that `--model.trunk NAME` needs.
"""

import importlib
import math
import pkgutil
from typing import cast

import flax.linen as nn

from hourglass_jax.models.parts import Features, Level, Maps, Parts


class Trunk(nn.Module):
    """Features in, features of the same shape out, by way of `depth` lower levels.

    A subclass writes `pyramid`.

    Attributes:
        depth: times the input is halved; 2^depth must divide its h and w.
        parts: the layers to build with, and their width.
    """

    depth: int
    parts: Parts

    def pyramid(self, x: Maps, levels: int = 1) -> tuple[Level, ...]:
        """Return features of `x`'s shape, then those of lower levels, each halved.

        They are at least `levels`, 1 to depth + 1; a trunk computes no more for it.
        """
        raise NotImplementedError

    def __call__(self, x: Maps) -> Features:
        """Return the finest level."""
        return self.pyramid(x)[0]


def find_trunk(name: str) -> type[Trunk]:
    """The class of the module `name` in this package; ValueError if there is none."""
    known = [module.name for module in pkgutil.iter_modules(__path__)]
    if name not in known:
        raise ValueError(f"trunk: {name!r}; expected one of {', '.join(known)}")
    return cast(type[Trunk], importlib.import_module(f"{__name__}.{name}").TRUNK)


def cells(depth: int) -> float:
    """Cells of the levels 0 to `depth` together, for one cell of the finest."""
    return (4 - 4**-depth) / 3


def hourglass_cost(depth: int, parts: Parts) -> float:
    """Multiply-adds of an hourglass for one cell of its input.

    A residual of f channels takes 3.25 f^2 a cell: two 1x1 from or to f / 2, and a 3x3.
    The finest level has one row of residuals, every lower level three.
    """
    return residual_cost(parts) * (1 + 3 * (cells(depth) - 1))


def residual_cost(parts: Parts) -> float:
    """Multiply-adds of one row of residual blocks for one cell."""
    return 3.25 * parts.blocks * parts.features**2


def matched_width(parts: Parts, cost: float, square: float, linear: float) -> int:
    """The width w at which `square` w^2 + `linear` w multiply-adds are `cost`.

    Rounded to a multiple of features / 64, which suits matrix units.
    """
    if square:
        width = (math.sqrt(linear**2 + 4 * square * cost) - linear) / (2 * square)
    else:
        width = cost / linear
    step = max(parts.features // 64, 1)
    return max(round(width / step), 1) * step

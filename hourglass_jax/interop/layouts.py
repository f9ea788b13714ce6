"""Other ports' names for the parts of a network, as tables read in both directions.

A table is a list of `Row`, one a convolution or normalisation: its name in the port's
state dict and its place in our tree. From the rows and the shapes of our tree follow
all `Entry`, one a tensor, with the shape it has over there.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from flax.traverse_util import flatten_dict

from hourglass_jax.config import Decoder, ModelConfig
from hourglass_jax.errors import InputError
from hourglass_jax.interop.names import shorten
from hourglass_jax.models.hourglass import Variables

Path = tuple[str, ...]
Shape = tuple[int, ...]
Mean = tuple[float, float, float]


class Row(NamedTuple):
    """One convolution or normalisation.

    Attributes:
      kind: what it is, and so which tensors it has.
      theirs: its name in the state dict, without the tensor's own.
      ours: its place in our tree, such as ``last/hourglass/skip/block1/conv1``; None
        where the port stores it and never uses it.
      stack: which slice of the tree's leading axis is meant, under ``stacks``.
      shape: of its weight, where it has no place in our tree.
      bias: the same for its bias.
    """

    kind: Literal["conv", "norm"]
    theirs: str
    ours: str | None
    stack: int | None = None
    shape: Shape = ()
    bias: bool = True


class Entry(NamedTuple):
    """One tensor: its name and shape in the state dict, and where it goes."""

    name: str
    shape: Shape
    ours: Path | None
    stack: int | None


def conv(theirs: str, ours: str) -> Row:
    """A convolution."""
    return Row("conv", theirs, ours)


def norm(theirs: str, ours: str) -> Row:
    """A batch normalisation."""
    return Row("norm", theirs, ours)


def unused_conv(theirs: str, shape: Shape, *, bias: bool) -> Row:
    """A convolution that the port stores and never uses."""
    return Row("conv", theirs, None, shape=shape, bias=bias)


def unused_norm(theirs: str, channels: int) -> Row:
    """A normalisation that the port stores and never uses."""
    return Row("norm", theirs, None, shape=(channels,))


def under(theirs: str, ours: str, rows: Iterable[Row]) -> Iterator[Row]:
    """Rows of a part, named from outside of it."""
    for row in rows:
        place = None if row.ours is None else f"{ours}/{row.ours}"
        yield row._replace(theirs=f"{theirs}.{row.theirs}", ours=place)


def in_stack(index: int, stacks: int, rows: Iterable[Row]) -> Iterator[Row]:
    """Rows of one stack; all but the last share arrays with a leading axis."""
    for row in rows:
        if row.ours is None:
            yield row
        elif index == stacks - 1:
            yield row._replace(ours=f"last/{row.ours}")
        else:
            yield row._replace(ours=f"stacks/{row.ours}", stack=index)


class Structure(NamedTuple):
    """What the shapes in a state dict say of the network.

    Attributes:
      model: the network, without the mean of its input.
      keypoints: the number of heatmaps.
      head: which of a port's heads the heatmaps are, where it has several.
    """

    model: ModelConfig
    keypoints: int
    head: str = ""


class Normalisation(NamedTuple):
    """What a port does to RGB in [0, 1], or BGR, before its first convolution."""

    mean: Mean = (0.0, 0.0, 0.0)
    std: Mean = (1.0, 1.0, 1.0)
    bgr: bool = False


UNCHANGED = Normalisation()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """A port: how its files name things, and how its networks are run.

    Attributes:
      name: as users give it.
      signs: names that only this port's state dicts have, all of them.
      structure: reads the network off names and shapes.
      rows: the table for a network.
      normalisation: of the input.
      prefix: of all names in the files that the port itself writes.
      wrapper: the key under which those files hold the state dict; None where bare.
      renames: beginnings of names in the port's older files, and what they are now.
      heads: names of modules that are left out when they are there.
      input_size: side of the crops that it was trained on, in pixels.
      box_padding: side of a crop per longer side of the tight box.
      sigma_hm: of the Gaussians that it was taught, in heatmap cells.
      decoder: how its authors read heatmaps.
      pixels: where its answers lie, in a sentence.
    """

    name: str
    signs: tuple[str, ...]
    structure: Callable[[Mapping[str, Shape]], Structure]
    rows: Callable[[Structure], Iterable[Row]]
    normalisation: Normalisation = UNCHANGED
    prefix: str = ""
    wrapper: str | None = None
    renames: tuple[tuple[str, str], ...] = ()
    heads: tuple[str, ...] = ()
    input_size: int = 256
    box_padding: float = 1.25
    sigma_hm: float = 1.0
    decoder: Decoder = "quarter"
    pixels: str

    def matches(self, names: Iterable[str]) -> bool:
        """Whether a state dict looks like one of this port."""
        known = set(names)
        return all(sign in known for sign in self.signs)

    def rename(self, name: str) -> str:
        """A tensor's name as newer files have it."""
        for old, new in self.renames:
            if name.startswith(old):
                return new + name.removeprefix(old)
        return name


def number_of(names: Iterable[str], pattern: str) -> int:
    """How many different things the group in ``pattern`` stands for; at least 1."""
    found = (re.match(pattern, name) for name in names)
    return max(1, len({match[1] for match in found if match}))


def extent(shapes: Mapping[str, Shape], name: str, axis: int, default: int) -> int:
    """Length of a tensor along an axis; ``default`` where there is no such tensor."""
    shape = shapes.get(name, ())
    return shape[axis] if axis < len(shape) else default


# The tensors of a row: name over there, collection and name in our tree.
_TENSORS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "conv": (("weight", "params", "kernel"), ("bias", "params", "bias")),
    "norm": (
        ("weight", "params", "scale"),
        ("bias", "params", "bias"),
        ("running_mean", "batch_stats", "mean"),
        ("running_var", "batch_stats", "var"),
    ),
}
COUNTER = "num_batches_tracked"
"""Torch's count of batches, which nothing here needs; files before 0.4.1 lack it."""


def list_entries(rows: Iterable[Row], shapes: Variables) -> list[Entry]:
    """All tensors of a table, for a network with variables of these shapes.

    Raises:
      InputError: the network has parts without a row, or a row without its part.
    """
    leaves = {path: tuple(x.shape) for path, x in flatten_dict(shapes).items()}
    entries = [entry for row in rows for entry in _entries(row, leaves)]
    placed = {entry.ours for entry in entries if entry.ours}
    if placed != leaves.keys():
        ours = {".".join(path) for path in leaves}
        theirs = {".".join(path) for path in placed}
        odd = [*shorten(ours - theirs, theirs), *shorten(theirs - ours, ours)]
        raise InputError(f"no place on the other side for {', '.join(sorted(odd))}")
    return entries


def _entries(row: Row, leaves: Mapping[Path, Shape]) -> Iterator[Entry]:
    for tensor, collection, leaf in _TENSORS[row.kind]:
        name = f"{row.theirs}.{tensor}"
        if row.ours is None:
            if tensor == "weight" or row.bias:
                shape = row.shape if tensor == "weight" else row.shape[:1]
                yield Entry(name, shape, None, None)
            continue
        path = (collection, *row.ours.split("/"), leaf)
        if path not in leaves and (row.kind, leaf) == ("conv", "bias"):
            continue  # normalised right after: neither side has it
        shape = leaves.get(path, ())[0 if row.stack is None else 1 :]
        yield Entry(name, _to_theirs_shape(shape), path, row.stack)
    if row.kind == "norm":
        yield Entry(f"{row.theirs}.{COUNTER}", (), None, None)


def _to_theirs_shape(shape: Shape) -> Shape:
    """HWIO becomes OIHW; all else has one axis."""
    return shape if len(shape) != 4 else (shape[3], shape[2], *shape[:2])

"""bearpaw's pytorch-pose, and anibali's release of it: the stem that widens early."""

from collections.abc import Iterator, Mapping

from hourglass_jax.config import ModelConfig
from hourglass_jax.interop.layouts import (
    Layout,
    Normalisation,
    Row,
    Shape,
    Structure,
    conv,
    extent,
    in_stack,
    norm,
    number_of,
    under,
)

# What each level holds, at the number that it has there; the bottom's fourth is extra.
_PARTS = ("skip", "down", "up")


def _structure(shapes: Mapping[str, Shape]) -> Structure:
    model = ModelConfig(
        stacks=number_of(shapes, r"(?:hg|res|score)\.(\d+)\."),
        features=extent(shapes, "score.0.weight", 1, ModelConfig.features),
        depth=number_of(shapes, r"hg\.0\.hg\.(\d+)\."),
        blocks=number_of(shapes, r"hg\.0\.hg\.0\.0\.(\d+)\."),
        stem="bearpaw",
        stem_width=extent(shapes, "conv1.weight", 0, ModelConfig.stem_width),
    )
    return Structure(model, extent(shapes, "score.0.weight", 0, 16))


def _residual(widens: bool = False) -> Iterator[Row]:
    for i in (1, 2, 3):
        yield norm(f"bn{i}", f"norm{i}")
        yield conv(f"conv{i}", f"conv{i}")
    if widens:
        yield conv("downsample.0", "skip")


def _residuals(count: int) -> Iterator[Row]:
    for i in range(count):
        yield from under(f"{i}", f"block{i + 1}", _residual())


def _hourglass(depth: int, blocks: int) -> Iterator[Row]:
    """Levels are numbered from the bottom: 0 is the innermost."""
    place = ""
    for level in reversed(range(depth)):
        for j, part in enumerate(_PARTS):
            yield from under(f"{level}.{j}", f"{place}{part}", _residuals(blocks))
        place += "inner/"
    yield from under("0.3", place.removesuffix("/"), _residuals(blocks))


def _stack(i: int, merge: bool, depth: int, blocks: int) -> Iterator[Row]:
    yield from under(f"hg.{i}.hg", "hourglass", _hourglass(depth, blocks))
    yield from under(f"res.{i}", "residual", _residuals(blocks))
    yield conv(f"fc.{i}.0", "features")
    yield norm(f"fc.{i}.1", "features_norm")
    yield conv(f"score.{i}", "heatmaps")
    if merge:
        yield conv(f"fc_.{i}", "merge_features")
        yield conv(f"score_.{i}", "merge_heatmaps")


def _rows(structure: Structure) -> Iterator[Row]:
    model = structure.model
    widens = model.features != 2 * model.stem_width
    yield conv("conv1", "stem/conv")
    yield norm("bn1", "stem/norm")
    yield from under("layer1.0", "stem/residual1", _residual(widens=True))
    yield from under("layer2.0", "stem/residual2", _residual(widens))
    yield from under("layer3.0", "stem/residual3", _residual())
    for i in range(model.stacks):
        rows = _stack(i, i < model.stacks - 1, model.depth, model.blocks)
        yield from in_stack(i, model.stacks, rows)


BEARPAW = Layout(
    name="bearpaw",
    signs=("conv1.weight", "score.0.weight", "fc.0.0.weight"),
    structure=_structure,
    rows=_rows,
    normalisation=Normalisation(mean=(0.4404, 0.4440, 0.4327)),
    pixels="targets and answers were cut to whole cells and pixels, and its own "
    "answers lie 0.4 cells too far left and up; answers here are read by our "
    "convention, without a correction",
)

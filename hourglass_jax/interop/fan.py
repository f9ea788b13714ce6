"""The face alignment network of Bulat and Tzimiropoulos."""

from collections.abc import Iterator, Mapping

from hourglass_jax.config import ModelConfig
from hourglass_jax.interop.layouts import (
    Layout,
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


def _structure(shapes: Mapping[str, Shape]) -> Structure:
    model = ModelConfig(
        variant="fan",
        stacks=number_of(shapes, r"(?:m|l|top_m_|conv_last)(\d+)\."),
        features=extent(shapes, "l0.weight", 1, ModelConfig.features),
        depth=number_of(shapes, r"m0\.b1_(\d+)\."),
        stem_width=extent(shapes, "conv1.weight", 0, ModelConfig.stem_width),
    )
    return Structure(model, extent(shapes, "l0.weight", 0, 68))


def _block(widens: bool = False) -> Iterator[Row]:
    for i in (1, 2, 3):
        yield norm(f"bn{i}", f"norm{i}")
        yield conv(f"conv{i}", f"conv{i}")
    if widens:
        yield norm("downsample.0", "skip_norm")
        yield conv("downsample.2", "skip")


def _hourglass(i: int, depth: int) -> Iterator[Row]:
    """Levels are numbered from the bottom, 1 being the innermost."""
    place = "hourglass"
    for level in range(depth, 0, -1):
        for branch, part in (("b1", "skip"), ("b2", "down"), ("b3", "up")):
            ours = f"{place}/{part}/block1"
            yield from under(f"m{i}.{branch}_{level}", ours, _block())
        place += "/inner"
    yield from under(f"m{i}.b2_plus_1", f"{place}/block1", _block())


def _stack(i: int, merge: bool, depth: int) -> Iterator[Row]:
    yield from _hourglass(i, depth)
    yield from under(f"top_m_{i}", "residual/block1", _block())
    yield conv(f"conv_last{i}", "features")
    yield norm(f"bn_end{i}", "features_norm")
    yield conv(f"l{i}", "heatmaps")
    if merge:
        yield conv(f"bl{i}", "merge_features")
        yield conv(f"al{i}", "merge_heatmaps")


def _rows(structure: Structure) -> Iterator[Row]:
    model = structure.model
    yield conv("conv1", "stem/conv")
    yield norm("bn1", "stem/norm")
    widens = model.features != 2 * model.stem_width
    yield from under("conv2", "stem/residual1", _block(widens=True))
    yield from under("conv3", "stem/residual2", _block())
    yield from under("conv4", "stem/residual3", _block(widens))
    for i in range(model.stacks):
        rows = _stack(i, i < model.stacks - 1, model.depth)
        yield from in_stack(i, model.stacks, rows)


FAN = Layout(
    name="fan",
    signs=("conv1.weight", "conv_last0.weight", "top_m_0.bn1.weight"),
    structure=_structure,
    rows=_rows,
    box_padding=400 / 195,  # (w + h) / 195 units of 200 pixels, for a square box
    pixels="a cell stands for its centre, as here",
)

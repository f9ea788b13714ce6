"""The authors' port to PyTorch: its names, and the skips that it stores in vain."""

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
    unused_conv,
)


def _structure(shapes: Mapping[str, Shape]) -> Structure:
    levels = r"hgs\.0\.0\.((?:low2\.)*)low1\.bn1\.weight"
    model = ModelConfig(
        stacks=number_of(shapes, r"(?:hgs|outs|features)\.(\d+)\."),
        features=extent(shapes, "outs.0.conv.weight", 1, ModelConfig.features),
        depth=number_of(shapes, levels),
        stem_width=extent(shapes, "pre.0.conv.weight", 0, ModelConfig.stem_width),
    )
    return Structure(model, extent(shapes, "outs.0.conv.weight", 0, 16))


def _residual(width: int, before: int) -> Iterator[Row]:
    """A block; its skip is stored even where the input is added as it is."""
    for i in (1, 2, 3):
        yield norm(f"bn{i}", f"norm{i}")
        yield conv(f"conv{i}.conv", f"conv{i}")
    if width == before:
        yield unused_conv("skip_layer.conv", (width, width, 1, 1), bias=True)
    else:
        yield conv("skip_layer.conv", "skip")


def _hourglass(depth: int, width: int) -> Iterator[Row]:
    for theirs, ours in (("up1", "skip"), ("low1", "down"), ("low3", "up")):
        yield from under(theirs, f"{ours}/block1", _residual(width, width))
    if depth > 1:
        yield from under("low2", "inner", _hourglass(depth - 1, width))
    else:
        yield from under("low2", "inner/block1", _residual(width, width))


def _stack(i: int, merge: bool, depth: int, width: int) -> Iterator[Row]:
    yield from under(f"hgs.{i}.0", "hourglass", _hourglass(depth, width))
    yield from under(f"features.{i}.0", "residual/block1", _residual(width, width))
    yield conv(f"features.{i}.1.conv", "features")
    yield norm(f"features.{i}.1.bn", "features_norm")
    yield conv(f"outs.{i}.conv", "heatmaps")
    if merge:
        yield conv(f"merge_features.{i}.conv.conv", "merge_features")
        yield conv(f"merge_preds.{i}.conv.conv", "merge_heatmaps")


def _rows(structure: Structure) -> Iterator[Row]:
    model = structure.model
    narrow, middle, width = model.stem_width, 2 * model.stem_width, model.features
    yield conv("pre.0.conv", "stem/conv")
    yield norm("pre.0.bn", "stem/norm")
    yield from under("pre.1", "stem/residual1", _residual(middle, narrow))
    yield from under("pre.3", "stem/residual2", _residual(middle, middle))
    yield from under("pre.4", "stem/residual3", _residual(width, middle))
    for i in range(model.stacks):
        rows = _stack(i, i < model.stacks - 1, model.depth, width)
        yield from in_stack(i, model.stacks, rows)


PRINCETON = Layout(
    name="princeton",
    signs=("pre.0.conv.weight", "outs.0.conv.weight"),
    structure=_structure,
    rows=_rows,
    prefix="model.module.",
    wrapper="state_dict",
    pixels="targets and answers were cut to whole cells and pixels; answers here are "
    "read by our convention, without a correction",
)

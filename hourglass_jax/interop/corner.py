"""hourglass-52 and Hourglass-104, as mmpose and as CenterNet name their parts."""

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from hourglass_jax.config import ModelConfig
from hourglass_jax.errors import InputError
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
    unused_conv,
    unused_norm,
)
from hourglass_jax.models.corner import level_widths

Pair = tuple[str, str]  # a convolution and the normalisation after it


class _Names(NamedTuple):
    """What one of the two calls its parts; ``{}`` is the number of the stack."""

    variant: Literal["corner", "centernet"]
    stem: Pair
    stem_block: str
    skip: Pair  # of a block that changes the shape
    hourglass: str
    features: Pair
    heatmaps: str
    hidden: str  # the layer before the heatmaps; empty where there is none
    merge_input: Pair
    merge_features: Pair
    merge_block: str


_MMPOSE = _Names(
    variant="corner",
    stem=("backbone.stem.0.conv", "backbone.stem.0.bn"),
    stem_block="backbone.stem.1.0",
    skip=("downsample.0", "downsample.1"),
    hourglass="backbone.hourglass_modules.{}",
    features=("backbone.out_convs.{}.conv", "backbone.out_convs.{}.bn"),
    heatmaps="head.multi_final_layers.{}",
    hidden="",
    merge_input=("backbone.conv1x1s.{}.conv", "backbone.conv1x1s.{}.bn"),
    merge_features=("backbone.remap_convs.{}.conv", "backbone.remap_convs.{}.bn"),
    merge_block="backbone.inters.{}",
)


def _centernet_names(head: str) -> _Names:
    return _Names(
        variant="centernet",
        stem=("pre.0.conv", "pre.0.bn"),
        stem_block="pre.1",
        skip=("skip.0", "skip.1"),
        hourglass="kps.{}",
        features=("cnvs.{}.conv", "cnvs.{}.bn"),
        heatmaps=f"{head}.{{}}.1",
        hidden=f"{head}.{{}}.0.conv",
        merge_input=("inters_.{}.0", "inters_.{}.1"),
        merge_features=("cnvs_.{}.0", "cnvs_.{}.1"),
        merge_block="inters.{}",
    )


def _structure(shapes: Mapping[str, Shape], names: _Names, head: str) -> Structure:
    hourglass = re.escape(names.hourglass.split("{}")[0])
    first = hourglass + r"0\."
    heatmaps = names.heatmaps.format(0) + ".weight"
    model = ModelConfig(
        variant=names.variant,
        stacks=number_of(shapes, hourglass + r"(\d+)\."),
        features=extent(shapes, heatmaps, 1, ModelConfig.features),
        depth=number_of(shapes, first + r"((?:low2\.)*)low1\.0\.conv1\."),
        blocks=number_of(shapes, first + r"up1\.(\d+)\."),
        stem_width=extent(shapes, f"{names.stem[0]}.weight", 0, 128),
    )
    return Structure(model, extent(shapes, heatmaps, 0, 17), head)


def _block(skip: Pair | None) -> Iterator[Row]:
    for i in (1, 2):
        yield conv(f"conv{i}", f"conv{i}")
        yield norm(f"bn{i}", f"norm{i}")
    if skip:
        yield conv(skip[0], "skip")
        yield norm(skip[1], "skip_norm")


def _unused_block(width: int) -> Iterator[Row]:
    for i in (1, 2):
        yield unused_conv(f"conv{i}", (width, width, 3, 3), bias=False)
        yield unused_norm(f"bn{i}", width)


def _blocks(count: int, changes: int | None, skip: Pair) -> Iterator[Row]:
    """Blocks in a row, of which number ``changes`` changes the shape."""
    for i in range(count):
        rows = _block(skip if i == changes else None)
        yield from under(f"{i}", f"block{i + 1}", rows)


def _hourglass(widths: tuple[int, ...], blocks: int, skip: Pair) -> Iterator[Row]:
    """``widths`` of this level and of those below; the way up narrows at its end."""
    narrows = blocks - 1 if widths[0] != widths[1] else None
    yield from under("up1", "skip", _blocks(blocks, None, skip))
    yield from under("low1", "down", _blocks(blocks, 0, skip))
    yield from under("low3", "up", _blocks(blocks, narrows, skip))
    if len(widths) > 2:
        yield from under("low2", "inner", _hourglass(widths[1:], blocks, skip))
    else:
        yield from under("low2", "inner", _blocks(2 * blocks, None, skip))


def _stack(i: int, merge: bool, model: ModelConfig, names: _Names) -> Iterator[Row]:
    def pair(theirs: Pair, ours: str) -> Iterator[Row]:
        yield conv(theirs[0].format(i), ours)
        yield norm(theirs[1].format(i), f"{ours}_norm")

    widths = level_widths(model.features, model.depth)
    hourglass = _hourglass(widths, model.blocks, names.skip)
    yield from under(names.hourglass.format(i), "hourglass", hourglass)
    yield from pair(names.features, "features")
    if names.hidden:
        yield conv(names.hidden.format(i), "heatmaps_hidden")
    yield conv(names.heatmaps.format(i), "heatmaps")
    if merge:
        yield from pair(names.merge_input, "merge_input")
        yield from pair(names.merge_features, "merge_features")
        yield from under(names.merge_block.format(i), "merge_block", _block(None))


def _rows(structure: Structure, names: _Names) -> Iterator[Row]:
    model = structure.model
    yield conv(names.stem[0], "stem/conv")
    yield norm(names.stem[1], "stem/norm")
    yield from under(names.stem_block, "stem/block1", _block(names.skip))
    for i in range(model.stacks):
        rows = _stack(i, i < model.stacks - 1, model, names)
        yield from in_stack(i, model.stacks, rows)


def _mmpose_structure(shapes: Mapping[str, Shape]) -> Structure:
    return _structure(shapes, _MMPOSE, "")


def _mmpose_rows(structure: Structure) -> Iterator[Row]:
    yield from _rows(structure, _MMPOSE)
    if structure.model.stacks == 1:  # it makes one merging block all the same
        block = _unused_block(structure.model.features)
        yield from under(_MMPOSE.merge_block.format(0), "", block)


def _centernet_structure(shapes: Mapping[str, Shape]) -> Structure:
    if any(name.startswith("tl_heats.") for name in shapes):
        raise InputError(
            "a file of CornerNet, whose heatmaps stand behind corner pooling, which is "
            "no part of an hourglass; CenterNet's Hourglass-104 can be imported"
        )
    head = "hm_hp" if "hm_hp.0.1.weight" in shapes else "hm"
    return _structure(shapes, _centernet_names(head), head)


def _centernet_rows(structure: Structure) -> Iterator[Row]:
    return _rows(structure, _centernet_names(structure.head))


MMPOSE = Layout(
    name="mmpose",
    signs=("backbone.stem.0.conv.weight", "backbone.out_convs.0.conv.weight"),
    structure=_mmpose_structure,
    rows=_mmpose_rows,
    normalisation=Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    wrapper="state_dict",
    renames=(("keypoint_head.", "head."),),
    sigma_hm=2.0,
    pixels="a cell stood for the pixel at its corner: answers lie 1.5 pixels of the "
    "crop to the right of and below mmpose's own",
)

# What CenterNet finds besides heatmaps: sizes, offsets, poses; and its own heatmaps of
# objects' centres, where there are those of keypoints.
_HEADS = ("hm", "wh", "reg", "hps", "hm_hp", "hp_offset", "dep", "rot", "dim")

# Of COCO, in the order of RGB; its pictures are BGR, as OpenCV reads them.
_COCO_MEAN = (0.47026115, 0.44719302, 0.40789654)
_COCO_STD = (0.27809835, 0.27408164, 0.28863828)

CENTERNET = Layout(
    name="centernet",
    signs=("pre.0.conv.weight", "cnvs.0.conv.weight"),
    structure=_centernet_structure,
    rows=_centernet_rows,
    normalisation=Normalisation(_COCO_MEAN, _COCO_STD, bgr=True),
    heads=_HEADS,
    input_size=512,
    box_padding=1.0,  # it looks at whole pictures
    pixels="a cell stands for what lies in it, as here; the head that corrects the "
    "rest of a cell is left out",
)

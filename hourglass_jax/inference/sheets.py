"""Every stack's heatmaps on one sheet: how the answer sharpens."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from hourglass_jax.data.photographs import Picture
from hourglass_jax.drawing import draw_heatmaps
from hourglass_jax.inference.crops import crop_people
from hourglass_jax.inference.options import Options
from hourglass_jax.inference.stream import Task

if TYPE_CHECKING:
    from hourglass_jax.inference.predictor import Predictor

_TILE = 128  # pixels, the longer side
_GAP, _HEAD, _MARGIN = 4, 22, 62  # between tiles, above and beside them
_PAPER, _INK = 24, (235, 235, 235)


def draw_sheets(
    model: "Predictor", picture: Picture, task: Task, options: Options
) -> Iterator[Picture]:
    """A sheet for each person of a photograph, see `draw_sheet`."""
    whole = task.whole
    size = options.crop_size(model.card, task.size, whole)
    padding = 1.0 if whole else model.card.box_padding
    crops = crop_people(picture, task.boxes, padding, size, (1.0,))
    for crop in crops:
        heatmaps = model.predict_all_heatmaps(crop.images, options.flip)
        shown = heatmaps[: options.stacks, 0]
        yield draw_sheet(crop.images[0], shown, model.skeleton.keypoints)


def draw_sheet(
    crop: Picture, heatmaps: Float[np.ndarray, "s hh hw k"], names: Sequence[str]
) -> UInt8[np.ndarray, "sheet_h sheet_w 3"]:
    """A row a stack; all keypoints together in the first column, then one a column.

    Args:
      crop: what the network saw.
      heatmaps: what each stack said.
      names: of the keypoints.
    """
    height, width = crop.shape[:2]
    ratio = _TILE / max(height, width)
    tile_width, tile_height = round(width * ratio), round(height * ratio)
    tile = cv2.resize(crop, (tile_width, tile_height), interpolation=cv2.INTER_AREA)
    step_x, step_y = tile_width + _GAP, tile_height + _GAP
    shape = (_HEAD + len(heatmaps) * step_y, _MARGIN + (len(names) + 1) * step_x, 3)
    sheet = np.full(shape, _PAPER, np.uint8)
    for column, name in enumerate(["all", *names]):
        _write(sheet, name, _MARGIN + column * step_x, 15)
    for row, maps in enumerate(heatmaps):
        top = _HEAD + row * step_y
        _write(sheet, f"stack {row + 1}", 4, top + tile_height // 2)
        columns = [maps, *np.moveaxis(maps[..., None], 2, 0)]
        for column, some in enumerate(columns):
            left = _MARGIN + column * step_x
            place = sheet[top : top + tile_height, left : left + tile_width]
            place[...] = draw_heatmaps(tile, some)
    return sheet


def _write(sheet: Picture, text: str, left: int, base: int) -> None:
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.4
    cv2.putText(sheet, text, (left, base), font, scale, _INK, 1, cv2.LINE_AA)

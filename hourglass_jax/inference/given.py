"""What users of a `Predictor` give: photographs, one or many of any kind; or crops."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hourglass_jax.data.photographs import as_picture, read_photograph
from hourglass_jax.errors import InputError
from hourglass_jax.inference.boxes import check_boxes
from hourglass_jax.inference.forward import Crops
from hourglass_jax.inference.lookahead import ahead
from hourglass_jax.inference.options import Options
from hourglass_jax.inference.results import Pose
from hourglass_jax.inference.stream import People, Task, find_poses, open_task

if TYPE_CHECKING:
    from hourglass_jax.inference.predictor import Predictor


def find_in_one(
    model: "Predictor", photograph: Any, boxes: Any, options: Options
) -> list[Pose]:
    """The poses in one photograph."""
    task = _open(model, photograph, boxes, options)
    return next(find_poses(model, [task], options)).poses


def find_in_many(
    model: "Predictor", photographs: Iterator[Any], boxes: Any, options: Options
) -> Iterator[list[Pose]]:
    """The poses in each photograph, in order; they are read and cropped in threads."""
    numbered = enumerate(_paired(photographs, boxes), start=1)
    tasks = ahead(partial(_open_numbered, model, options), numbered)
    for task in find_poses(model, tasks, options):
        yield task.poses


def _open(model: "Predictor", photograph: Any, boxes: Any, options: Options) -> Task:
    if isinstance(photograph, str | Path):
        picture, where = read_photograph(photograph), f"boxes of {photograph}"
    else:
        picture, where = as_picture(photograph), "boxes"
    size = picture.shape[0], picture.shape[1]
    if boxes is not None:
        boxes = check_boxes(list(_each(boxes, where)), size, where)
    return open_task(model, None, picture, People(boxes), options)


def _open_numbered(
    model: "Predictor", options: Options, numbered: tuple[int, tuple[Any, Any]]
) -> Task:
    number, (photograph, boxes) = numbered
    try:
        return _open(model, photograph, boxes, options)
    except InputError as error:
        raise InputError(f"{error} (number {number} of those given)") from error


def _paired(photographs: Iterator[Any], boxes: Any) -> Iterator[tuple[Any, Any]]:
    """Each photograph with its boxes; raises InputError where one lacks the other."""
    if boxes is None:
        yield from ((photograph, None) for photograph in photographs)
        return
    end = object()
    remaining = _each(boxes, "boxes")
    for photograph in photographs:
        its_boxes = next(remaining, end)
        if its_boxes is end:
            raise InputError(
                "predict: fewer lists of boxes than photographs; expected one for "
                "each, [] where nobody is"
            )
        yield photograph, its_boxes
    if next(remaining, end) is not end:
        raise InputError("predict: more lists of boxes than photographs")


def _each(boxes: Any, where: str) -> Iterator[Any]:
    try:
        return iter(boxes)
    except TypeError:
        raise InputError(
            f"{where}: {boxes!r} is no list; expected [[x0, y0, x1, y1], ...]"
        ) from None


def check_crops(images: Any, scales: int, multiple: int) -> Crops:
    """Crops as an array; raises InputError for what a network would misread.

    Args:
      images: ``uint8 [b h w 3]``, or ``[b s h w 3]``, one a scale.
      scales: how many there are.
      multiple: height and width must be multiples of it.
    """
    try:
        crops = np.asarray(images)
    except ValueError:
        raise InputError("crops: of different sizes; expected one array") from None
    rows = crops.shape[:-3]
    if (
        crops.dtype != np.uint8
        or not (rows[1:] == (scales,) or (len(rows) == scales == 1))
        or any(side < 1 or side % multiple for side in crops.shape[-3:-1])
        or crops.shape[-1] != 3
    ):
        expected = "b h w 3" if scales == 1 else f"b {scales} h w 3"
        raise InputError(
            f"crops: {crops.dtype} of shape {crops.shape}; expected RGB as uint8 "
            f"[{expected}], h and w multiples of {multiple}; predict takes photographs"
        )
    return crops

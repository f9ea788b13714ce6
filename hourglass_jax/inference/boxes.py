"""Boxes around people: checked, and wrong formats recognised where they can be."""

from typing import Any

import numpy as np
from jaxtyping import Float

from hourglass_jax.errors import InputError

Boxes = Float[np.ndarray, "n 4"]

_BEYOND = 0.02
"""Share of the photograph that detectors' boxes may reach over its edges by."""

_FARTHEST, _SMALLEST = 1e9, 1e-3
"""Pixels. Beyond them a crop has no sound way back to the photograph: sums overflow,
and places in a small box are the same number as float32."""


def check_boxes(boxes: Any, size: tuple[int, int], where: str = "boxes") -> Boxes:
    """Boxes as float64 ``[n 4]``: (x0, y0, x1, y1) in photograph pixels.

    Args:
      boxes: n boxes; n may be 0. A box may reach over the photograph's edge.
      size: (height, width) of the photograph.
      where: what the error names: the argument, or a file and its photograph.

    Raises:
      InputError: a box is not four finite numbers, has no extent (such as
        (x, y, width, height) given by mistake), is smaller than a thousandth of a pixel
        or reaches farther than 1e9, or lies wholly outside.
    """
    rows = _rows(boxes, where, "[[x0, y0, x1, y1], ...]")
    _refuse_faults(rows, boxes, size, where, _if_extents(rows, size))
    return _stack(rows)


def check_extents(boxes: Any, size: tuple[int, int], where: str) -> Boxes:
    """As `check_boxes`, from (x, y, width, height) as in COCO: pixel 0 begins at 0.

    Raises InputError also where all boxes are corners rather than extents: one of them
    would end far outside the photograph, and as corners none does.
    """
    rows = _rows(boxes, where, "[[x, y, width, height], ...]")
    for number, box in enumerate(rows, start=1):
        if not _are_four(box) or (box[2:] <= 0).any():
            raise InputError(
                f"{where}: box {number} {_plain(box)} is not x, y, width, height; "
                "expected four finite numbers of up to 1e9, the last two above 0"
            )
    extents = _stack(rows)
    corners = np.concatenate([extents[:, :2], extents[:, :2] + extents[:, 2:]], axis=1)
    if not _inside(corners, size) and _are_corners(extents, size):
        raise InputError(
            f"{where}: its boxes look like [x0, y0, x1, y1]: as [x, y, width, height] "
            f"they would leave the photograph of {size[1]} x {size[0]} pixels; convert "
            "them: width = x1 - x0, height = y1 - y0"
        )
    found = corners - 0.5
    _refuse_faults(found, extents, size, where)
    return found


def _rows(boxes: Any, where: str, expected: str) -> list[np.ndarray]:
    try:
        return [np.asarray(box, np.float64) for box in boxes]
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{where}: not a list of boxes ({error}); expected {expected}"
        ) from None


def _stack(rows: list[np.ndarray]) -> Boxes:
    return np.stack(rows) if rows else np.zeros((0, 4))


def _refuse_faults(
    boxes: Any, given: Any, size: tuple[int, int], where: str, hint: str = ""
) -> None:
    """Raise InputError for the first wrong box, named as it was given."""
    for number, (box, written) in enumerate(zip(boxes, given, strict=True), start=1):
        fault = _fault(box, size)
        if fault:
            raise InputError(f"{where}: box {number} {_plain(written)} {fault}{hint}")


def _fault(box: np.ndarray, size: tuple[int, int]) -> str:
    """What is wrong with a box and what was expected; empty if nothing."""
    height, width = size
    if not _are_four(box):
        return "is not four finite numbers of up to 1e9; expected [x0, y0, x1, y1]"
    x0, y0, x1, y1 = box
    if not (x0 < x1 and y0 < y1):
        return (
            "has no extent; expected [x0, y0, x1, y1] with x0 < x1 and y0 < y1; "
            "convert it if it is [x, y, width, height]"
        )
    if min(x1 - x0, y1 - y0) < _SMALLEST:
        return (
            f"is less than {_SMALLEST} pixels wide or high; expected one that holds "
            "a person"
        )
    if x1 <= -0.5 or y1 <= -0.5 or x0 >= width - 0.5 or y0 >= height - 0.5:
        return (
            f"lies outside the photograph of {width} x {height} pixels; check that "
            "it belongs to this photograph"
        )
    return ""


def _if_extents(rows: list[np.ndarray], size: tuple[int, int]) -> str:
    """What to add to a fault where all boxes make sense as (x, y, width, height)."""
    if not rows or not all(map(_are_four, rows)):
        return ""
    extents = np.stack(rows)
    corners = np.concatenate([extents[:, :2], extents[:, :2] + extents[:, 2:]], axis=1)
    if (extents[:, 2:] > 0).all() and _inside(corners, size):
        return f"; as [x, y, width, height] all {len(rows)} lie in the photograph"
    return ""


def _are_four(box: np.ndarray) -> bool:
    """Whether it is four numbers that can be reckoned with; NaN is none."""
    return box.shape == (4,) and bool((np.abs(box) <= _FARTHEST).all())


def _are_corners(boxes: Boxes, size: tuple[int, int]) -> bool:
    extended = (boxes[:, 2:] > boxes[:, :2]).all()
    return bool(extended and _inside(boxes, size))


def _inside(corners: Boxes, size: tuple[int, int]) -> bool:
    """Whether all boxes end within the photograph, but for what detectors overlap."""
    edges = np.array(size[::-1])
    beyond = 1 + _BEYOND * edges
    low, high = corners[:, :2], corners[:, 2:]
    return bool((low >= -beyond).all() and (high <= edges + beyond).all())


def _plain(given: Any) -> Any:
    return given.tolist() if isinstance(given, np.ndarray) else given

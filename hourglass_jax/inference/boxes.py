"""Boxes around people: from the user, from a file, or the whole photograph."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from hourglass_jax.errors import InputError

Boxes = Float[np.ndarray, "n 4"]


def check_boxes(boxes: Any, size: tuple[int, int], where: str = "boxes") -> Boxes:
    """Boxes as float64 ``[n 4]``: (x0, y0, x1, y1) in photograph pixels.

    Args:
      boxes: n boxes; n may be 0. A box may reach over the photograph's edge.
      size: (height, width) of the photograph.
      where: what the error names: the argument, or a file and its photograph.

    Raises:
      InputError: a box is not four finite numbers, has no extent (such as
        (x, y, width, height) given by mistake), or lies wholly outside.
    """
    try:
        rows = [np.asarray(box, np.float64) for box in boxes]
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{where}: not a list of boxes ({error}); expected [[x0, y0, x1, y1], ...]"
        ) from None
    for number, (box, given) in enumerate(zip(rows, boxes, strict=True), start=1):
        fault = _fault(box, size)
        if fault:
            raise InputError(f"{where}: box {number} {_plain(given)} {fault}")
    return np.stack(rows) if rows else np.zeros((0, 4))


def _fault(box: np.ndarray, size: tuple[int, int]) -> str:
    """What is wrong with a box and what was expected; empty if nothing."""
    height, width = size
    if box.shape != (4,) or not np.isfinite(box).all():
        return "is not four finite numbers; expected [x0, y0, x1, y1]"
    x0, y0, x1, y1 = box
    if not (x0 < x1 and y0 < y1):
        return (
            "has no extent; expected [x0, y0, x1, y1] with x0 < x1 and y0 < y1; "
            "convert it if it is [x, y, width, height]"
        )
    if x1 <= -0.5 or y1 <= -0.5 or x0 >= width - 0.5 or y0 >= height - 0.5:
        return (
            f"lies outside the photograph of {width} x {height} pixels; check that "
            "it belongs to this photograph"
        )
    return ""


def _plain(given: Any) -> Any:
    return given.tolist() if isinstance(given, np.ndarray) else given


class BoxFile:
    """Boxes of many photographs, read from a JSON file.

    The file holds ``{"photo.jpg": [[x0, y0, x1, y1], ...], ...}``. A key is a file name
    or the end of a path (``"holiday/photo.jpg"``); the most exact key wins.

    Raises:
      InputError: the file cannot be read, or is not such an object.
    """

    def __init__(self, path: str | Path) -> None:
        """Read the file; single boxes are checked by `of`, with their photograph."""
        self.path = Path(path)
        self._boxes = _read_table(self.path)
        self._used: set[str] = set()

    def of(self, photograph: Path, size: tuple[int, int]) -> Boxes:
        """The checked boxes of a photograph of ``size = (height, width)`` pixels.

        Raises InputError if the file has none for it, or one that cannot be used.
        """
        keys = [key for key in self._boxes if _is_end_of(key, photograph)]
        if not keys:
            raise InputError(
                f"boxes: {self.path} has no entry for {photograph}; add "
                f'"{photograph.name}": [[x0, y0, x1, y1]]'
            )
        key = max(keys, key=len)
        self._used.add(key)
        return check_boxes(self._boxes[key], size, f"boxes: {self.path}: {key}")

    @property
    def unused(self) -> tuple[str, ...]:
        """Photographs of the file that `of` was never asked for."""
        return tuple(key for key in self._boxes if key not in self._used)


def _is_end_of(key: str, photograph: Path) -> bool:
    parts = Path(key).parts
    return bool(parts) and photograph.absolute().parts[-len(parts) :] == parts


def _read_table(path: Path) -> Mapping[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"boxes: {path} cannot be read ({error.strerror}); check its name"
        ) from None
    except ValueError as error:  # JSON and UTF-8 alike
        raise InputError(f"boxes: {path}: not JSON ({error})") from None
    if not isinstance(table, dict):
        raise InputError(
            f"boxes: {path} holds a {type(table).__name__}; expected an object "
            '{"photo.jpg": [[x0, y0, x1, y1], ...]}'
        )
    return table

"""The boxes of each photograph, looked up in a file."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePath

import numpy as np

from hourglass_jax.data.coco_files import Id
from hourglass_jax.errors import InputError
from hourglass_jax.inference.box_forms import Frame, read_table
from hourglass_jax.inference.boxes import check_boxes, check_extents
from hourglass_jax.inference.stream import People


class BoxFile:
    """Boxes of many photographs, and of films frame by frame.

    The file is one of these, told apart by what is in it:

    - ``{"photo.jpg": [[x0, y0, x1, y1], ...], "film.mp4": {"0": [[...]], ...}}``
    - CSV with the columns file, x0, y0, x1, y1 or file, x, y, width, height, and where
      they are known score and frame
    - COCO detections, ``[{"image_id": 1, "bbox": [x, y, width, height]}, ...]``
    - COCO annotations

    A photograph is meant by its name or the end of its path (``"holiday/photo.jpg"``;
    the most exact one wins), or by its id: the input's, or the number it is named by.

    Attributes:
      path: the file.
      left_out: boxes in it that are not asked for: see `read_table`.

    Raises:
      InputError: the file cannot be read, or is none of these.
    """

    def __init__(self, path: str | Path, least_score: float = 0.0) -> None:
        """Read the file; single boxes are checked by `of`, with their photograph.

        Args:
          path: the file.
          least_score: boxes that the detector gave less are left out, and counted.
        """
        self.path = Path(path)
        self._table = read_table(self.path, least_score)
        self.left_out = self._table.left_out
        by_id = self._table.by_id
        names = self._table.names if by_id else {str(k): k for k in self._table.boxes}
        self._names = _by_last_part(names)
        self._ids = names
        self._used: set[Id] = set()

    def of(
        self,
        photograph: Path,
        size: tuple[int, int],
        photograph_id: Id | None = None,
        frame: Frame = None,
    ) -> People:
        """The checked boxes of a photograph of ``size = (height, width)`` pixels.

        Raises InputError if the file has none for it, or one that cannot be used.
        """
        key = self._find(photograph, photograph_id)
        if key is None:
            raise self._no_entry(photograph)
        self._used.add(key)
        frames = self._table.boxes.get(key, {})  # a detector may have found nobody
        frame = frame if frame in frames else None
        where = f"boxes: {self.path}: {key}"
        check = check_extents if self._table.extents else check_boxes
        boxes = check(frames.get(frame, []), size, where)
        scores = self._table.scores.get((key, frame))
        return People(boxes, None if scores is None else np.array(scores, np.float64))

    @property
    def unused(self) -> tuple[str, ...]:
        """Photographs of the file that `of` was never asked for."""
        return tuple(str(key) for key in self._table.boxes if key not in self._used)

    def _find(self, photograph: Path, photograph_id: Id | None) -> Id | None:
        by_id = self._table.by_id
        if by_id and photograph_id is not None:
            return photograph_id
        parts = photograph.absolute().parts
        names = [
            name
            for name in self._names.get(photograph.name, ())
            if parts[-len(PurePath(name).parts) :] == PurePath(name).parts
        ]
        if names:
            return self._ids[max(names, key=len)]
        if by_id and photograph.stem.isdecimal():
            return int(photograph.stem)
        return None

    def _no_entry(self, photograph: Path) -> InputError:
        hint = (
            "it is not named by its id: give COCO's annotations as input"
            if self._table.by_id
            else f'add "{photograph.name}": [[x0, y0, x1, y1]]'
        )
        return InputError(f"boxes: {self.path} has no entry for {photograph}; {hint}")


def _by_last_part(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[PurePath(name).name].append(name)
    return found

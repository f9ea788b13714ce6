"""The boxes of each photograph, looked up in a file."""

import hashlib
import json
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
    the most exact one wins), or by its id: the input's, or what detectors make one of:
    its name, with or without the ending, or the number that this is.

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
        self._used: set[tuple[Id, Frame]] = set()
        self._ids_are_text = {isinstance(key, str) for key in self._table.boxes}

    def of(
        self,
        photograph: Path,
        size: tuple[int, int],
        photograph_id: Id | None = None,
        frame: Frame = None,
    ) -> People:
        """The checked boxes of a photograph of ``size = (height, width)`` pixels.

        Of a film these are a frame's: its own boxes, or else those for every frame.

        Raises InputError if the file has none for it, or one that cannot be used, or
        only boxes for frames, where this is a photograph.
        """
        key = self._find(photograph, photograph_id)
        if key is None:
            raise self._no_entry(photograph)
        frames = self._table.boxes.get(key, {})  # a detector may have found nobody
        if frame is None and frames and None not in frames:
            raise self._only_frames(key, frames)
        frame = frame if frame in frames else None
        self._used.add((key, frame))
        where = f"boxes: {self.path}: {_named(key, frame)}"
        check = check_extents if self._table.extents else check_boxes
        boxes = check(frames.get(frame, []), size, where)
        scores = self._table.scores.get((key, frame))
        return People(boxes, None if scores is None else np.array(scores, np.float64))

    def skip(
        self,
        photograph: Path,
        photograph_id: Id | None = None,
        frames: Iterable[int] | None = None,
    ) -> None:
        """Take what an earlier start has answered as used.

        Args:
          photograph: or film; one that the file does not have is passed over.
          photograph_id: as `of` takes it.
          frames: those of a film that are answered; None takes all that it has.
        """
        key = self._find(photograph, photograph_id)
        if key is None:
            return
        here = self._table.boxes.get(key, {})
        answered = here if frames is None else frames
        self._used.update((key, f if f in here else None) for f in answered)

    def digest(self, photograph: Path, photograph_id: Id | None, frame: Frame) -> str:
        """What tells the boxes that `of` takes from others, before they are checked."""
        key = self._find(photograph, photograph_id)
        frames = {} if key is None else self._table.boxes.get(key, {})
        frame = frame if frame in frames else None
        scores = None if key is None else self._table.scores.get((key, frame))
        said = json.dumps([frames.get(frame), scores], default=list)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    @property
    def unused(self) -> tuple[str, ...]:
        """What `of` was never asked for: photographs and films, or frames of films."""
        asked = {key for key, _ in self._used}
        unused = []
        for key, frames in self._table.boxes.items():
            if key not in asked:
                unused.append(str(key))
                continue
            unused += [_named(key, f) for f in frames if (key, f) not in self._used]
        return tuple(unused)

    def _find(self, photograph: Path, photograph_id: Id | None) -> Id | None:
        by_id = self._table.by_id
        if by_id and photograph_id in self._table.boxes:
            return photograph_id
        parts = photograph.absolute().parts
        names = [
            name
            for name in self._names.get(photograph.name, ())
            if parts[-len(PurePath(name).parts) :] == PurePath(name).parts
        ]
        if names:
            return self._ids[max(names, key=len)]
        return self._find_id(photograph, photograph_id) if by_id else None

    def _find_id(self, photograph: Path, given: Id | None) -> Id | None:
        """The id of a photograph in the file, which does not hold the one given.

        Where nobody was found in it, its id is one that the file does not hold. But one
        of another kind, text or number, than those of the file says nothing: None.
        """
        number = int(photograph.stem) if photograph.stem.isdecimal() else None
        own = number if given is None else given
        for made in (photograph.name, photograph.stem, number):
            # One like the given id would be another photograph's.
            if made in self._table.boxes and not _alike(made, given):
                return made
        is_known = not self._ids_are_text or isinstance(own, str) in self._ids_are_text
        return own if is_known else None

    def _only_frames(self, key: Id, frames: Iterable[Frame]) -> InputError:
        return InputError(
            f"boxes: {self.path}: {key} has boxes for frames, such as "
            f"{next(iter(frames))}, and is a photograph; leave the frame out"
        )

    def _no_entry(self, photograph: Path) -> InputError:
        hint = (
            "no id in it is its name or number: give COCO's annotations as input"
            if self._table.by_id
            else f'add "{photograph.name}": [[x0, y0, x1, y1]]'
        )
        return InputError(f"boxes: {self.path} has no entry for {photograph}; {hint}")


def asked(
    boxes: BoxFile | None,
    photograph: Path,
    photograph_id: Id | None = None,
    *,
    frame: Frame = None,
) -> str | None:
    """`BoxFile.digest`; None where whole photographs are looked at."""
    if boxes is None:
        return None
    return boxes.digest(photograph, photograph_id, frame)


def _named(key: Id, frame: Frame) -> str:
    return str(key) if frame is None else f"{key} frame {frame}"


def _alike(one: Id | None, other: Id | None) -> bool:
    """Whether both are texts or both numbers."""
    return None not in (one, other) and isinstance(one, str) == isinstance(other, str)


def _by_last_part(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[PurePath(name).name].append(name)
    return found

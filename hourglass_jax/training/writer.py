"""What a run writes down: metrics.jsonl, TensorBoard events, and lines to look at."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

import numpy as np
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog

from hourglass_jax.files import write_whole

Scalar = float | int | bool | None


class Writer:
    """Appends to ``metrics.jsonl`` and TensorBoard, from step ``start`` on.

    Lines beyond ``start``, written by a run that was cut off after its last checkpoint,
    are taken out: those steps are about to be done again. One that is not ``active``
    writes nothing: of several processes only one does. Where nothing can be written,
    such as on a full disk, the methods raise OSError.
    """

    def __init__(self, workdir: Path, start: int, *, active: bool = True) -> None:
        self._path, self._active = workdir / "metrics.jsonl", active
        if not active:
            return
        _forget_after(self._path, start)
        self._file = self._path.open("a")
        # tensorboardX's own SummaryWriter has a thread for this, without which, once
        # the disk was full, the run would wait for ever.
        folder = workdir / "tensorboard"
        folder.mkdir(exist_ok=True)
        self._board = EventsWriter(str(folder / "events"), f".{start}")
        self._add(start, session_log=SessionLog(status=SessionLog.START))

    def scalars(self, step: int, values: Mapping[str, Scalar]) -> None:
        """One line, ``{"step": ..., name: value}``; None and nan become null."""
        if not self._active:
            return
        line = {name: _finite(value) for name, value in values.items()}
        with self._say_what_stays():
            self._file.write(json.dumps({"step": step, **line}) + "\n")
            self._file.flush()
            for name, value in line.items():
                if value is not None:
                    self._add(step, summary=summary.scalar(name, value))
            self._board.flush()

    def picture(self, step: int, name: str, picture: np.ndarray) -> None:
        """Show an RGB picture, uint8 [h w 3], in TensorBoard."""
        if self._active:
            shown = summary.image(name, picture, dataformats="HWC")
            with self._say_what_stays():
                self._add(step, summary=shown)

    def _add(self, step: int, **content: object) -> None:
        self._board.write_event(Event(step=step, wall_time=time.time(), **content))

    @contextlib.contextmanager
    def _say_what_stays(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"{error.strerror}; the newest checkpoint stays: make room, then "
            what += "give the same command again"
            raise OSError(error.errno, what, str(self._path)) from error

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._active:
            with self._say_what_stays():
                self._file.close()
                self._board.close()


def _finite(value: Scalar) -> Scalar:
    return value if value is not None and np.isfinite(value) else None


def _forget_after(path: Path, step: int) -> None:
    if not path.is_file():
        return
    kept = [line for line in path.read_text().splitlines() if _step_of(line) <= step]
    write_whole(path, "".join(line + "\n" for line in kept))


def _step_of(line: str) -> float:
    """The line's step; infinite for a line that was cut off."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")

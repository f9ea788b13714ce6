"""What a run writes down: metrics.jsonl, TensorBoard events, and lines to look at."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import numpy as np
from tensorboardX import SummaryWriter

from hourglass_jax.files import write_whole

Scalar = float | int | bool | None


class Writer:
    """Appends to ``metrics.jsonl`` and TensorBoard, from step ``start`` on.

    Lines beyond ``start``, written by a run that was cut off after its last checkpoint,
    are taken out: those steps are about to be done again.
    """

    def __init__(self, workdir: Path, start: int) -> None:
        self._path = workdir / "metrics.jsonl"
        _forget_after(self._path, start)
        self._file = self._path.open("a")
        self._board = SummaryWriter(str(workdir / "tensorboard"), purge_step=start)

    def scalars(self, step: int, values: Mapping[str, Scalar]) -> None:
        """One line, ``{"step": ..., name: value}``; None and nan become null."""
        line = {name: _finite(value) for name, value in values.items()}
        self._file.write(json.dumps({"step": step, **line}) + "\n")
        self._file.flush()
        for name, value in line.items():
            if value is not None:
                self._board.add_scalar(name, value, step)

    def picture(self, step: int, name: str, picture: np.ndarray) -> None:
        """Show an RGB picture, uint8 [h w 3], in TensorBoard."""
        self._board.add_image(name, picture, step, dataformats="HWC")

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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

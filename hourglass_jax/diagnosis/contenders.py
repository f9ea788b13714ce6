"""Processes that race each other in turns: one computes while the others wait.

Two libraries in one process would fight over its cores: thread pools spin for a while
after their work is done. Hence a process each, and a pause before every turn.
"""

import contextlib
import dataclasses
import importlib
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np

from hourglass_jax.diagnosis.cases import Case
from hourglass_jax.diagnosis.timing import Run, milliseconds
from hourglass_jax.memory import keep_memory

WEIGHTS, IMAGES, TARGETS = "weights.npz", "images.npy", "targets.npy"
"""What the first contender leaves for the others; images and targets are NCHW."""
PAUSE = 0.3
"""Seconds before a turn, in which the other's threads fall asleep; OpenMP's of Intel
spin for 0.2 seconds."""
TRIALS = 5
"""Calls by which a contender finds its fastest way."""


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What a contender's module makes of a case.

    Attributes:
      run: one call of the fastest way, which comes back when the result is there.
      answer: heatmaps ``[s b k h w]``, or loss and gradient norm of the
        first step; what rounding leaves grows in the later ones.
      about: JSON ready: which ways were tried, versions, seconds of compilation.
    """

    run: Run
    answer: np.ndarray
    about: dict[str, Any]


class ContenderError(RuntimeError):
    """A contender could not be prepared, or died."""


class Contender:
    """A process that prepared a case, and waits to be timed.

    Attributes:
      about: see `Prepared`.
      answer: likewise.
    """

    def __init__(self, process: BaseProcess, pipe: Connection) -> None:
        self._process, self._pipe = process, pipe
        self.about: dict[str, Any]
        self.answer: np.ndarray
        self.about, self.answer = self._hear()

    def time(self, calls: int) -> list[float]:
        """Let it compute; milliseconds of each call."""
        time.sleep(PAUSE)
        self._pipe.send(calls)
        times: list[float] = self._hear()
        return times

    def end(self) -> None:
        """Ask it to end; kill it if it does not."""
        with contextlib.suppress(OSError):
            self._pipe.send(0)
        self._process.join(timeout=5)
        self._process.kill()

    def _hear(self) -> Any:
        try:
            said = self._pipe.recv()
        except EOFError:
            raise ContenderError("a contender died; is there enough memory?") from None
        if isinstance(said, ContenderError):
            raise said
        return said


@contextlib.contextmanager
def contender(
    module: str, case: Case, folder: Path, *, keep: bool = False
) -> Iterator[Contender]:
    """A process in which ``module.prepare(case, folder)`` was called.

    Args:
      module: of this room; it is imported there only.
      case: what to prepare.
      folder: where weights, inputs and answers are exchanged.
      keep: whether malloc keeps what is freed, as it does for training.

    Raises:
      ContenderError: it could not be prepared.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (theirs, module, case, folder, keep or case.kind == "train")
    process = context.Process(target=_serve, args=arguments, daemon=True)
    process.start()
    theirs.close()
    try:
        found = Contender(process, ours)
    except BaseException:
        process.kill()
        raise
    try:
        yield found
    finally:
        found.end()


def _serve(pipe: Connection, module: str, case: Case, folder: Path, keep: bool) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if keep:
        keep_memory()
    try:
        made: Prepared = importlib.import_module(module).prepare(case, folder)
    except Exception as error:  # whatever it is, the parent says it
        pipe.send(ContenderError(f"{module}: {type(error).__name__}: {error}"))
        return
    pipe.send((made.about, made.answer))
    with contextlib.suppress(EOFError, KeyboardInterrupt):  # the parent is gone
        while calls := pipe.recv():
            pipe.send(milliseconds(made.run, calls))


def _end_with_parent() -> None:
    """Left alone it would go on compiling for minutes, beside what is timed next."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)

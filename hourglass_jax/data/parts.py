"""Records made in parts by several processes, and kept until the whole is written.

A part is some people in a row. Which parts there are, and what is in them, does not
depend on the number of processes; and a preparation that was interrupted finds the
parts that were finished.
"""

import io
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hourglass_jax.data.schema import PICTURES, Record
from hourglass_jax.errors import InputError
from hourglass_jax.files import write_whole
from hourglass_jax.progress import Bar

PEOPLE = 100
"""People a part: some seconds of work, some megabytes."""

_WORTH_A_PROCESS = 500
"""People below whom another process would not make up for its start."""

Make = Callable[[Any], Record]


def make_records(
    label: str,
    make: Make,
    items: Sequence[Any],
    *,
    folder: Path,
    processes: int | None = None,
) -> Iterator[Record | str]:
    """Make a record of each of ``items``, in order; a text where it is refused.

    Args:
      label: what the progress bar says.
      make: makes one record, or raises InputError; must be picklable.
      items: what the records are made of.
      folder: where parts are kept; whoever has used them all removes it.
      processes: how many to start; 0 makes records in threads of this process, None
        decides by the number of people and of CPUs.
    """
    cpus = os.cpu_count() or 1
    if processes is None:
        processes = min(cpus, len(items) // _WORTH_A_PROCESS)
    starts = range(0, len(items), PEOPLE)
    with (
        _executor(processes, cpus) as workers,
        Bar(label, len(items), unit="people") as bar,
    ):
        tasks = (
            (make, items[start : start + PEOPLE], folder / f"{start:09d}.npz")
            for start in starts
        )
        try:
            for path in _in_order(workers, tasks, ahead=2 * max(cpus, processes)):
                for record in _read(path):
                    yield record
                    bar.advance()
        except BrokenProcessPool as error:
            raise InputError(
                f"{label}: a process that makes records ended by itself; if memory was "
                f"not short, {_GUARD}"
            ) from error


def refuse_to_begin_again() -> None:
    """Raise RuntimeError in a process that runs its parent's script a second time.

    Starting a process imports the script; one that prepares data as it is imported
    would wait for its own parent.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise RuntimeError(_GUARD)


_GUARD = (
    "put what your script does under `if __name__ == '__main__':`, or prepare the data "
    "first with `hourglass data build`"
)


def _executor(processes: int, cpus: int) -> Executor:
    if processes < 2:
        return ThreadPoolExecutor(cpus)
    return ProcessPoolExecutor(
        processes,
        # Forking a process with JAX's threads in it may hang.
        multiprocessing.get_context("spawn"),
        initializer=_start_worker,
    )


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends, and ends us
    cv2.setNumThreads(0)


def _in_order(
    workers: Executor, tasks: Iterator[tuple[Make, Sequence[Any], Path]], ahead: int
) -> Iterator[Path]:
    # A short queue: an interruption should end soon.
    pending: deque[Future[Path]] = deque()
    try:
        for task in tasks:
            pending.append(workers.submit(_make_part, *task))
            if len(pending) == ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def _make_part(make: Make, items: Sequence[Any], path: Path) -> Path:
    if not path.exists() or _was_refused(path):
        write_whole(path, _pack([_try(make, item) for item in items]))
    return path


def _was_refused(path: Path) -> bool:
    # What is wrong with a photograph may have been mended in the meantime.
    with np.load(path) as archive:
        return bool((archive["refused"] != "").any())


def _try(make: Make, item: Any) -> Record | str:
    try:
        return make(item)
    except InputError as error:
        return str(error)


def _pack(made: Sequence[Record | str]) -> bytes:
    """Several records as one NumPy archive, without pickles; refusals among them."""
    records = [record for record in made if not isinstance(record, str)]
    columns: dict[str, Any] = {
        f"record.{field}": np.stack([np.asarray(record[field]) for record in records])
        for field in (records[0] if records else {})
        if field not in PICTURES
    }
    pictures = [
        np.frombuffer(record[field], np.uint8)
        for record in records
        for field in PICTURES
    ]
    file = io.BytesIO()
    np.savez(
        file,
        **columns,
        pictures=np.concatenate([np.zeros(0, np.uint8), *pictures]),
        ends=np.cumsum([len(picture) for picture in pictures], dtype=np.int64),
        refused=np.array([one if isinstance(one, str) else "" for one in made]),
    )
    return file.getvalue()


def _read(path: Path) -> Iterator[Record | str]:
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    pictures, ends, refused = (arrays.pop(n) for n in ("pictures", "ends", "refused"))
    starts = [0, *ends[:-1]]
    stored = (pictures[a:b].tobytes() for a, b in zip(starts, ends, strict=False))
    next_record = 0
    for refusal in refused:
        if refusal:
            yield str(refusal)
            continue
        record = {
            name.removeprefix("record."): values[next_record]
            for name, values in arrays.items()
        }
        for field in PICTURES:
            record[field] = next(stored)
        record["file"] = str(record["file"])
        yield record
        next_record += 1

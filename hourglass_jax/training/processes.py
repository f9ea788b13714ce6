"""Several processes that train one network: how they meet, agree and part.

Every process runs the same program on its own devices. One of them, the first, writes
what there is only one of; the others wait for it where they need the result.
"""

import atexit
import contextlib
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn

import jax
import numpy as np
from jax.experimental import multihost_utils

from hourglass_jax.errors import InputError
from hourglass_jax.progress import console

HEARTBEAT_SECONDS = 60
"""A process that was not heard of for so long counts as lost, and ends all others."""

_GAVE_UP = -1


class ProcessLostError(RuntimeError):
    """Something that all processes do together failed, most often since one ended."""


@contextlib.contextmanager
def joined(
    coordinator: str | None = None,
    processes: int | None = None,
    process_id: int | None = None,
) -> Iterator[None]:
    """Be one of several processes; without ``coordinator``, the only one.

    Args:
      coordinator: ``HOST:PORT`` at which process 0 can be reached by all, or ``auto``
        where JAX finds the others by itself: TPU pods, SLURM, Open MPI.
      processes: how many there are; not with ``auto``.
      process_id: which of them this is, from 0; not with ``auto``.

    Raises:
      InputError: the arguments do not fit together, or there is no cluster to find.
      ProcessLostError: another process ended.
    """
    if coordinator is None:
        _refuse_to_be_alone(processes, process_id)
        yield
        return
    _connect(coordinator, processes, process_id)
    console.quiet = not is_first()
    try:
        yield
    except BaseException as error:
        # Leaving in good order would wait for the others, who wait for this one.
        atexit.register(_leave_at_once, _exit_status(error))
        if isinstance(error, jax.errors.JaxRuntimeError):
            raise ProcessLostError(
                f"process {jax.process_index()} of {jax.process_count()} cannot go on: "
                f"{str(error).splitlines()[0]}. Unless that says why, another process "
                "has ended: see its output. Start all of them again: the same command "
                "goes on from the newest checkpoint"
            ) from error
        raise
    finally:
        console.quiet = False


def _refuse_to_be_alone(processes: int | None, process_id: int | None) -> None:
    if processes is not None or process_id is not None:
        raise InputError(
            "--processes and --process-id need --coordinator HOST:PORT, the address "
            "of process 0"
        )
    started = int(os.environ.get("SLURM_STEP_NUM_TASKS", "1"))
    if started > 1 or jax.process_count() > 1:
        raise InputError(
            f"{max(started, jax.process_count())} processes were started, and each "
            "would train a network of its own; pass --coordinator auto"
        )


def _connect(coordinator: str, processes: int | None, process_id: int | None) -> None:
    explicit = coordinator != "auto"
    if explicit != (processes is not None) or explicit != (process_id is not None):
        raise InputError(
            "--coordinator HOST:PORT needs --processes N and --process-id I; "
            "--coordinator auto takes neither"
        )
    host, _, port = coordinator.rpartition(":")
    if explicit and not (host and port.isdecimal()):
        raise InputError(f"--coordinator is {coordinator!r}; expected HOST:PORT")
    if processes is not None and process_id not in range(processes):
        raise InputError(
            f"--process-id is {process_id}; expected 0 to {processes - 1}, with "
            f"--processes {processes}"
        )
    try:
        jax.distributed.initialize(
            coordinator if explicit else None,
            processes,
            process_id,
            cluster_detection_method="deactivate" if explicit else None,
            heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
        )
    except ValueError as error:  # no cluster to find
        raise InputError(
            f"--coordinator {coordinator}: {str(error).rstrip('.')}; give HOST:PORT of "
            "process 0, --processes N and --process-id I"
        ) from error


def _exit_status(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        return 130
    return 2 if isinstance(error, InputError) else 1


def _leave_at_once(status: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def is_first() -> bool:
    """Whether this process writes what there is only one of."""
    return jax.process_index() == 0


def on_first(action: Callable[[], int | None]) -> int:
    """Let process 0 do something while the others wait; all get its answer.

    That is 0 or more, and 0 where the action returns None.

    Raises:
      InputError: in the others, if it failed there.
      Exception: in process 0, whatever the action raised.
    """
    if jax.process_count() == 1:
        return action() or 0
    answer, failure = _GAVE_UP, None
    if is_first():
        try:
            answer = action() or 0
        except Exception as error:  # raised below, once the others know
            failure = error
    answer = int(multihost_utils.broadcast_one_to_all(np.int32(answer)))
    if failure is not None:
        raise failure
    if answer == _GAVE_UP:
        raise InputError("process 0 gave up: see its output")
    return answer


def require_same(given: str) -> None:
    """Raise InputError where this process was given something else than process 0."""
    digest = int.from_bytes(hashlib.sha256(given.encode()).digest()[:3])
    if on_first(lambda: digest) != digest:
        raise InputError(
            f"process {jax.process_index()} was started with other options or other "
            "data than process 0; give all of them the same"
        )

"""SIGTERM, by which clusters announce that a machine is about to be taken away."""

import signal
import threading
from types import FrameType, TracebackType

import jax
from jax.experimental import multihost_utils

EXIT_STATUS = 128 + signal.SIGTERM
"""What a shell reports of a process that SIGTERM ended; the command returns it, too."""


class PreemptedError(RuntimeError):
    """The run was asked to end before it was done."""


class Preemption:
    """Whether this run was asked to end. A context manager, for one process's signal.

    With several processes, JAX's own service tells all of them when one is asked.
    """

    def __init__(self) -> None:
        self._asked, self._times = False, 0
        self._before: signal._HANDLER = None

    def listen(self) -> None:
        """Remember SIGTERM from now on; until then it ends the process at once.

        So it should be while there is nothing to save: no signal is heard while a
        program compiles.
        """
        alone = jax.process_count() == 1
        if alone and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._remember)

    def asked(self) -> bool:
        """Whether to end now; all processes get the same answer to the same question.

        That is, to their n-th question, so they must all ask equally often.
        """
        self._times += 1
        if jax.process_count() == 1:
            return self._asked
        return multihost_utils.reached_preemption_sync_point(self._times)

    def __enter__(self) -> "Preemption":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

"""SIGTERM, which clusters send before they take a machine, and Ctrl-C's SIGINT."""

import os
import signal
import threading
from types import FrameType, TracebackType

import jax
from jax.experimental import multihost_utils


class PreemptedError(RuntimeError):
    """The run was asked to end before it was done, and is saved.

    Attributes:
      status: what a shell reports of a process that the signal ended; the command
        returns it, too.
    """

    def __init__(self, said: str, by: signal.Signals = signal.SIGTERM) -> None:
        super().__init__(said)
        self.status = 128 + by


class Preemption:
    """Whether this run was asked to end. A context manager, for one process's signals.

    With several processes, JAX's own service tells all of them when one has SIGTERM.
    """

    def __init__(self) -> None:
        self.by: signal.Signals | None = None
        self._times = 0
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def listen(self) -> None:
        """Remember signals from now on; until then they end the process at once.

        So it should be while there is nothing to save: no signal is heard while a
        program compiles. A signal that this process was started to ignore, as Ctrl-C is
        by what a shell's script leaves in the background, stays ignored.
        """
        alone = jax.process_count() == 1
        if alone and threading.current_thread() is threading.main_thread():
            for each in (signal.SIGTERM, signal.SIGINT):
                if signal.getsignal(each) != signal.SIG_IGN:
                    self._before[each] = signal.signal(each, self._remember)

    def asked(self) -> bool:
        """Whether to end now; all processes get the same answer to the same question.

        That is, to their n-th question, so they must all ask equally often.
        """
        self._times += 1
        if jax.process_count() == 1:
            return self.by is not None
        if multihost_utils.reached_preemption_sync_point(self._times):
            self.by = signal.SIGTERM
        return self.by is not None

    def __enter__(self) -> "Preemption":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.by = signal.Signals(number)
        if self.by == signal.SIGINT:
            os.write(2, b"\nsaving after this step; Ctrl-C again ends at once\n")
            signal.signal(signal.SIGINT, signal.default_int_handler)

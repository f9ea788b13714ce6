"""A trace of a few steps, for xprof and Perfetto."""

import dataclasses
from pathlib import Path
from types import TracebackType
from typing import Any

import jax

from hourglass_jax.errors import InputError
from hourglass_jax.progress import console


@dataclasses.dataclass(frozen=True)
class Steps:
    """The steps to trace, both ends included."""

    start: int
    stop: int

    @classmethod
    def parse(cls, text: str) -> "Steps":
        """``START:STOP``; raises InputError."""
        parts = text.split(":")
        if len(parts) == 2 and all(part.isdecimal() for part in parts):
            steps = cls(*map(int, parts))
            if 1 <= steps.start <= steps.stop:
                return steps
        raise InputError(
            f"--profile is {text!r}; expected START:STOP, the first and the last step "
            "to trace, such as 20:25"
        )

    def check(self, done: int, total: int) -> None:
        """Raise InputError for steps that never come; say so if they are over."""
        if self.stop > total:
            raise InputError(
                f"--profile ends with step {self.stop}; expected at most train.steps, "
                f"{total}"
            )
        if self.start <= done:
            console.print(f"step {self.start} is done already: nothing is traced")


class Trace:
    """Traces ``steps`` into ``folder``; a context manager around the loop."""

    def __init__(self, folder: Path, steps: Steps | None) -> None:
        self._folder, self._steps = folder, steps
        self._running = False

    def before(self, step: int) -> None:
        """Begin, if ``step`` is the first one to trace."""
        if self._steps is not None and step == self._steps.start:
            jax.profiler.start_trace(self._folder)
            self._running = True

    def after(self, step: int, result: Any) -> None:
        """End, if ``step`` was the last one, once the device has its ``result``."""
        if self._running and self._steps is not None and step == self._steps.stop:
            jax.block_until_ready(result)
            self._end()
            console.print(
                f"step {step}: the trace is in {self._folder}; open it by xprof, or "
                "its trace.json.gz in ui.perfetto.dev"
            )

    def _end(self) -> None:
        self._running = False
        jax.profiler.stop_trace()

    def __enter__(self) -> "Trace":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._running:
            self._end()

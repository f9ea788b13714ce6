"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

_SECONDS_BETWEEN_LINES = 20.0
console = Console(stderr=True, highlight=False, soft_wrap=True)


class Bar:
    """Counts up to ``total`` (0 if nobody knows); shows rate, time left, a short text.

    Use as a context manager. Where standard error is no terminal, a line is printed
    every 20 seconds and at the end.
    """

    def __init__(self, label: str, total: int, *, unit: str, start: int = 0) -> None:
        self._label, self._total, self._unit = label, total, unit
        self._start = self.done = start
        self._began = self._printed = time.monotonic()
        self._text = ""
        self._rich = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[text]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._rich.add_task(
            label, total=total or None, completed=start, text=""
        )

    def advance(self, count: int = 1, text: str | None = None) -> None:
        """``count`` more are done; ``text`` replaces what is shown beside the rate."""
        self.done += count
        self._text = self._text if text is None else text
        rate = self._rate()
        shown = f"{rate:.1f} {self._unit}/s  {self._text}"
        self._rich.update(self._task, completed=self.done, text=shown)
        late = time.monotonic() - self._printed > _SECONDS_BETWEEN_LINES
        if not console.is_terminal and late:
            self._print_line(rate)

    def __enter__(self) -> "Bar":
        self._rich.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._rich.stop()
        if not console.is_terminal and self.done > self._start:
            self._print_line(self._rate())

    def _rate(self) -> float:
        passed = max(time.monotonic() - self._began, 1e-9)
        return (self.done - self._start) / passed

    def _print_line(self, rate: float) -> None:
        self._printed = time.monotonic()
        line = f"{self._label} {self.done}{self._of_total()}  {rate:.1f} {self._unit}/s"
        console.print(
            f"{line}  {self._left(rate)}  {self._text}".rstrip(), markup=False
        )

    def _of_total(self) -> str:
        # An estimated total may turn out too small.
        return f"/{max(self._total, self.done)}" if self._total else ""

    def _left(self, rate: float) -> str:
        if not (self._total and rate):
            return ""
        return f"{max(0, self._total - self.done) / rate / 60:.1f} min left"

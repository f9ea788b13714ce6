"""Where a run's time goes."""

import contextlib
import time
from collections.abc import Iterator

_TRAINING = ("data", "step", "log")


class Clock:
    """Adds up the seconds of named parts, until they are read.

    The parts are ``data`` (waiting for a batch), ``step``, ``log``, and besides them
    ``compile``, ``evaluate`` and ``save``.
    """

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._seconds: dict[str, float] = {}
        self._steps = 0

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What happens inside belongs to this part."""
        began = time.perf_counter()
        try:
            yield
        finally:
            passed = time.perf_counter() - began
            self._seconds[name] = self._seconds.get(name, 0.0) + passed
            self._steps += name == "data"

    def take(self, name: str) -> float:
        """The seconds of one part, which starts anew."""
        return self._seconds.pop(name, 0.0)

    def read(self) -> dict[str, float]:
        """Seconds of every part, and what follows from them; starts anew.

        ``images_per_second`` is of training alone, and ``data_wait`` the share of its
        time that was spent waiting for batches.
        """
        parts = {f"{name}_seconds": passed for name, passed in self._seconds.items()}
        training = sum(self._seconds.get(name, 0.0) for name in _TRAINING)
        rates = {
            "images_per_second": self._steps * self._batch_size / max(training, 1e-9),
            "data_wait": self._seconds.get("data", 0.0) / max(training, 1e-9),
        }
        self._seconds, self._steps = {}, 0
        return rates | parts

"""Times: measured warm, and summed up by median and quartiles."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Run = Callable[[], Any]
"""Does the work once and comes back when it is done."""


def milliseconds(run: Run, calls: int) -> list[float]:
    """Time every one of ``calls`` calls."""
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - began))
    return times


def spread(values: Iterable[float]) -> dict[str, float]:
    """Median and quartiles of one or more values, to four digits."""
    ordered = sorted(values)
    quartiles = (
        statistics.quantiles(ordered, n=4, method="inclusive")
        if len(ordered) > 1
        else ordered * 3
    )
    names = ("lower_quartile", "median", "upper_quartile")
    found = dict(zip(names, quartiles, strict=True))
    return {name: float(f"{found[name]:.4g}") for name in sorted(names, key=_order)}


def _order(name: str) -> bool:
    return name != "median"


def fastest(ways: Mapping[str, Run], calls: int) -> tuple[str, dict[str, float]]:
    """Try every way in turns; the name of the fastest, and all medians in ms.

    Args:
      ways: each was called before, so that nothing is compiled now.
      calls: rounds.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(calls):
        for name, run in ways.items():
            times[name] += milliseconds(run, 1)
    medians = {name: spread(each)["median"] for name, each in times.items()}
    return min(medians, key=medians.__getitem__), medians

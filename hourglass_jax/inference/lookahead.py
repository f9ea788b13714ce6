"""Work that runs ahead of whoever wants its results."""

import collections
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Decoding, cropping and encoding pictures let go of Python's lock.
THREADS = min(8, os.cpu_count() or 1)


def ahead(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    threads: int = THREADS,
    depth: int = 2 * THREADS,
) -> Iterator[Result]:
    """``map(work, items)`` in threads: results in order, `depth` of them ahead.

    Items are taken in the caller's thread. What `work` raises is raised here, in its
    turn. Closing the iterator waits for what is being worked on, and drops the rest.
    """
    pool = ThreadPoolExecutor(threads)
    pending: collections.deque[Future[Result]] = collections.deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) > depth:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def in_background(items: Iterator[Item], depth: int) -> Iterator[Item]:
    """The items themselves, taken by a thread of their own, `depth` of them ahead."""
    end = object()
    taken = ahead(
        lambda _: next(items, end), itertools.repeat(None), threads=1, depth=depth
    )
    try:
        for item in taken:
            if item is end:
                return
            yield item  # type: ignore[misc]
    finally:
        taken.close()  # type: ignore[attr-defined]

"""What the process does with memory that is free again."""

import ctypes
import sys
from pathlib import Path

# Of glibc's malloc.h. Other systems' libraries have no such function.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


def keep_memory() -> None:
    """Keep what is freed for the next array, where the C library is glibc's.

    XLA for CPU asks for a program's temporary memory anew at every call, and malloc
    gives so large a piece back to the system each time: to get it again, zeroed page by
    page, costs time in every call. The process then stays as large as it ever was, and
    all threads share one arena: good for training and for batches, but not for single
    pictures (docs/speed.md). Not where there is a GPU, whose memory is another. To be
    called at the start, before there are threads.
    """
    if sys.platform != "linux" or Path("/dev/nvidia0").exists():
        return
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return
    for option, value in ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1)):
        library.mallopt(option, value)

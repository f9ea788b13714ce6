"""Compiled programs kept on disk, so that a second start does not compile again.

JAX does the work; here is decided where, for how long, and how the user says no. The
numbers do not depend on it: what is loaded is the machine code that was compiled.
"""

import hashlib
import os
import platform
import stat
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "HOURGLASS_COMPILE_CACHE"
"""Environment variable: a folder, or `off`."""
LIMIT = 2 * 2**30
"""Bytes beyond which the oldest programs are deleted; one takes 0.1 to 50 MB."""
_OFF = ("off", "0", "no", "false")
_OPTION = "jax_compilation_cache_dir"
_SECONDS = 0.2  # a program that compiles faster is not worth a file


def enable_compile_cache() -> Path | None:
    """Keep compiled programs on disk; returns the folder, or None if there is none.

    It is the folder of the variable HOURGLASS_COMPILE_CACHE, else ``hourglass_jax/xla``
    in the user's cache folder. JAX_COMPILATION_CACHE_DIR, or a folder that was set by
    `jax.config`, goes first, and nothing of it is changed. A folder that cannot be
    written to is no error: programs are then compiled at every start.
    """
    import jax  # here, for the command line that computes nothing

    if chosen := getattr(jax.config, _OPTION):
        return Path(chosen)
    folder = cache_folder(os.environ)
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(folder, os.W_OK):
        return None
    forget_oldest(folder, LIMIT)
    jax.config.update(_OPTION, str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _SECONDS)
    return folder


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """Where this machine's programs lie, as the environment says; None for `off`."""
    chosen = environment.get(VARIABLE, "")
    if chosen.lower() in _OFF:
        return None
    cache = environment.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(chosen or Path(cache) / "hourglass_jax" / "xla").expanduser()
    return folder.absolute() / _processor()


def forget_oldest(folder: Path, limit: int) -> None:
    """Delete the oldest files until the rest takes at most ``limit`` bytes.

    JAX's own limit needs a lock that every start would wait for. Another process may
    delete the same files at the same moment, which does no harm. Folders stay: for GPUs
    XLA keeps what it tuned in one, which is small.
    """
    found = []
    for path in folder.iterdir():
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        if stat.S_ISREG(status.st_mode):
            found.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= limit:
            break
        path.unlink(missing_ok=True)
        total -= size


def _processor() -> str:
    """A name for what programs are compiled for.

    A home folder may be shared by machines whose processors know other instructions,
    and a program with an unknown one dies without a word.
    """
    described = platform.machine() + platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    known = [line for line in lines if line.startswith(("flags", "Features"))]
    digest = hashlib.sha256("".join([described, *known[:1]]).encode())
    return f"{platform.machine()}-{digest.hexdigest()[:12]}"

"""Which processor this is: what every kept figure says of its machine."""

import os
import platform
from pathlib import Path
from typing import Any

# What decides how fast products are, the widest last.
_UNITS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


def host() -> dict[str, Any]:
    """The processor's name and how many cores this process may use."""
    return {"processor": processor(), "cores": cores()}


def cores() -> int:
    """Of those that this process may use, where the system tells; else of all."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Model and vector units as Linux tells them; elsewhere the architecture."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return platform.machine()
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    known = {key.strip(): value.strip() for key, value in reversed(pairs)}
    name = known.get("model name")
    if name is None:  # such as on ARM
        return platform.machine()
    units = [unit for unit in _UNITS if unit in known.get("flags", "").split()]
    family = f"family {known.get('cpu family')}, model {known.get('model')}"
    return f"{name} ({', '.join([family, *units[-1:]])})"

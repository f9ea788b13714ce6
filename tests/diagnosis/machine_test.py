"""What is said of the processor."""

import os
import platform

import pytest

from hourglass_jax.diagnosis import machine

INTEL = """processor	: 0
cpu family	: 6
model		: 143
model name	: Intel(R) Xeon(R) Processor @ 2.10GHz
flags		: fpu sse4_1 avx2 avx512f avx512_bf16 amx_bf16 amx_tile

processor	: 1
cpu family	: 6
model		: 1
model name	: another
flags		: fpu
"""
ARM = "processor	: 0\nBogoMIPS	: 50.00\nFeatures	: fp asimd\n"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (INTEL, "Intel(R) Xeon(R) Processor @ 2.10GHz (family 6, model 143, amx_bf16)"),
        (INTEL.replace("amx_bf16", ""), None),
        (ARM, platform.machine()),
        ("", platform.machine()),
    ],
)
def test_the_first_processor_and_its_widest_unit(told, expected, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(told)
    found = machine.processor(cpuinfo)
    assert found == expected if expected else found.endswith("model 143, avx512_bf16)")


def test_where_the_system_tells_nothing(tmp_path, monkeypatch):
    assert machine.processor(tmp_path / "none") == platform.machine()
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert machine.cores() == 7

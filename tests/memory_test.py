"""What malloc does after `keep_memory`, in processes of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import resource, sys
import numpy as np
from hourglass_jax.memory import keep_memory
if sys.argv[1] == "keep":
    keep_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(2**26, np.uint8).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(
    sys.platform != "linux" or Path("/dev/nvidia0").exists(),
    reason="glibc's malloc, and no GPU",
)
@pytest.mark.parametrize(("how", "again"), [("keep", False), ("leave", True)])
def test_what_was_freed_is_not_fetched_again(how, again):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True
    )
    # 64 MiB are 16,384 pages, or 32 large ones.
    assert (int(done.stdout) > 16) == again

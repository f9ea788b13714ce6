"""The scripts of benchmarks/ import one another by name, as if run from there."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

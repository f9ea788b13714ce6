"""Our network against the same one in PyTorch: what `hourglass benchmark` runs.

    python benchmarks/against_torch.py OUT.json [CASE...]     pip install torch first

A case is KIND:STACKS:BATCH:DTYPE, such as inference:2:1:float32 or train:8:4:bfloat16;
without any, 24 are run, which takes hours on two cores. OUT.json is
written after every case; the cases that it holds already are not run again, so that the
same command goes on where it was cut off.
"""

import json
import sys
from pathlib import Path

from hourglass_jax.diagnosis.against_torch import compare
from hourglass_jax.diagnosis.cases import default_cases, parse_case

ROUNDS = 15


def main() -> None:
    """Run the cases that are missing."""
    out = Path(sys.argv[1])
    cases = [parse_case(text) for text in sys.argv[2:]] or list(default_cases())
    known = json.loads(out.read_text())["cases"] if out.exists() else {}
    compare([case for case in cases if case.name not in known], ROUNDS, out)


if __name__ == "__main__":
    main()

"""Our network against the same one in PyTorch: what `hourglass benchmark` runs.

    python benchmarks/against_torch.py OUT.json [--keep] [CASE...]   pip install torch

A case is KIND:STACKS:BATCH:DTYPE, such as inference:2:1:float32 or train:8:4:bfloat16;
without any, 24 are run, which takes hours on two cores. OUT.json is
written after every case; the cases that it holds already are not run again, so that the
same command goes on where it was cut off. With `--keep` malloc keeps what is freed
for inference, too, on both sides. `--report` runs nothing, and puts OUT.json
as a table into docs/speed.md, under its name.
"""

import argparse
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pages import put_table

from hourglass_jax.diagnosis.against_torch import compare
from hourglass_jax.diagnosis.cases import Dtype, default_cases, parse_case

ROUNDS = 15
PAGE = Path(__file__).resolve().parents[1] / "docs" / "speed.md"
STACKS = (1, 2, 8)


def main() -> None:
    """Run the cases that are missing, or fill the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT.json")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--report", action="store_true", help="run nothing")
    parser.add_argument("--keep", action="store_true", help="malloc keeps memory")
    given = parser.parse_intermixed_args()
    if given.report and not given.out.is_file():
        parser.error(f"{given.out} is not there")
    known = json.loads(given.out.read_text())["cases"] if given.out.exists() else {}
    if given.report:
        put_table(PAGE, make_table(known), given.out.stem)
        return
    cases = [parse_case(text) for text in given.cases] or list(default_cases())
    missing = [case for case in cases if case.name not in known]
    compare(missing, ROUNDS, given.out, keep=given.keep)


def make_table(known: Mapping[str, Any]) -> str:
    """A row a load and dtype of the kinds there are, a column a number of stacks."""
    heads = [f"{n} stack{'s' if n > 1 else ''}" for n in STACKS]
    lines = [f"| | {' | '.join(heads)} |", f"|---|{'---|' * len(STACKS)}"]
    loads = [("inference", batch) for batch in (1, 8, 32)] + [("train", 4)]
    kinds = {name.partition(":")[0] for name in known}
    loads = [load for load in loads if load[0] in kinds]
    for (kind, batch), dtype in itertools.product(loads, get_args(Dtype)):
        what = "inference" if kind == "inference" else "training step"
        cells = [f"{what}, {dtype}, {batch} image{'s' if batch > 1 else ''}"]
        row = [known.get(f"{kind}:{stacks}:{batch}:{dtype}") for stacks in STACKS]
        cells += [_cell(found) if found else "not measured" for found in row]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(found: Mapping[str, Any]) -> str:
    ratio = found["ratio"]
    times = (found[side]["median"] for side in ("ours_ms", "torch_ms"))
    ours, theirs = (f"{ms:,.0f}" if ms >= 100 else f"{ms:.1f}" for ms in times)
    return (
        f"**{ratio['median']:.2f}** ({ratio['lower_quartile']:.2f} to "
        f"{ratio['upper_quartile']:.2f}); {ours} : {theirs}"
    )


if __name__ == "__main__":
    main()

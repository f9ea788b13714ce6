"""Our network and PyTorch's, with the same weights, in turns on the same machine."""

import dataclasses
import datetime
import importlib.util
import json
import statistics
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hourglass_jax.diagnosis.cases import Case
from hourglass_jax.diagnosis.contenders import Contender, ContenderError, contender
from hourglass_jax.diagnosis.machine import host
from hourglass_jax.diagnosis.timing import spread
from hourglass_jax.errors import InputError
from hourglass_jax.files import write_json
from hourglass_jax.progress import console

OURS, THEIRS = "hourglass_jax.diagnosis.ours", "hourglass_jax.diagnosis.theirs"
SECONDS = 1.0
"""A turn lasts about this long, and at least one call."""
# Of the largest heatmap cell, or of the loss; from our answer in float32. On GPUs the
# factors of float32 products may be rounded to TF32, 11 bits in place of 24; in
# bfloat16 they have 8, and rounding differs in every layer. A wrong network is off by
# about 1.
TOLERANCES = {"float32": 1e-5, "tf32": 1e-2, "bfloat16": 0.1}
# Of the gradient's norm. A gradient jumps where ReLU and max-pooling choose the other
# side: if rounding turns a share e of their cells, it moves by about the root of e. In
# float64, too, the norm for 2 stacks changes by 1e-3 if images do by 1e-6.
GRADIENT_TOLERANCES = {"float32": 3e-3, "tf32": 3e-2, "bfloat16": 0.1}


MALLOC = {
    False: "gives back what is freed, on both sides, but for training",
    True: "keeps what is freed, on both sides",
}


class DifferentError(RuntimeError):
    """The two networks do not give the same answers."""


def require_torch() -> None:
    """Raise InputError unless PyTorch is there; it is not imported."""
    if importlib.util.find_spec("torch") is None:
        raise InputError(
            "benchmark: --against torch needs PyTorch, which is not installed; "
            "pip install torch"
        )


def compare(
    cases: Iterable[Case], rounds: int, out: Path | None, *, keep: bool = False
) -> dict[str, Any]:
    """Run cases one after the other; print a line each.

    Args:
      cases: what to compare.
      rounds: turns of each side, at least 2.
      out: JSON file, written again after every case. What it holds of other cases
        stays, and of the same case date and median, in ``earlier``.
      keep: let malloc keep what is freed for inference, too, on both sides. A file
        holds figures of one kind.

    Returns:
      The content of the file: ``about`` and ``cases``, by `Case.name`.

    Raises:
      InputError: PyTorch is not installed, or ``out`` is not such a file, or one of
        another machine or of another way with memory.
      DifferentError: the answers of some cases are not the same; the others are kept.
      ContenderError: some cases could not be prepared; likewise.
    """
    require_torch()
    report = _read(out, keep) if out is not None and out.exists() else {"cases": {}}
    report["about"] = {
        **host(),
        "malloc": MALLOC[keep],
        "ratio": "PyTorch's best time over ours: above 1, ours is faster",
        "rounds": "in turns, each side waits while the other computes",
    }
    failed: list[DifferentError | ContenderError] = []
    for case in cases:
        try:
            result = race(case, rounds, keep=keep)
        except (DifferentError, ContenderError) as error:
            named = type(error)(f"{case.name}: {error}")
            console.print(str(named), markup=False)
            failed.append(named)
            continue
        _refuse_other_devices(result, report["cases"], out)
        before = report["cases"].get(case.name)
        if before is not None:
            was = {"date": before["date"], "median": before["ratio"]["median"]}
            result |= {"earlier": [*before.get("earlier", []), was]}
        report["cases"][case.name] = result
        console.print(format_case(case, result), markup=False)
        if out is not None:
            write_json(out, report)
    if failed:
        raise type(failed[0])("\n".join(map(str, failed)))
    return report


def race(case: Case, rounds: int, *, keep: bool = False) -> dict[str, Any]:
    """Prepare both sides, compare their answers, then time them in turns.

    Raises:
      DifferentError: the answers are not the same.
      ContenderError: a side could not be prepared.
      InputError: one computes on the CPU and the other does not.
    """
    exact = None if case.dtype == "float32" else _answer_exactly(case)
    with (
        tempfile.TemporaryDirectory() as folder,
        contender(OURS, case, Path(folder), keep=keep) as ours,
        contender(THEIRS, case, Path(folder), keep=keep) as theirs,
    ):
        devices = ours.about["device"], theirs.about["device"]
        if devices.count("cpu") == 1:
            raise InputError(
                f"benchmark: JAX computes on {devices[0]}, PyTorch on {devices[1]}; "
                "install both for one device, or hide the GPU from both "
                "(CUDA_VISIBLE_DEVICES=)"
            )
        exact = ours.answer if exact is None else exact
        answers = ours.answer, theirs.answer
        on_gpu = case.dtype == "float32" and devices[0] != "cpu"
        rounding = "tf32" if on_gpu else case.dtype
        deviation = max(
            check_answers(case, answer, exact, rounding) for answer in answers
        )
        turns = _race(ours, theirs, rounds)
        return {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "deviation": float(f"{deviation:.2g}"),
            "ratio": spread(their / our for our, their in turns),
            "ours_ms": spread(our for our, _ in turns),
            "torch_ms": spread(their for _, their in turns),
            "rounds": rounds,
            "malloc_keeps": keep or case.kind == "train",
            "ours": ours.about,
            "torch": theirs.about,
        }


def _answer_exactly(case: Case) -> np.ndarray:
    """Our answer in float32: of two in bfloat16 neither is the other's truth."""
    wide = dataclasses.replace(case, dtype="float32")
    with (
        tempfile.TemporaryDirectory() as folder,
        contender(OURS, wide, Path(folder)) as ours,
    ):
        return ours.answer


def check_answers(
    case: Case, answer: np.ndarray, exact: np.ndarray, rounding: str
) -> float:
    """The largest difference, as a share of the largest heatmap cell, or of the loss.

    ``rounding`` is a key of `TOLERANCES`.

    Raises:
      DifferentError: it is above `TOLERANCES`, for the gradient's norm above
        `GRADIENT_TOLERANCES`, or a shape or a value is wrong.
    """
    if answer.shape != exact.shape:
        raise DifferentError(f"{answer.shape} here, {exact.shape} there")
    size, allowed = np.abs(exact), np.array(TOLERANCES[rounding])
    if case.kind == "train":
        allowed = np.array([allowed, GRADIENT_TOLERANCES[rounding]])
    share = np.abs(answer - exact) / (size if case.kind == "train" else size.max())
    if not np.all(share <= allowed):  # also where it is not a number
        raise DifferentError(
            f"the answers differ by {share.max():.2g} of their size, more than "
            f"{' and '.join(map(str, allowed.flat))}"
        )
    return float(share.max())


def format_case(case: Case, result: dict[str, Any]) -> str:
    """One line: ratio with quartiles, both times, the way that was PyTorch's best."""
    ratio, ours, theirs = (result[key] for key in ("ratio", "ours_ms", "torch_ms"))
    failed = "".join(f"; failed: {way}" for way in result["torch"].get("failed", ()))
    return (
        f"{case.name:28s} ratio {ratio['median']:.2f} "
        f"({ratio['lower_quartile']:.2f} to {ratio['upper_quartile']:.2f})  "
        f"ours {ours['median']:.1f} ms ({result['ours']['best']})  "
        f"torch {theirs['median']:.1f} ms ({result['torch']['best']}{failed})"
    )


def _race(ours: Contender, theirs: Contender, rounds: int) -> list[tuple[float, float]]:
    """Median milliseconds of both sides, round by round; the first is left out."""
    slower = max(ours.time(1)[0], theirs.time(1)[0])
    calls = max(1, round(1e3 * SECONDS / slower))
    return [
        (statistics.median(ours.time(calls)), statistics.median(theirs.time(calls)))
        for _ in range(rounds)
    ]


def _refuse_other_devices(
    result: dict[str, Any], known: Mapping[str, Any], out: Path | None
) -> None:
    """Raise InputError where the file's cases were computed on another GPU."""
    for before in known.values():
        for side in ("ours", "torch"):
            was, now = before[side]["device"], result[side]["device"]
            if was != now:
                raise InputError(
                    f"benchmark: {out} was measured on {was}, and this is {now}; "
                    "give a new name"
                )


def _name(machine: dict[str, Any]) -> str:
    return f"{machine['cores']} cores of {machine['processor']}"


def _read(path: Path, keep: bool) -> dict[str, Any]:
    try:
        report = json.loads(path.read_text())
        report["cases"].keys()
        there = {name: report["about"][name] for name in host()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"benchmark: {path} is not a file of this comparison; give a new name"
        ) from error
    if there != host():
        raise InputError(
            f"benchmark: {path} was measured on {_name(there)}, and this is "
            f"{_name(host())}; give a new name"
        )
    # Files that say nothing are of the time before there was a choice.
    kept = report["about"].get("malloc", MALLOC[False])
    if kept != MALLOC[keep]:
        raise InputError(
            f"benchmark: {path} was measured where malloc {kept}, and here it "
            f"{MALLOC[keep]}; give a new name"
        )
    return dict(report)

"""Latency, throughput and memory of a model, and what each of its exits is worth."""

import datetime
import platform
import resource
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from hourglass_jax.config import DataConfig
from hourglass_jax.diagnosis import text
from hourglass_jax.diagnosis.cost import (
    count_parameters,
    count_products,
    variable_shapes,
)
from hourglass_jax.diagnosis.machine import host
from hourglass_jax.diagnosis.subject import shorten
from hourglass_jax.diagnosis.timing import milliseconds, spread
from hourglass_jax.errors import InputError
from hourglass_jax.evaluation.models import answer_people, open_people
from hourglass_jax.inference.predictor import Predictor

Models = Mapping[int, Predictor]
"""The same model, left after so many stacks."""


def choose_exits(model: Predictor, wanted: Sequence[int]) -> list[int]:
    """Numbers of stacks to measure: those asked for, or powers of two and all.

    Raises:
      InputError: the model has no such stack, or is a file that runs as it is, or only
        its last stack was taught to answer.
    """
    stacks = model.card.model.stacks
    whole = not hasattr(model, "variables") or model.card.model.supervise == "last"
    possible = [stacks] if whole else range(1, stacks + 1)
    for each in wanted:
        if each not in possible:
            raise InputError(
                f"benchmark: --stacks {each}; expected {possible[0]} to {possible[-1]}"
            )
    powers = [n for n in possible if n & (n - 1) == 0 or n == stacks]
    return sorted(set(wanted)) or powers


def leave(model: Predictor, stacks: int) -> Predictor:
    """The model without the stacks behind the first ``stacks``."""
    if stacks == model.card.model.stacks:
        return model
    return shorten(model, stacks)


def measure(
    models: Models, batch_sizes: Sequence[int], rounds: int
) -> list[dict[str, Any]]:
    """Time every model at every batch size, in turns; compiled and warm.

    A call is what users make: bytes of crops in, keypoints and scores out.
    """
    rng = np.random.default_rng(0)
    runs = {}
    for stacks, model in models.items():
        for batch in batch_sizes:
            shape = (batch, *model.card.input_size, 3)
            crops = rng.integers(0, 256, shape, np.uint8)
            runs[stacks, batch] = partial(model.predict_crops, crops)
            runs[stacks, batch]()
    times: dict[tuple[int, int], list[float]] = {key: [] for key in runs}
    for _ in range(rounds):
        for key, run in runs.items():
            times[key] += milliseconds(run, 1)
    found = []
    for (stacks, batch), each in times.items():
        latency = spread(each)
        rate = round(1e3 * batch / latency["median"], 2)
        found.append({"stacks": stacks, "batch": batch, "latency_ms": latency})
        found[-1]["crops_per_second"] = rate
    return found


def weigh(models: Models, data: DataConfig | None, split: str) -> list[dict[str, Any]]:
    """What each exit costs; and, on a data set, how right it is.

    Raises:
      InputError: the data set cannot be used.
    """
    people = (
        None if data is None else open_people(next(iter(models.values())), data, split)
    )
    found = []
    for stacks, model in models.items():
        net, size = model.card.network(), model.card.input_size
        exit_: dict[str, Any] = {
            "stacks": stacks,
            "parameters": count_parameters(variable_shapes(net, size)).total(),
            "multiply_adds": count_products(net, size).total(),
        }
        if people is not None:
            answers = answer_people(
                model, people, flip=False, scales=(1.0,), batch_size=32
            )
            rows = answers.summary()
            exit_["scores"] = {n: r["Mean"] for n, r in rows.items() if "@" in n}
        found.append(exit_)
    return found


def peak_memory() -> dict[str, int]:
    """Most bytes in use so far: of this process, and of its device where it says."""
    # Kibibytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    found = {"process": unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
    of_device = jax.local_devices()[0].memory_stats()
    if of_device and "peak_bytes_in_use" in of_device:
        found["device"] = of_device["peak_bytes_in_use"]
    return found


def about() -> dict[str, Any]:
    """Device, versions and date of a measurement."""
    device = jax.devices()[0]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": f"{device.device_kind} ({platform.machine()})",
        "devices": jax.device_count(),
        **host(),
        "versions": {"jax": jax.__version__, "python": platform.python_version()},
    }


def describe(report: Mapping[str, Any]) -> str:
    """Tables of `measure` and `peak_memory`."""
    rows = [("stacks", "batch", "ms", "quartiles", "crops/s")]
    for each in report["speed"]:
        latency = each["latency_ms"]
        low, high = latency["lower_quartile"], latency["upper_quartile"]
        rows.append(
            (
                *(str(each["stacks"]), str(each["batch"])),
                *(f"{latency['median']:.1f}", f"{low:.1f} to {high:.1f}"),
                f"{each['crops_per_second']:.1f}",
            )
        )
    memory = ", ".join(f"{k} {text.size(v)}" for k, v in report["memory"].items())
    title = "crops to keypoints on {device}; {cores} cores of {processor}".format(
        **report["about"]
    )
    return f"{title}\n{text.align(rows)}\npeak memory: {memory}"


def describe_exits(exits: Sequence[Mapping[str, Any]]) -> str:
    """Table of `weigh`."""
    scores = list(exits[0].get("scores", {}))
    rows = [("stacks", "parameters", "multiply-adds", *scores)]
    for each in exits:
        known = each.get("scores", {})
        rows.append(
            (
                *(str(each["stacks"]), f"{each['parameters']:,}"),
                text.count(each["multiply_adds"]),
                *("-" if known[s] is None else f"{known[s]:.2f}" for s in scores),
            )
        )
    return f"leaving after so many stacks\n{text.align(rows)}"

"""Training samples a second: prepared records, and the way that most ports do it.

    python benchmarks/input.py [OUT.json]        PyTorch is needed: pip install torch

Both make the same kind of sample, 256x256 pixels out of 1280x720 photographs, with the
authors' augmentation, in one run and in turns:

- ours: prepared records, `hourglass_jax.data.pipeline`; what arrives is a uint8 crop
  and its keypoints, as heatmaps are rendered on the device.
- plain: a PyTorch `DataLoader` that opens each photograph, crops it with OpenCV, makes
  float32 of it and renders the 16 heatmaps of 64x64 cells on the CPU.

Samples a second are by the wall clock; a core's are by the CPU seconds of the process
and of its workers. The photographs are drawn by the project: a figure, enlarged, on a
background with texture and noise; they are as large as JPEG files of that size are.
"""

import datetime
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from plain_loader import (
    HEIGHT,
    PHOTOGRAPHS,
    SIDE,
    WIDTH,
    PlainDataset,
    write_photographs,
)
from torch.utils.data import DataLoader

from hourglass_jax.config import AugmentConfig, Config, DataConfig, TrainConfig
from hourglass_jax.data.crop import crop_picture
from hourglass_jax.data.datasets import open_dataset
from hourglass_jax.data.pipeline import training_batches
from hourglass_jax.data.samples import TrainingSample
from hourglass_jax.data.schema import open_picture
from hourglass_jax.diagnosis.machine import host
from hourglass_jax.geometry import crop_affine

BATCH, BATCHES, ROUNDS = 16, 30, 5
WORKERS = (0, 1, 2)


def make_config(folder: Path, workers: int) -> Config:
    """The authors' augmentation, on the photographs in ``folder``."""
    return Config(
        data=DataConfig(
            dataset="coco_json",
            raw_dir=folder / "raw",
            data_dir=folder / "prepared",
            input_size=SIDE,
            workers=workers,
            validation_share=0.0,
        ),
        augment=AugmentConfig(),
        train=TrainConfig(batch_size=BATCH),
    )


def our_batches(config: Config) -> Iterator[Any]:
    """Endless batches of ours."""
    return training_batches(open_dataset(config.data), config)


def plain_batches(folder: Path, workers: int) -> Iterator[Any]:
    """Endless batches of the plain loader, epoch after epoch."""
    loader = DataLoader(
        PlainDataset(folder),
        batch_size=BATCH,
        shuffle=True,
        num_workers=workers,
        drop_last=True,
        persistent_workers=workers > 0,
    )
    return itertools.chain.from_iterable(itertools.repeat(loader))


def samples_per_second(batches: Iterator[Any]) -> tuple[float, float]:
    """By the wall clock, and by CPU seconds of this process and its children."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    for _ in range(BATCHES):
        next(batches)
    made = BATCH * BATCHES
    return made / (time.perf_counter() - wall), made / (cpu_seconds() - cpu)


def profile(folder: Path) -> dict[str, dict[str, float]]:
    """Milliseconds of CPU a sample, by what is done, in one thread."""
    config = make_config(folder, workers=0)
    dataset = open_dataset(config.data)
    records = dataset.split("train")
    kept = [records[i] for i in range(len(records))]
    make = TrainingSample(
        skeleton=dataset.skeleton,
        others=records,
        augment=config.augment,
        size=(SIDE, SIDE),
    )
    affines = [
        crop_affine(record["center_img"], record["side_img"], (SIDE, SIDE))
        for record in kept
    ]
    opened = [
        open_picture(*each, (SIDE, SIDE)) for each in zip(kept, affines, strict=True)
    ]
    plain = PlainDataset(folder / "raw")
    return {
        "ours": {
            "read the record": milliseconds(lambda i: records[i]),
            "decode what the crop needs": milliseconds(
                lambda i: open_picture(kept[i], affines[i], (SIDE, SIDE))
            ),
            "warp": milliseconds(lambda i: crop_picture(*opened[i], (SIDE, SIDE))),
            "all of a sample": milliseconds(
                lambda i: make(records[i], np.random.default_rng(i))
            ),
        },
        "plain": {
            "decode the photograph": milliseconds(lambda i: cv2.imread(plain.files[i])),
            "render the heatmaps": milliseconds(
                lambda i: np.stack([plain._heatmap(i % 64, k) for k in range(16)])
            ),
            "all of a sample": milliseconds(lambda i: plain[i]),
        },
    }


def milliseconds(work: Callable[[int], Any]) -> float:
    """CPU time of a call, the median of the rounds' means over all photographs."""
    means = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for i in range(PHOTOGRAPHS):
            work(i)
        means.append(1e3 * (time.process_time() - began) / PHOTOGRAPHS)
    return round(statistics.median(means), 3)


def cpu_seconds() -> float:
    """What this process and its living workers have used so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended in the meantime
        if os.getpid() in (int(stat.parent.name), int(fields[1])):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, workers: int) -> dict[str, Any]:
    """Both ways in turns; the first round, which starts the workers, is left out."""
    config = make_config(folder, workers)
    ways: dict[str, Iterator[Any]] = {
        "ours": our_batches(config),
        "plain": plain_batches(folder / "raw", workers),
    }
    rounds = [
        {way: samples_per_second(batches) for way, batches in ways.items()}
        for _ in range(ROUNDS + 1)
    ][1:]
    return {
        "workers": workers,
        **_column(rounds, "samples_per_second", lambda wall_cpu: wall_cpu[0]),
        **_column(rounds, "samples_per_cpu_second", lambda wall_cpu: wall_cpu[1]),
    }


def _column(
    rounds: list[dict[str, tuple[float, float]]],
    name: str,
    pick: Callable[[tuple[float, float]], float],
) -> dict[str, float]:
    ours = [pick(each["ours"]) for each in rounds]
    plain = [pick(each["plain"]) for each in rounds]
    ratios = sorted(a / b for a, b in zip(ours, plain, strict=True))
    return {
        f"{name}_ours": round(statistics.median(ours), 1),
        f"{name}_plain": round(statistics.median(plain), 1),
        f"{name}_ratio": round(statistics.median(ratios), 2),
        f"{name}_ratio_lowest": round(ratios[0], 2),
        f"{name}_ratio_highest": round(ratios[-1], 2),
    }


def main() -> None:
    """Print a line for each number of workers and, given a path, keep it as JSON."""
    # The pipeline gives each sample one thread; so does the plain loader.
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_photographs(folder / "raw")
        sizes = [p.stat().st_size for p in (folder / "raw" / "images").iterdir()]
        results = [measure(folder, workers) for workers in WORKERS]
        stages = profile(folder)
    for result in results:
        print(*(f"{key} {value}" for key, value in result.items()), sep="\n  ")
    for way, by_stage in stages.items():
        print(way, *(f"{key} {value}" for key, value in by_stage.items()), sep="\n  ")
    report = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **host(),
        "versions": {
            "opencv": cv2.__version__,
            "numpy": np.__version__,
            "torch": torch.__version__,
        },
        "photographs": f"{WIDTH}x{HEIGHT}, {round(np.mean(sizes) / 1024)} KiB each",
        "batch": BATCH,
        "rounds": ROUNDS,
        "results": results,
        "cpu_milliseconds_a_sample": stages,
    }
    for path in sys.argv[1:]:
        Path(path).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

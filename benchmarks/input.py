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
import platform
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
from torch.utils.data import DataLoader, Dataset

from hourglass_jax.config import AugmentConfig, Config, DataConfig, TrainConfig
from hourglass_jax.data.datasets import open_dataset
from hourglass_jax.data.figures import draw_figure
from hourglass_jax.data.pipeline import training_batches

PHOTOGRAPHS, WIDTH, HEIGHT = 192, 1280, 720
FIGURE = 1.8  # times as large as it is drawn: some 400 pixels, as people in MPII
BATCH, BATCHES, ROUNDS = 16, 30, 5
SIDE, CELLS = 256, 64
WORKERS = (0, 1, 2)


def write_photographs(folder: Path) -> None:
    """Photographs and their labels as COCO JSON, the form of a user's own data."""
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(PHOTOGRAPHS):
        picture, keypoints, visibility, box = draw_photograph(number)
        name = f"{number:04d}.jpg"
        cv2.imwrite(
            str(folder / "images" / name), picture, [cv2.IMWRITE_JPEG_QUALITY, 92]
        )
        images.append(
            {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT}
        )
        labels = np.column_stack([keypoints, visibility])
        left, top, right, bottom = box
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "keypoints": labels.ravel().tolist(),
                "num_keypoints": int((visibility > 0).sum()),
                "bbox": [left, top, right - left, bottom - top],
                "area": (right - left) * (bottom - top),
                "iscrowd": 0,
            }
        )
    names = [f"keypoint_{i}" for i in range(16)]
    category = {"id": 1, "name": "person", "keypoints": names, "skeleton": []}
    content = {"images": images, "annotations": annotations, "categories": [category]}
    (folder / "annotations.json").write_text(json.dumps(content))


def draw_photograph(number: int) -> tuple[np.ndarray, ...]:
    """A picture (BGR), keypoints, visibility and box of one person in it."""
    rng = np.random.default_rng((1, number))
    coarse = rng.integers(0, 256, (24, 43, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    figure = draw_figure(0, number)
    large = cv2.resize(figure.image[..., ::-1], None, fx=FIGURE, fy=FIGURE)
    height, width = large.shape[:2]
    left, top = rng.integers(0, WIDTH - width), rng.integers(0, HEIGHT - height)
    picture[top : top + height, left : left + width] = large
    noise = rng.normal(0, 1.2, picture.shape)
    picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    offset = np.array([left, top])
    points = (figure.keypoints_img + 0.5) * FIGURE - 0.5 + offset
    box = figure.box_img.reshape(2, 2) * FIGURE + offset
    return picture, points, figure.visibility, box.ravel()


class PlainDataset(Dataset):
    """Opens, crops, renders: what one finds in most training scripts."""

    def __init__(self, folder: Path) -> None:
        content = json.loads((folder / "annotations.json").read_text())
        self.files = [
            str(folder / "images" / i["file_name"]) for i in content["images"]
        ]
        self.annotations = content["annotations"]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """A float32 crop [3 h w] and its heatmaps [k h w]."""
        rng = np.random.default_rng(index)
        picture = cv2.cvtColor(cv2.imread(self.files[index]), cv2.COLOR_BGR2RGB)
        annotation = self.annotations[index]
        labels = np.reshape(annotation["keypoints"], (-1, 3))
        matrix = self._affine(annotation["bbox"], rng)
        crop = cv2.warpAffine(picture, matrix, (SIDE, SIDE))
        points = labels[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        image = crop.astype(np.float32).transpose(2, 0, 1) / 255
        gains = rng.uniform(0.6, 1.4, (3, 1, 1)).astype(np.float32)
        heatmaps = np.stack([self._heatmap(*point) for point in points / 4])
        return torch.from_numpy(np.clip(image * gains, 0, 1)), torch.from_numpy(
            heatmaps
        )

    def _affine(self, box: list[float], rng: np.random.Generator) -> np.ndarray:
        x, y, width, height = box
        scale = 2 ** np.clip(rng.normal(0, 0.25), -0.5, 0.5)
        angle = rng.normal(0, 30) if rng.random() < 0.4 else 0.0
        ratio = SIDE / (1.25 * max(width, height) * scale)
        center = (x + width / 2, y + height / 2)
        matrix = cv2.getRotationMatrix2D(center, float(np.clip(angle, -60, 60)), ratio)
        matrix[:, 2] += SIDE / 2 - np.array(center)
        return matrix

    def _heatmap(self, x: float, y: float) -> np.ndarray:
        columns = np.arange(CELLS, dtype=np.float32)
        rows = columns[:, None]
        return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2).astype(np.float32)


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
    config = Config(
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
    for result in results:
        print(*(f"{key} {value}" for key, value in result.items()), sep="\n  ")
    report = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "versions": {
            "opencv": cv2.__version__,
            "numpy": np.__version__,
            "torch": torch.__version__,
        },
        "photographs": f"{WIDTH}x{HEIGHT}, {round(np.mean(sizes) / 1024)} KiB each",
        "batch": BATCH,
        "rounds": ROUNDS,
        "results": results,
    }
    for path in sys.argv[1:]:
        Path(path).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

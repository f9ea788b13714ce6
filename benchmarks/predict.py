"""Keypoints a second through `hourglass predict`, against the bare jitted function.

    python benchmarks/predict.py [--json OUT.json] [--photographs 500] [--stacks 2] ...

Both see the same people, one a photograph, in one process and in turns. The command
reads JPEG files, cuts people out by their boxes, answers in batches, and writes JSON
and, in one of two ways of running it, drawn pictures. The bare function gets crops that
lie in memory already, in its own largest batches. A ratio is the command's rate over
the bare one's, the median of the rounds' ratios; 1 would mean that reading and writing
cost nothing. Weights are drawn at random: their values do not change the work.
"""

import contextlib
import dataclasses
import datetime
import io
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import jax
import numpy as np
import tyro

from hourglass_jax.config import ModelConfig
from hourglass_jax.data.figures import draw_figure
from hourglass_jax.data.photographs import read_photograph
from hourglass_jax.diagnosis.machine import host
from hourglass_jax.inference.crops import crop_people
from hourglass_jax.inference.files import predict_files
from hourglass_jax.inference.job import Job
from hourglass_jax.inference.predictor import ModelCard, Predictor
from hourglass_jax.models.hourglass import init
from hourglass_jax.skeleton import LSP

HEIGHT, WIDTH = 480, 640
PADDING = 1.25


@dataclasses.dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What is run. The default network is the ports' two stacks."""

    json: Path | None = None
    photographs: int = 500
    rounds: int = 5
    stacks: int = 2
    features: int = 256
    depth: int = 4
    input_size: int = 256
    dtype: str = "float32"


def make_model(benchmark: Benchmark) -> Predictor:
    """A network with random weights."""
    card = ModelCard(
        model=ModelConfig(
            stacks=benchmark.stacks,
            features=benchmark.features,
            depth=benchmark.depth,
            dtype=benchmark.dtype,  # type: ignore[arg-type]
        ),
        skeleton=LSP,
        input_size=(benchmark.input_size, benchmark.input_size),
        box_padding=PADDING,
        decoder="quarter",
        sigma_hm=1.5,
    )
    return Predictor(card, init(card.network(), jax.random.key(0)))


def write_photographs(folder: Path, count: int) -> Path:
    """Drawn people, enlarged, as JPEG files of usual quality; and their boxes."""
    boxes = {}
    (folder / "photographs").mkdir()
    for i in range(count):
        figure = draw_figure(0, i)
        picture = cv2.resize(figure.image, (WIDTH, HEIGHT))
        name = f"{i:05}.jpg"
        cv2.imwrite(str(folder / "photographs" / name), picture[..., ::-1])
        height, width = figure.image.shape[:2]
        low, high = figure.keypoints_img.min(axis=0), figure.keypoints_img.max(axis=0)
        enlarge = np.array([WIDTH / width, HEIGHT / height])
        boxes[name] = [[*(low * enlarge).tolist(), *(high * enlarge + 1).tolist()]]
    (folder / "boxes.json").write_text(json.dumps(boxes))
    return folder / "photographs"


def read_crops(folder: Path, boxes: dict[str, Any], size: int) -> np.ndarray:
    """The crops that the command makes of the same photographs."""
    return np.concatenate(
        [
            crop.images
            for name, some in boxes.items()
            for crop in crop_people(
                read_photograph(folder / name),
                np.array(some),
                PADDING,
                (size, size),
                (1.0,),
            )
        ]
    )


def seconds(work: Callable[[], Any]) -> float:
    """By the wall clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(benchmark: Benchmark, folder: Path) -> dict[str, Any]:
    """Rates of all ways, in turns; a first round compiles and is left out."""
    model = make_model(benchmark)
    photographs = write_photographs(folder, benchmark.photographs)
    boxes = json.loads((folder / "boxes.json").read_text())
    crops = read_crops(photographs, boxes, benchmark.input_size)

    def command(draw: bool) -> None:
        job = Job(out=folder / "out", boxes=folder / "boxes.json", draw=draw)
        with contextlib.redirect_stderr(io.StringIO()):
            assert predict_files(model, [str(photographs)], job) == 0

    ways: dict[str, Callable[[], Any]] = {
        "bare": lambda: model.predict_crops(crops),
        "predict_drawn": lambda: command(draw=True),
        "predict_json": lambda: command(draw=False),
    }
    rounds = [
        {way: seconds(work) for way, work in ways.items()}
        for _ in range(benchmark.rounds + 1)
    ][1:]
    keypoints = len(crops) * len(LSP.keypoints)
    found: dict[str, Any] = {"keypoints": keypoints}
    for way in ways:
        taken = [each[way] for each in rounds]
        found[f"{way}_keypoints_per_second"] = round(
            keypoints / statistics.median(taken), 1
        )
        ratios = sorted(each["bare"] / each[way] for each in rounds)
        if way != "bare":
            found[f"{way}_ratio"] = round(statistics.median(ratios), 3)
            found[f"{way}_ratio_lowest"] = round(ratios[0], 3)
            found[f"{way}_ratio_highest"] = round(ratios[-1], 3)
    return found


def main(benchmark: Benchmark) -> None:
    """Print what was found and, given a path, keep it as JSON."""
    with tempfile.TemporaryDirectory() as name:
        found = measure(benchmark, Path(name))
    for key, value in found.items():
        print(key, value)
    if benchmark.json is None:
        return
    device = jax.devices()[0]
    report = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": f"{device.platform} {device.device_kind} {platform.machine()}",
        **host(),
        "versions": {"jax": jax.__version__, "opencv": cv2.__version__},
        "photographs_size": f"{WIDTH}x{HEIGHT}",
        **{k: v for k, v in dataclasses.asdict(benchmark).items() if k != "json"},
        **found,
    }
    benchmark.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Benchmark, description=__doc__))

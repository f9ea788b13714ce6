"""A look at what a network is taught: statistics, and crops with their labels."""

import dataclasses
from pathlib import Path

import cv2
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from hourglass_jax.config import Config, DataConfig
from hourglass_jax.data.annotations import Annotations, Person
from hourglass_jax.data.datasets import data_dir, open_dataset
from hourglass_jax.data.pipeline import Batch, training_batches
from hourglass_jax.data.records import Dataset
from hourglass_jax.data.schema import Record
from hourglass_jax.data.sources import Reader, find_source
from hourglass_jax.data.statistics import count, draw_page
from hourglass_jax.drawing import (
    Picture,
    draw_heatmaps,
    draw_keypoints,
    save_picture,
)
from hourglass_jax.files import write_json
from hourglass_jax.geometry import resize_affine, transform
from hourglass_jax.heatmaps import make_targets
from hourglass_jax.progress import console
from hourglass_jax.skeleton import Skeleton

ROWS, COLUMNS = 4, 6
_SIDE, _GAP = 176, 4
_STRIDE = 4  # of every network here: crop pixels a heatmap cell
_CERTAINTY = np.array([0.0, 0.3, 1.0], np.float32)  # hidden joints are drawn fainter


def write_preview(config: Config, out: Path) -> list[Path]:
    """Write statistics.json and statistics.png, and crops.png where photographs are.

    Returns what was written.

    Raises:
      InputError: the data set cannot be read, or some photographs are missing while
        others are there.
    """
    found = _annotations(config.data)
    statistics = count(found)
    written = [out / "statistics.json", out / "statistics.png"]
    write_json(written[0], statistics.to_dict())
    draw_page(statistics, written[1])
    if found.folder != _DRAWN and not any(
        (found.folder / person.file).is_file() for person in found.people()
    ):
        console.print(f"{found.name}: no photographs in {found.folder}; no crops.png")
        return written
    dataset = open_dataset(config.data, config.augment.reach)
    save_picture(out / "crops.png", draw_contact_sheet(dataset, config))
    return [*written, out / "crops.png"]


_DRAWN = Path()


def _annotations(config: DataConfig) -> Annotations:
    source = find_source(config.dataset)
    if isinstance(source, Reader):
        return source.read(source.find(config, data_dir(config)), config)
    dataset = open_dataset(config)
    splits = {
        split: tuple(_person(split, records[i]) for i in range(len(records)))
        for split, records in dataset.splits.items()
    }
    return Annotations(
        name=dataset.name, skeleton=dataset.skeleton, folder=_DRAWN, splits=splits
    )


def _person(split: str, record: Record) -> Person:
    known = {field.name for field in dataclasses.fields(Person)} & record.keys()
    fields = {name: record[name] for name in known - {"file"}}
    return Person(**fields, file=record["file"].decode(), where=split)


def draw_contact_sheet(dataset: Dataset, config: Config) -> Picture:
    """The first training crops of a run: each with its keypoints, then its heatmaps."""
    shown = dataclasses.replace(
        config, train=dataclasses.replace(config.train, batch_size=ROWS * COLUMNS)
    )
    batch = next(iter(training_batches(dataset, shown)))
    side = config.data.input_size // _STRIDE
    targets, _ = make_targets(
        jnp.asarray(batch["keypoints_crop"]),
        jnp.asarray(batch["visibility"]),
        (side, side),
        _STRIDE,
        config.target,
    )
    cells = [
        np.hstack(
            [
                _draw_labels(batch, i, dataset.skeleton),
                draw_heatmaps(_small(batch["image"][i]), np.asarray(targets[i])),
            ]
        )
        for i in range(ROWS * COLUMNS)
    ]
    return _arrange(cells)


def _draw_labels(batch: Batch, i: int, skeleton: Skeleton) -> Picture:
    ratio = _SIDE / batch["image"].shape[1]
    points = transform(resize_affine(ratio, ratio), batch["keypoints_crop"][i])
    certainty = _CERTAINTY[batch["visibility"][i]]
    return draw_keypoints(_small(batch["image"][i]), points, certainty, skeleton)


def _small(crop: np.ndarray) -> np.ndarray:
    return cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)


def _arrange(cells: list[Picture]) -> UInt8[np.ndarray, "rows columns 3"]:
    height, width = cells[0].shape[:2]
    sheet = np.full(
        (ROWS * (height + _GAP) + _GAP, COLUMNS * (width + _GAP) + _GAP, 3),
        255,
        np.uint8,
    )
    for number, cell in enumerate(cells):
        row, column = divmod(number, COLUMNS)
        top, left = _GAP + row * (height + _GAP), _GAP + column * (width + _GAP)
        sheet[top : top + height, left : left + width] = cell
    return sheet

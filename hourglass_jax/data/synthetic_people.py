"""People that our own code draws: no download, no account, occlusion known exactly."""

import dataclasses
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from hourglass_jax.config import DataConfig
from hourglass_jax.data import figures
from hourglass_jax.data.builder import PeopleBuilder
from hourglass_jax.data.schema import BOX_PADDING, Record, make_record
from hourglass_jax.geometry import square_box
from hourglass_jax.skeleton import MPII

# Validation people are the same ones however many are drawn for training.
FIRST_VALIDATION = 1_000_000_000


@dataclasses.dataclass(kw_only=True, eq=False)
class PeopleConfig(tfds.core.BuilderConfig):
    """How many people are drawn, and from which seed."""

    train: int
    validation: int
    seed: int = 0


class SyntheticPeople(PeopleBuilder):
    """Articulated figures with 16 MPII joints, one a picture."""

    SKELETON = MPII
    SUMMARY = "Articulated figures drawn at random, one a picture, 16 MPII joints."

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, Record]]]:
        first = FIRST_VALIDATION
        return {
            "train": self._generate_examples("train", range(self.builder_config.train)),
            "validation": self._generate_examples(
                "validation", range(first, first + self.builder_config.validation)
            ),
        }

    def _generate_examples(
        self, split: str, people: range
    ) -> Iterator[tuple[int, Record]]:
        draw = functools.partial(draw_person, self.builder_config.seed)
        return self._records(split, draw, people)


def make_builder(
    config: DataConfig, data_dir: Path
) -> tuple[SyntheticPeople, dict[str, Any]]:
    """The builder, keyed by what it draws, and its `tfds.download.DownloadConfig`."""
    counts = {"train": config.people, "validation": config.validation_people}
    named = "-".join(f"{split}{count}" for split, count in counts.items())
    kind = PeopleConfig(name=f"{named}-{_fingerprint()}", **counts)
    builder = SyntheticPeople(
        data_dir=data_dir, config=kind, file_format="array_record"
    )
    return builder, {}


def draw_person(seed: int, index: int) -> Record:
    """Draw figure ``index`` of ``seed`` and make its record."""
    figure = figures.draw_figure(seed, index)
    center_img, side_img = square_box(figure.box_img, BOX_PADDING)
    return make_record(
        figure.image,
        keypoints_img=figure.keypoints_img,
        visibility=figure.visibility,
        center_img=center_img,
        side_img=side_img,
        file=f"figure {index}",
        person=index,
    )


def _fingerprint() -> str:
    # Figures drawn by older code must not pass for today's: one of them is the key.
    figure = figures.draw_figure(0, 0)
    digest = hashlib.sha256(figure.image.tobytes())
    digest.update(figure.keypoints_img.tobytes() + figure.visibility.tobytes())
    return digest.hexdigest()[:12]

"""People that our own code draws: no download, no account, occlusion known exactly."""

import functools
import hashlib
from pathlib import Path

from hourglass_jax.config import SourceConfig
from hourglass_jax.data import figures
from hourglass_jax.data.builder import Contents, PeopleBuilder
from hourglass_jax.data.schema import BOX_PADDING, REACH, Record, make_record
from hourglass_jax.geometry import square_box
from hourglass_jax.skeleton import MPII

SEED = 0

# Validation people are the same ones however many are drawn for training.
FIRST_VALIDATION = 1_000_000_000


class SyntheticPeople(PeopleBuilder):
    """Articulated figures with 16 MPII joints, one a picture."""

    SUMMARY = "Articulated figures drawn at random, one a picture, 16 MPII joints."


class Drawing:
    """The data set as `sources.Source`: there are no files to read."""

    builder = SyntheticPeople

    def key(self, config: SourceConfig, data_dir: Path) -> str:
        """How many are drawn, and what figures look like today."""
        counts = f"train{config.people}-validation{config.validation_people}"
        return f"{counts}-{_fingerprint()}"

    def contents(self, config: SourceConfig, data_dir: Path, reach: float) -> Contents:
        """The numbers of the figures to draw."""
        last = FIRST_VALIDATION + config.validation_people
        return Contents(
            skeleton=MPII,
            splits={
                "train": range(config.people),
                "validation": range(FIRST_VALIDATION, last),
            },
            make=functools.partial(draw_person, SEED, reach=reach),
        )


SOURCES = {"synthetic_people": Drawing()}


def draw_person(seed: int, index: int, reach: float = REACH) -> Record:
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
        reach=reach,
    )


def _fingerprint() -> str:
    # Figures drawn by older code must not pass for today's: one of them is the key.
    figure = figures.draw_figure(SEED, 0)
    digest = hashlib.sha256(figure.image.tobytes())
    digest.update(figure.keypoints_img.tobytes() + figure.visibility.tobytes())
    return digest.hexdigest()[:12]

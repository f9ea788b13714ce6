"""Poses from photographs, in one line."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from hourglass_jax import geometry
from hourglass_jax.data.crop import crop_picture
from hourglass_jax.data.photographs import Picture, as_picture, read_photograph
from hourglass_jax.data.schema import BOX_PADDING
from hourglass_jax.errors import InputError
from hourglass_jax.inference.boxes import check_boxes
from hourglass_jax.inference.card import ModelCard, provenance
from hourglass_jax.inference.export import read_export
from hourglass_jax.inference.forward import (
    BATCH_SIZES,
    Crops,
    Keypoints,
    find_keypoints,
    pad_batch,
)
from hourglass_jax.inference.results import Pose
from hourglass_jax.models.hourglass import Variables
from hourglass_jax.skeleton import Skeleton


class Predictor:
    """A trained network that takes photographs.

    Attributes:
      card: how the network is run, and where it comes from.
      variables: its parameters and statistics, on the default device.
    """

    def __init__(self, card: ModelCard, variables: Variables) -> None:
        self.card = card
        self.variables = jax.device_put(variables)
        self._net = card.network()

    @property
    def skeleton(self) -> Skeleton:
        """Names, limbs and partners of the keypoints."""
        return self.card.skeleton

    def predict(
        self,
        photograph: str | Path | Any,
        boxes: Iterable[Any] | None = None,
        *,
        flip: bool = False,
    ) -> list[Pose]:
        """Find the keypoints of the people in a photograph, one a box.

        Args:
          photograph: a file; or an array in RGB order, ``uint8`` or floating point in
            [0, 1], ``[h w 3]``, ``[h w]`` (grey) or ``[h w 4]`` (with alpha).
          boxes: tight boxes (x0, y0, x1, y1) around people, in photograph pixels. None
            takes the whole photograph as the one person's surroundings.
          flip: average with the mirrored picture: a little better, twice the work.

        Returns:
          Poses in the order of the boxes; keypoints in photograph pixels.

        Raises:
          InputError: the photograph or a box cannot be used.
        """
        if isinstance(photograph, str | Path):
            picture, where = read_photograph(photograph), f"boxes of {photograph}"
        else:
            picture, where = as_picture(photograph), "boxes"
        size = picture.shape[:2]
        if boxes is None:
            checked, padding = geometry.picture_box(*size)[None], 1.0
        else:
            checked = check_boxes(list(boxes), size, where)
            padding = self.card.box_padding
        return [
            pose
            for some in _split(checked)
            for pose in self._find_poses(picture, some, padding, flip)
        ]

    def predict_crops(self, images: Crops, flip: bool = False) -> Keypoints:
        """Find the keypoints of crops that are cut already.

        Args:
          images: RGB crops of the card's input size; any number of them.
          flip: average with the mirrored crops.

        Returns:
          Keypoints (x, y) in crop pixels and their scores.
        """
        pending = [self._start(some, flip) for some in _split(images)]
        count = len(self.skeleton.keypoints)
        keypoints = [np.zeros((0, count, 2), np.float32)]
        scores = [np.zeros((0, count), np.float32)]
        for real, found in pending:
            padded = jax.device_get(found)
            keypoints.append(padded[0][:real])
            scores.append(padded[1][:real])
        return np.concatenate(keypoints), np.concatenate(scores)

    def _find_poses(
        self, picture: Picture, boxes: np.ndarray, padding: float, flip: bool
    ) -> Iterator[Pose]:
        size = self.card.input_size
        crop_from_img = [
            geometry.crop_affine(*geometry.square_box(box, padding), size)
            for box in boxes
        ]
        crops = np.stack([crop_picture(picture, each, size) for each in crop_from_img])
        found = self.predict_crops(crops, flip)
        for box, affine, keypoints, scores in zip(
            boxes, crop_from_img, *found, strict=True
        ):
            keypoints_img = geometry.transform(geometry.invert(affine), keypoints)
            yield Pose(
                keypoints=keypoints_img.astype(np.float32),
                scores=scores,
                box=box,
                skeleton=self.skeleton,
            )

    def _start(
        self, images: Crops, flip: bool
    ) -> tuple[int, tuple[jax.Array, jax.Array]]:
        """Begin one batch: how many rows of the answer will be real, and the answer."""
        return len(images), find_keypoints(
            self.variables,
            pad_batch(images),
            net=self._net,
            mean=self.card.model.mean,
            partners=self.skeleton.flip,
            flip=flip,
        )


def _split(rows: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), BATCH_SIZES[-1]):
        yield rows[start : start + BATCH_SIZES[-1]]


def load(model: str | Path) -> Predictor:
    """Load a trained network.

    Args:
      model: the workdir of a training (its best checkpoint, or else its newest), one
        checkpoint in it, or a folder that ``hourglass export`` made.

    Raises:
      InputError: nothing of the kind is there, or it is damaged or too new.
    """
    path = Path(model)
    if path.is_file():
        raise InputError(
            f"model: {path} is a file; give a workdir or an exported folder"
        )
    if (path / "model.json").exists():
        return Predictor(*read_export(path))
    if (path / "params").is_dir():
        raise InputError(f"model: {path} lacks model.json; export the model again")
    return _load_workdir(path)


def _load_workdir(path: Path) -> Predictor:
    # Training predicts, too: imported above, the two rooms would wait for each other.
    from hourglass_jax.training import restore_variables

    variables, step, config, skeleton = restore_variables(path)
    card = ModelCard(
        model=config.model,
        skeleton=skeleton,
        input_size=(config.data.input_size, config.data.input_size),
        box_padding=BOX_PADDING,
        training=provenance(path, config, step),
    )
    return Predictor(card, variables)

"""Poses from photographs, in one line."""

import dataclasses
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from hourglass_jax import geometry
from hourglass_jax.config import Decoder
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
    find_heatmaps,
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
        scales: tuple[float, ...] = (1.0,),
    ) -> list[Pose]:
        """Find the keypoints of the people in a photograph, one a box.

        Args:
          photograph: a file; or an array in RGB order, ``uint8`` or floating point in
            [0, 1], ``[h w 3]``, ``[h w]`` (grey) or ``[h w 4]`` (with alpha).
          boxes: tight boxes (x0, y0, x1, y1) around people, in photograph pixels. None
            takes the whole photograph as the one person's surroundings.
          flip: average with the mirrored picture: a little better, twice the work.
          scales: average over crops of these sizes, as multiples of the box's own.

        Returns:
          Poses in the order of the boxes; keypoints in photograph pixels.

        Raises:
          InputError: the photograph, a box or a scale cannot be used.
        """
        check_scales(scales)
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
            for pose in self._find_poses(picture, some, padding, flip, scales)
        ]

    def predict_crops(
        self,
        images: Crops,
        flip: bool = False,
        scales: tuple[float, ...] = (1.0,),
    ) -> Keypoints:
        """Find the keypoints of crops that are cut already.

        Args:
          images: RGB crops of the card's input size, one a person, any number of them;
            or ``[b s h w 3]``, one a person and scale.
          flip: average with the mirrored crops.
          scales: sides of a person's crops, as multiples of the side of the crop that
            the answer refers to.

        Returns:
          Keypoints (x, y) in crop pixels and their scores.
        """
        pending = [self._start(some, flip, scales) for some in _split(images)]
        count = len(self.skeleton.keypoints)
        keypoints = [np.zeros((0, count, 2), np.float32)]
        scores = [np.zeros((0, count), np.float32)]
        for real, found in pending:
            padded = jax.device_get(found)
            keypoints.append(padded[0][:real])
            scores.append(padded[1][:real])
        return np.concatenate(keypoints), np.concatenate(scores)

    def predict_heatmaps(self, images: Crops, flip: bool = False) -> np.ndarray:
        """The last stack's heatmaps of at most 32 crops, float32 ``[b h/4 w/4 k]``."""
        padded = pad_batch(images)
        heatmaps = find_heatmaps(
            self.variables,
            padded,
            self._net,
            self.card.model.mean,
            self.skeleton.flip,
            flip,
        )
        return np.asarray(heatmaps)[: len(images)]

    def _find_poses(
        self,
        picture: Picture,
        boxes: np.ndarray,
        padding: float,
        flip: bool,
        scales: tuple[float, ...],
    ) -> Iterator[Pose]:
        size = self.card.input_size
        squares = [geometry.square_box(box, padding) for box in boxes]
        crops = [
            [
                crop_picture(
                    picture, geometry.crop_affine(center, side * s, size), size
                )
                for s in scales
            ]
            for center, side in squares
        ]
        crop_from_img = [geometry.crop_affine(*square, size) for square in squares]
        found = self.predict_crops(np.asarray(crops), flip, scales)
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
        self, images: Crops, flip: bool, scales: tuple[float, ...]
    ) -> tuple[int, tuple[jax.Array, jax.Array]]:
        """Begin one batch: how many rows of the answer will be real, and the answer."""
        return len(images), find_keypoints(
            self.variables,
            pad_batch(images),
            net=self._net,
            mean=self.card.model.mean,
            partners=self.skeleton.flip,
            flip=flip,
            decoder=self.card.decoder,
            sigma_hm=self.card.sigma_hm,
            scales=scales,
        )


def check_scales(scales: tuple[float, ...]) -> None:
    """Raise InputError unless there are scales, each above 0."""
    if not scales or not all(0 < scale < math.inf for scale in scales):
        raise InputError(
            f"predict: scales of {scales}; expected one or more numbers above 0, such "
            "as 0.9 1 1.1"
        )


def _split(rows: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), BATCH_SIZES[-1]):
        yield rows[start : start + BATCH_SIZES[-1]]


def load(model: str | Path, decoder: Decoder | None = None) -> Predictor:
    """Load a trained network.

    Args:
      model: the workdir of a training (its best checkpoint, or else its newest), one
        checkpoint in it, or a folder that ``hourglass export`` made.
      decoder: reads the heatmaps in place of the decoder that the model was scored
        with: argmax, quarter, dark or soft.

    Raises:
      InputError: nothing of the kind is there, or it is damaged or too new; or there is
        no such decoder.
    """
    card, variables = _read(Path(model))
    if decoder is not None:
        card = dataclasses.replace(card, decoder=decoder)
    return Predictor(card, variables)


def _read(path: Path) -> tuple[ModelCard, Variables]:
    if path.is_file():
        raise InputError(
            f"model: {path} is a file; give a workdir or an exported folder"
        )
    if (path / "model.json").exists():
        return read_export(path)
    if (path / "params").is_dir():
        raise InputError(f"model: {path} lacks model.json; export the model again")
    return _read_workdir(path)


def _read_workdir(path: Path) -> tuple[ModelCard, Variables]:
    # Training predicts, too: imported above, the two rooms would wait for each other.
    from hourglass_jax.training import restore_variables

    variables, step, config, skeleton = restore_variables(path)
    card = ModelCard(
        model=config.model,
        skeleton=skeleton,
        input_size=(config.data.input_size, config.data.input_size),
        box_padding=BOX_PADDING,
        decoder=config.target.decoder,
        sigma_hm=config.target.sigma_hm,
        training=provenance(path, config, step),
    )
    return card, variables

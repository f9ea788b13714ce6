"""Poses from photographs, in one line."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np

from hourglass_jax.config import Decoder
from hourglass_jax.errors import InputError
from hourglass_jax.inference.card import ModelCard
from hourglass_jax.inference.forward import (
    BATCH_SIZES,
    Crops,
    Keypoints,
    compiled_for_here,
    find_all_heatmaps,
    find_keypoints,
    pad_batch,
)
from hourglass_jax.inference.given import check_crops, find_in_many, find_in_one
from hourglass_jax.inference.loading import read_model
from hourglass_jax.inference.options import Options, make_options
from hourglass_jax.models.early_exit import leave_after
from hourglass_jax.models.folding import fold, narrow_kernels
from hourglass_jax.models.hourglass import StackedHourglass, Variables
from hourglass_jax.models.onednn import use_onednn
from hourglass_jax.models.repeat import part_stacks
from hourglass_jax.skeleton import Skeleton


class Predictor:
    """A trained network that takes photographs.

    Attributes:
      card: how the network is run, and where it comes from.
      variables: its parameters and statistics, on the default device.
      optimise: whether it is run as `load` says of this word.
    """

    def __init__(
        self, card: ModelCard, variables: Variables, *, optimise: bool = False
    ) -> None:
        self.card = card
        self.variables = jax.device_put(variables)
        self.optimise = optimise
        self._exits: dict[int, tuple[StackedHourglass, Variables]] = {}

    @property
    def skeleton(self) -> Skeleton:
        """Names, limbs and partners of the keypoints."""
        return self.card.skeleton

    def predict(
        self,
        photographs: Any,
        boxes: Any = None,
        *,
        flip: bool = False,
        scales: Sequence[float] = (1.0,),
        stacks: int | None = None,
        input_size: Sequence[int] | Literal["auto"] | None = None,
    ) -> Any:
        """Find the keypoints of the people in photographs, one pose a box.

        Args:
          photographs: a file; an array in RGB order, ``uint8`` or floating point in
            [0, 1], ``[h w 3]``, ``[h w]`` (grey) or ``[h w 4]`` (with alpha); or
            several: a list of files and arrays, a batch ``[b h w 3]``, or a generator.
          boxes: tight boxes (x0, y0, x1, y1) around people, in photograph pixels; for
            several photographs, a list of them for each. None takes the whole
            photograph as the one person's surroundings.
          flip: average with the mirrored picture: a little better, twice the work.
          scales: average over crops of these sizes, as multiples of the box's own.
          stacks: leave the network after so many stacks: faster, less exact.
          input_size: (height, width) of the crops in place of the model's own; "auto":
            whole photographs at their own aspect, as long as the model's crops.

        Returns:
          The poses of one photograph, in the order of the boxes; keypoints in
          photograph pixels. For several photographs a list of such lists; for a
          generator a generator, which reads some photographs ahead to fill batches.

        Raises:
          InputError: a photograph, a box or an option cannot be used.
        """
        options = make_options(flip, scales, stacks, input_size)
        self.check(options)
        shape = np.shape(photographs) if hasattr(photographs, "shape") else ()
        if isinstance(photographs, Iterator):
            return find_in_many(self, photographs, boxes, options)
        if isinstance(photographs, list | tuple) or len(shape) == 4:
            return list(find_in_many(self, iter(photographs), boxes, options))
        return find_in_one(self, photographs, boxes, options)

    def predict_crops(
        self,
        images: Any,
        flip: bool = False,
        scales: Sequence[float] = (1.0,),
        stacks: int | None = None,
    ) -> Keypoints:
        """Find the keypoints of crops that are cut already.

        Args:
          images: RGB crops, ``uint8 [b h w 3]``, of the card's input size or another
            that the network takes, one a person, any number of them; or
            ``[b s h w 3]``, one a person and scale.
          flip: average with the mirrored crops.
          scales: sides of a person's crops, as multiples of the side of the crop that
            the answer refers to.
          stacks: leave the network after so many stacks.

        Returns:
          Keypoints (x, y) in crop pixels and their scores.

        Raises:
          InputError: ``images`` are no such crops, or an option cannot be used.
        """
        options = make_options(flip, scales, stacks)
        self.check(options)
        crops = check_crops(images, len(options.scales), self.card.model.multiple)
        pending = [(len(some), self.start(some, options)) for some in _split(crops)]
        found = [[x[:real] for x in jax.device_get(padded)] for real, padded in pending]
        keypoints, scores = map(np.concatenate, zip(*found, strict=True))
        return keypoints, scores

    def predict_heatmaps(self, images: Any, flip: bool = False) -> np.ndarray:
        """The last stack's heatmaps of crops, float32 ``[b h/4 w/4 k]``."""
        return self.predict_all_heatmaps(images, flip)[-1]

    def predict_all_heatmaps(self, images: Any, flip: bool = False) -> np.ndarray:
        """Every stack's heatmaps of crops ``[b h w 3]``, float32 ``[s b h/4 w/4 k]``.

        Raises InputError for what are no crops, and where the model is an exported
        file, which has no heatmaps.
        """
        self.check(Options(flip=flip), heatmaps=True)
        crops = check_crops(images, 1, self.card.model.multiple)
        flat = crops.reshape(-1, *crops.shape[-3:])
        parts = [self._find_all_heatmaps(some, flip) for some in _split(flat)]
        return np.concatenate(parts, axis=1)

    def _find_all_heatmaps(self, crops: Crops, flip: bool) -> np.ndarray:
        mean, partners = self.card.model.mean, self.skeleton.flip
        net, variables = self._leave_after(self.card.model.stacks)
        heatmaps = compiled_for_here(find_all_heatmaps)(
            variables, pad_batch(crops), net, mean, partners, flip
        )
        # Where hourglasses are supervised inside, too, each ends with its own answer.
        each = max(1, len(heatmaps) // self.card.model.stacks)
        return np.asarray(heatmaps)[each - 1 :: each, : len(crops)]

    def check(self, options: Options, *, heatmaps: bool = False) -> None:
        """Raise InputError for what this model cannot do, be it to show heatmaps."""
        options.check(self.card)

    def start(self, images: Crops, options: Options) -> Any:
        """Begin with one batch of at most 32: keypoints and scores, with padding."""
        net, variables = self._leave_after(options.stacks or self.card.model.stacks)
        return compiled_for_here(find_keypoints)(
            variables,
            pad_batch(images),
            net=net,
            mean=self.card.model.mean,
            partners=self.skeleton.flip,
            flip=options.flip,
            decoder=self.card.decoder,
            sigma_hm=self.card.sigma_hm,
            scales=options.scales,
        )

    def _leave_after(self, stacks: int) -> tuple[StackedHourglass, Variables]:
        """The network of so many stacks, and its variables, as they are run."""
        if stacks not in self._exits:
            net, variables = leave_after(self.card.network(), self.variables, stacks)
            if self.optimise:
                variables = narrow_kernels(net, fold(net, variables))
                net = use_onednn(net, [jax.default_backend()])
            self._exits[stacks] = net, jax.device_put(part_stacks(variables))
        return self._exits[stacks]


def load(
    model: str | Path, decoder: Decoder | None = None, *, optimise: bool = False
) -> Predictor:
    """Load a trained network.

    Args:
      model: the workdir of a training (its best checkpoint, or else its newest), one
        checkpoint in it, a folder or a file (.stablehlo, .onnx, .tflite) that
        ``hourglass export`` made, or the name of a released model, such as
        ``hg-people-small``.
      decoder: reads the heatmaps in place of the decoder that the model was scored
        with: argmax, quarter, dark or soft.
      optimise: fold the normalisations into the convolutions, and on CPU have these
        from oneDNN, where jaxlib has it: faster, and the same up to rounding. Such
        programs are not kept on disk, so that a start takes a second or two longer.

    Raises:
      InputError: nothing of the kind is there, or it is damaged or too new; or it
        cannot be loaded in the way that is asked for.
    """
    path = Path(model)
    if path.is_file():
        # The runtimes of these files are imported where there is one to run.
        from hourglass_jax.inference.exported_predictor import ExportedPredictor

        exported = ExportedPredictor.open(path, decoder)
        if optimise:
            raise InputError(
                f"model: {path} was folded when it was made; leave optimise out"
            )
        return exported
    card, variables = read_model(path)
    if decoder is not None:
        card = dataclasses.replace(card, decoder=decoder)
    return Predictor(card, variables, optimise=optimise)


def _split(rows: Crops) -> Iterator[Crops]:
    """Batches; of nothing one that is empty, whose answer has the right shape."""
    for start in range(0, max(1, len(rows)), BATCH_SIZES[-1]):
        yield rows[start : start + BATCH_SIZES[-1]]

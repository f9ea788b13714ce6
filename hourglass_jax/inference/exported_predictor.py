"""A predictor that runs an exported file in place of the network."""

from pathlib import Path
from typing import Any

from hourglass_jax.config import Decoder
from hourglass_jax.errors import InputError
from hourglass_jax.inference.card import ModelCard
from hourglass_jax.inference.exported import SUFFIXES, Exported, open_exported
from hourglass_jax.inference.forward import Crops, pad_batch
from hourglass_jax.inference.options import Options
from hourglass_jax.inference.predictor import Predictor


class ExportedPredictor(Predictor):
    """Takes photographs as every predictor; what the file computes is fixed."""

    def __init__(self, exported: Exported) -> None:
        self.card: ModelCard = exported.card
        self._exported = exported

    @classmethod
    def open(cls, path: Path, decoder: Decoder | None) -> "ExportedPredictor":
        """Open a file that `hourglass export` made.

        Raises:
          InputError: it is none, or another decoder is asked for than it holds.
        """
        if path.suffix not in SUFFIXES:
            raise InputError(
                f"model: {path} is a file that ends in none of {', '.join(SUFFIXES)}; "
                "give a workdir or what `hourglass export` made"
            )
        exported = open_exported(path)
        if decoder not in (None, exported.card.decoder):
            raise InputError(
                f"model: {path} decodes by {exported.card.decoder}, which is part of "
                f"the file; for {decoder} give the workdir"
            )
        return cls(exported)

    def check(self, options: Options, *, heatmaps: bool = False) -> None:
        """Raise InputError for what is not in the file."""
        super().check(options)
        if heatmaps:
            raise InputError(
                "predict: an exported file answers with keypoints, not with heatmaps; "
                "give the workdir"
            )
        stacks = self.card.model.stacks
        asked = {
            "flip": options.flip and not self._exported.flip,
            "scales": options.scales != (1.0,),
            "stacks": options.stacks not in (None, stacks),
            "input size": options.input_size not in (None, self.card.input_size),
        }
        for what, refused in asked.items():
            if refused:
                raise InputError(
                    f"predict: an exported file is run as it is, without a choice of "
                    f"{what}; give the workdir, or export the model that way"
                )

    def start(self, images: Crops, options: Options) -> Any:
        """Keypoints and scores of one batch of at most 32, with padding."""
        # A file for single crops goes through them one by one: padding would cost.
        padded = images if self._exported.batch == 1 else pad_batch(images)
        return self._exported.find(padded.reshape(-1, *padded.shape[-3:]))

"""`hourglass predict`: poses in photographs, drawn and written down."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from hourglass_jax.config import Decoder
from hourglass_jax.inference.files import predict_files
from hourglass_jax.inference.predictor import load


def run(argv: Sequence[str]) -> int:
    """Find poses in photographs; draw them and write them down."""

    def parse(
        model: Annotated[Path, tyro.conf.Positional],
        inputs: Annotated[tuple[str, ...], tyro.conf.Positional],
        out: Path = Path("predictions"),
        boxes: Path | None = None,
        flip: bool = False,
        scales: tuple[float, ...] = (1.0,),
        decoder: Decoder | None = None,
    ) -> dict[str, Any]:
        """Find poses in photographs; a picture and a JSON file each.

        Args:
          model: workdir, checkpoint or exported folder.
          inputs: photographs, folders of photographs, or patterns such as 'a/*.jpg'.
          out: folder for the pictures and the JSON files.
          boxes: JSON file, photograph's name -> [[x0, y0, x1, y1], ...]; without it
            the whole photograph is one person.
          flip: average with the answer for the mirrored crop.
          scales: average over crops of these sizes, such as 0.9 1 1.1.
          decoder: read the heatmaps in another way than the model was scored with.
        """
        return locals()

    given = tyro.cli(parse, prog="hourglass predict", args=list(argv))
    model = load(given.pop("model"), given.pop("decoder"))
    return predict_files(model, **given)

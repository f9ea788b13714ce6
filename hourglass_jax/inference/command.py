"""`hourglass predict`: poses in photographs and films, drawn and written down."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from hourglass_jax.config import Decoder
from hourglass_jax.errors import InputError
from hourglass_jax.inference.files import predict_files
from hourglass_jax.inference.inputs import PHOTOGRAPHS, is_input, model_mark
from hourglass_jax.inference.job import Job
from hourglass_jax.inference.options import Options
from hourglass_jax.inference.outputs import Format
from hourglass_jax.inference.predictor import load
from hourglass_jax.inference.released import DEFAULT, find_released
from hourglass_jax.inference.smoothing import Smoothing
from hourglass_jax.progress import console

_EXPECTED = f"photographs or films, such as photo{PHOTOGRAPHS[0]}, or a folder of them"


def run(argv: Sequence[str]) -> int:
    """Find poses in photographs and films; draw them and write them down."""
    given = tyro.cli(_parse, prog="hourglass predict", args=list(argv))
    path, inputs = split_model(given["inputs"])
    if path is None:
        console.print(f"model: {DEFAULT}; name another before the photographs")
    chosen = find_released(DEFAULT) if path is None else path
    model = load(chosen, given["decoder"], optimise=given["optimise"])
    try:
        return predict_files(model, inputs, _job(given, str(path or DEFAULT)))
    except KeyboardInterrupt:
        print(
            "interrupted; what was finished is kept, and the same command with "
            "--resume goes on from there",
            file=sys.stderr,
        )
        return 130


def _parse(
    inputs: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="[MODEL] INPUT [INPUT ...]"),
    ],
    out: Path = Path("predictions"),
    boxes: Path | None = None,
    min_box_score: float = 0.0,
    format: Format = "json",
    flip: bool = False,
    scales: tuple[float, ...] = (1.0,),
    stacks: int | None = None,
    input_size: Literal["auto"] | tuple[int, int] | None = None,
    decoder: Decoder | None = None,
    optimise: bool = False,
    draw: bool = True,
    heatmaps: bool = False,
    track: bool = False,
    smooth: Smoothing | None = None,
    resume: bool = False,
) -> dict[str, Any]:
    """Find poses in photographs and films; draw them and write them down.

    Args:
      inputs: photographs, films, folders of them, patterns such as 'a/*.jpg',
        lists of names (.txt) or COCO annotations (.json). Before them a model:
        workdir, checkpoint, exported folder or file, or a released model's name;
        hg-people-small where there is none.
      out: folder for the results.
      boxes: who is to be found: JSON, photograph's name -> [[x0, y0, x1, y1], ...];
        COCO detections or annotations; or CSV with file, x0, y0, x1, y1. Without
        it the whole photograph is one person.
      min_box_score: leave boxes out that their detector gave less.
      format: json: a file a photograph; coco: one results.json; csv: one poses.csv.
      flip: average with the answer for the mirrored crop.
      scales: average over crops of these sizes, such as 0.9 1 1.1.
      stacks: leave the network after so many stacks: faster, less exact.
      input_size: width and height of the crops in place of the model's; auto: whole
        photographs at their own aspect.
      decoder: read the heatmaps in another way than the model was scored with.
      optimise: faster, for many photographs: fold the normalisations into the
        convolutions, and on CPU have these from oneDNN; a start then compiles anew.
      draw: write drawn pictures and films.
      heatmaps: draw the heatmaps of every stack, a sheet a person; photographs only.
      track: give people in films numbers that they keep.
      smooth: calm the keypoints in films: one_euro as if live, savgol afterwards.
      resume: go on where an earlier start stopped.
    """
    return locals()


def split_model(given: Sequence[str]) -> tuple[Path | None, Sequence[str]]:
    """The model among what the command is given, None for the default; and the inputs.

    Raises:
      InputError: nothing is left to look at.
    """
    if not given:
        raise InputError(f"predict: nothing to look at; expected {_EXPECTED}")
    if is_input(given[0]):
        return None, given
    if not given[1:]:
        mark = model_mark(Path(given[0]))
        why = (
            f"it holds {mark}"
            if mark
            else "it is no photograph, film, list or folder that holds some"
        )
        raise InputError(
            f"predict: {given[0]} is taken for a model, as {why}; nothing follows it; "
            f"expected {_EXPECTED}"
        )
    return Path(given[0]), given[1:]


def _job(given: dict[str, Any], name: str) -> Job:
    size = given["input_size"]
    options = Options(
        flip=given["flip"],
        scales=given["scales"],
        stacks=given["stacks"],
        input_size=size[::-1] if isinstance(size, tuple) else size,
    )
    same = ("out", "boxes", "format", "draw", "heatmaps", "track", "smooth", "resume")
    model = f"{name} {given['decoder'] or ''}".rstrip()
    return Job(
        **{name: given[name] for name in same},
        options=options,
        least_box_score=given["min_box_score"],
        model=model,
    )

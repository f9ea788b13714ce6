"""A model in one file: made, run on pictures, and kept only if the answers agree."""

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hourglass_jax.errors import InputError
from hourglass_jax.files import write_whole
from hourglass_jax.inference.card import ModelCard
from hourglass_jax.inference.export import makers
from hourglass_jax.inference.export_check import check_export
from hourglass_jax.inference.exported import fingerprint, open_exported
from hourglass_jax.inference.forward import find_keypoints
from hourglass_jax.inference.predictor import Predictor
from hourglass_jax.models.folding import fold

OUTPUTS = ("keypoints", "scores")
"""Names of what a file's program answers."""

Function = Callable[[Any], Any]
Shapes = Mapping[str, tuple[int, ...]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Form:
    """A kind of file.

    Attributes:
      name: as on the command line.
      suffix: what the file's name ends in.
      make: the program of a function of uint8 crops ``[b h w 3]``, from the function,
        (height, width), and the outputs' names and shapes without the batch's axis.
      seal: the file, of the program and the content of its card.
      batch: how many crops the program takes; None for any number.
      bound_px: largest deviation of a keypoint that is let pass, in crop pixels; None
        where it is reported only.
      details: for the card.
    """

    name: str
    suffix: str
    make: Callable[[Function, tuple[int, int], Shapes], bytes]
    seal: Callable[[bytes, Mapping[str, Any]], bytes]
    batch: int | None
    bound_px: float | None
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def export_file(
    predictor: Predictor, out: str | Path, form: Form, flip: bool = False
) -> dict[str, Any]:
    """Write a model to the file ``out``, if it answers as the model does.

    The file takes uint8 crops and answers with keypoints in crop pixels and scores.
    Its arithmetic is float32, whatever the network was trained in.

    Args:
      predictor: the model.
      out: the file; its name ends as the form's do.
      form: which kind.
      flip: average with the mirrored crops, in the file.

    Returns:
      What `check_export` measured, which the file's card holds, too.

    Raises:
      InputError: ``out`` is there already or ends otherwise; or what the form needs is
        not installed.
      RuntimeError: the file answers otherwise than the model; it is removed.
    """
    out = Path(out).absolute()
    if out.suffix != form.suffix:
        raise InputError(f"export: {out}; expected a name that ends in {form.suffix}")
    if out.exists():
        raise InputError(f"export: {out} exists; give a new name, or remove it")
    card = _in_float32(predictor.card)
    program = form.make(
        _function(card, predictor, flip), card.input_size, _shapes(card)
    )
    with _beside(out) as path:
        content = _content(card, form, flip, program)
        write_whole(path, form.seal(program, content))
        variables = predictor.variables
        check = check_export(open_exported(path), card, variables, form.bound_px)
        content["export"]["check"] = check
        write_whole(path, form.seal(program, content))
        os.replace(path, out)
    return check


def _in_float32(card: ModelCard) -> ModelCard:
    model = dataclasses.replace(card.model, dtype="float32", remat="none")
    return dataclasses.replace(card, model=model)


def _function(card: ModelCard, predictor: Predictor, flip: bool) -> Function:
    """From crops to keypoints and scores; the variables are constants of it."""
    net = card.network()
    variables = fold(net, predictor.variables)
    return partial(
        find_keypoints,
        variables,
        net=net.clone(scan=False),  # no loop to turn into other languages
        mean=card.model.mean,
        partners=card.skeleton.flip,
        flip=flip,
        decoder=card.decoder,
        sigma_hm=card.sigma_hm,
    )


def _shapes(card: ModelCard) -> dict[str, tuple[int, ...]]:
    count = len(card.skeleton.keypoints)
    return dict(zip(OUTPUTS, ((count, 2), (count,)), strict=True))


def _content(card: ModelCard, form: Form, flip: bool, program: bytes) -> dict[str, Any]:
    export = {
        "form": form.name,
        "batch": form.batch,
        "flip": flip,
        "normalisation": "batch statistics folded into convolutions",
        "program": fingerprint(program),
    }
    return {
        **card.to_dict(),
        "made_by": makers(),
        "export": export | dict(form.details),
    }


@contextlib.contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A file of the same name in a folder of its own, which goes in any case."""
    folder = out.with_name(f".{out.name}.partial")
    shutil.rmtree(folder, ignore_errors=True)  # of an export that was killed
    folder.mkdir(parents=True)
    try:
        yield folder / out.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)

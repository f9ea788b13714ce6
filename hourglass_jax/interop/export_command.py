"""`hourglass export`: a model in a form that others load."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from hourglass_jax.config import Decoder
from hourglass_jax.errors import InputError
from hourglass_jax.inference import export_file, export_orbax, load
from hourglass_jax.interop.forms import LITERT_INT8, SINGLE_FILES
from hourglass_jax.interop.torch_export import export_torch

To = Literal["orbax", "stablehlo", "onnx", "litert", "torch"]
Layout = Literal["princeton", "bearpaw", "mmpose", "centernet", "fan"]


def run(argv: Sequence[str]) -> int:
    """Write a model for others to load."""

    def parse(
        model: Annotated[Path, tyro.conf.Positional],
        out: Path,
        to: To = "orbax",
        decoder: Decoder | None = None,
        flip: bool = False,
        weights: Literal["float32", "float16", "int8"] = "float32",
        layout: Layout | None = None,
    ) -> None:
        """Write a model for others to load.

        A stablehlo, onnx or litert file takes uint8 crops and answers with keypoints
        and scores. It is run on crops before it is kept: what it says must be what the
        model says.

        Args:
          model: workdir, checkpoint, exported folder or released model.
          out: the folder to make (orbax), or the file: .stablehlo, .onnx, .tflite
            (litert), .pth or .safetensors (torch). It must not exist.
          to: orbax: parameters and model.json; stablehlo: for jax on CPU, CUDA and TPU;
            onnx; litert: for phones; torch: a state dict for another port.
          decoder: how heatmaps are read, in place of the way the model was scored with.
          flip: average with the mirrored crop, in the file; twice the work.
          weights: float16 makes an orbax folder half as large, int8 a litert file a
            third as large, and less exact.
          layout: the port whose names a torch file has.
        """
        _check(model, to, decoder, flip=flip, weights=weights, layout=layout)
        predictor = load(model, decoder)
        with _writing(out):
            if to == "orbax":
                export_orbax(predictor, out, half=weights == "float16")
            elif to == "torch":
                export_torch(predictor, out, str(layout))
            else:
                form = LITERT_INT8 if weights == "int8" else SINGLE_FILES[to]
                print(_describe(export_file(predictor, out, form, flip)))
        print(f"exported to {out}")

    tyro.cli(parse, prog="hourglass export", args=list(argv))
    return 0


@contextlib.contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"export: {out} cannot be written ({error.strerror or error}); check the "
            "folder and the disk"
        ) from error


def _check(
    model: Path,
    to: To,
    decoder: Decoder | None,
    *,
    flip: bool,
    weights: str,
    layout: Layout | None,
) -> None:
    """Raise InputError for options that do not go together."""
    faults = {
        f"{model} is a file, which cannot be turned into another; give a workdir or an "
        "exported folder": model.is_file(),
        "--flip is for stablehlo, onnx and litert": flip and to not in SINGLE_FILES,
        "--decoder is for the others; a torch file holds weights, and no way to read "
        "heatmaps": decoder is not None and to == "torch",
        "--weights int8 is for litert": weights == "int8" and to != "litert",
        "--weights float16 is for orbax": weights == "float16" and to != "orbax",
        "--layout is for torch": layout is not None and to != "torch",
        "--to torch needs a --layout: bearpaw, princeton, mmpose, centernet or fan": (
            to == "torch" and layout is None
        ),
    }
    for fault, there in faults.items():
        if there:
            raise InputError(f"export: {fault}")


def _describe(check: dict[str, Any]) -> str:
    """What was found when the file was run."""
    off, bound = check["largest_deviation_px"], check["bound_px"]
    allowed = f"; {bound} is allowed" if bound else ""
    return (
        f"checked on {check['crops']} crops: {check['clear']} of {check['keypoints']} "
        f"keypoints are clear; they deviate by {check['mean_deviation_px']:.2g} pixels "
        f"on average, {off:.2g} at most{allowed}"
    )

"""How far exported files answer from their model, and how large they are.

    python benchmarks/export_forms.py MODEL OUT.json PHOTOGRAPH_OR_FILM...

Each photograph gives four crops: the whole, its middle, and its two sides; each frame
of a film one. Deviations are in pixels of the crop, over all keypoints.
"""

import dataclasses
import datetime
import importlib.metadata
import json
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from hourglass_jax import geometry
from hourglass_jax.config import Decoder
from hourglass_jax.data.crop import crop_picture
from hourglass_jax.data.photographs import Picture, read_photograph
from hourglass_jax.diagnosis.machine import host
from hourglass_jax.inference import (
    Form,
    Predictor,
    export_file,
    load,
    open_exported,
    read_film,
)
from hourglass_jax.interop.forms import LITERT, LITERT_INT8, ONNX, STABLEHLO

FORMS = {"stablehlo": STABLEHLO, "onnx": ONNX, "litert": LITERT, "int8": LITERT_INT8}
DECODERS: tuple[Decoder, ...] = ("quarter", "dark")
PACKAGES = ("jax", "jaxlib", "onnxruntime", "ai-edge-litert", "litert-converter")
PLACES = ((0.5, 0.5, 1.0), (0.5, 0.5, 0.6), (0.3, 0.5, 0.7), (0.7, 0.5, 0.7))


def cut(picture: Picture, size: tuple[int, int], places: Any) -> Iterator[Picture]:
    """Crops around places (x, y, side), as shares of the picture's sides."""
    height, width = picture.shape[:2]
    for x, y, side in places:
        centre = np.array([width * x, height * y])
        affine = geometry.crop_affine(centre, max(height, width) * side, size)
        yield crop_picture(picture, affine, size)


def read_crops(paths: list[str], size: tuple[int, int]) -> np.ndarray:
    """All crops of all photographs and films."""
    crops: list[Picture] = []
    for path in map(Path, paths):
        if path.suffix == ".mp4":
            for frame in read_film(path):
                crops += cut(frame, size, PLACES[:1])
        else:
            crops += cut(read_photograph(path), size, PLACES)
    return np.stack(crops)


def measure(model: Predictor, form: Form, crops: np.ndarray) -> dict[str, Any]:
    """Export to one form, and compare with the model."""
    expected, scores = model.predict_crops(crops)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{form.suffix}"
        export_file(model, path, form)
        found, found_scores = open_exported(path).find(crops)
        size = path.stat().st_size
    off = np.linalg.norm(found - expected, axis=-1)
    return {
        "bytes": size,
        "largest_px": float(off.max()),
        "mean_px": float(off.mean()),
        "median_px": float(np.median(off)),
        "share_above_1_px": float((off > 1).mean()),
        "largest_score": float(np.abs(found_scores - scores).max()),
    }


def main() -> None:
    """Print the figures and keep them as JSON."""
    model = load(sys.argv[1])
    crops = read_crops(sys.argv[3:], model.card.input_size)
    results = {}
    for decoder in DECODERS:
        card = dataclasses.replace(model.card, decoder=decoder)
        reader = Predictor(card, model.variables)
        for name, form in FORMS.items():
            figures = measure(reader, form, crops)
            results[f"{name} {decoder}"] = figures
            print(name, decoder, figures, flush=True)
    parameters = jax.tree.leaves(model.variables["params"])
    report = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": f"{jax.devices()[0].device_kind} ({platform.machine()})",
        **host(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "model": model.card.model.network() | {"input_size": model.card.input_size},
        "parameter_bytes": sum(leaf.nbytes for leaf in parameters),
        "crops": len(crops),
        "keypoints": len(crops) * len(model.skeleton.keypoints),
        "deviations": results,
    }
    Path(sys.argv[2]).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

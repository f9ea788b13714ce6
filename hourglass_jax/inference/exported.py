"""Models exported to one file: StableHLO, ONNX, LiteRT. Read here, and run.

A file is what its runtime loads, and a card: the same model.json that an exported
folder has. In a StableHLO and a LiteRT file the card lies in a zip archive behind the
program, where ``unzip`` finds it and the runtime does not look; in an ONNX file it is
an entry of the metadata.
"""

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.export
import numpy as np
from jaxtyping import Float32, UInt8

from hourglass_jax.errors import InputError
from hourglass_jax.extras import import_extra
from hourglass_jax.inference.card import ModelCard, check_card

CARD = "model.json"
"""Name of the card inside of a file."""

Crops = UInt8[np.ndarray, "b h w 3"]
Keypoints = tuple[Float32[np.ndarray, "b k 2"], Float32[np.ndarray, "b k"]]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Exported:
    """A model in a file, ready to run.

    Attributes:
      card: what it is and where it comes from; input size and decoder are fixed.
      flip: each answer is averaged with the mirrored crop's inside of the file.
      batch: how many crops its program takes at a time; None takes any number.
      program: runs it on such a batch.
    """

    card: ModelCard
    flip: bool
    batch: int | None
    program: Callable[[Crops], Keypoints]

    def find(self, images: Crops) -> Keypoints:
        """Keypoints (x, y) in crop pixels and scores of any number of crops.

        Raises:
          InputError: the crops are not of the card's input size.
        """
        size = tuple(images.shape[1:3])
        if size != self.card.input_size:
            raise InputError(
                f"crops: {size} (h, w); this file takes {self.card.input_size} only"
            )
        if not len(images):
            count = len(self.card.skeleton.keypoints)
            return np.zeros((0, count, 2), np.float32), np.zeros((0, count), np.float32)
        step = self.batch or len(images)
        parts = [
            self.program(images[start : start + step])
            for start in range(0, len(images), step)
        ]
        keypoints, scores = (
            np.concatenate(found) for found in zip(*parts, strict=True)
        )
        return keypoints, scores


def open_exported(path: str | Path) -> Exported:
    """Open a file that ``hourglass export`` wrote.

    Raises:
      InputError: the file cannot be read, was changed or cut off, is not a model of
        this package or of a newer version of it; or what runs it is not installed.
    """
    path = Path(path)
    open_form = _FORMS.get(path.suffix)
    if open_form is None:
        raise InputError(
            f"model: {path}; expected a file that ends in {', '.join(SUFFIXES)}"
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"model: {path} cannot be read ({error.strerror})") from error
    return open_form(path, data)


def seal(program: bytes, content: Mapping[str, Any]) -> bytes:
    """A program of StableHLO or LiteRT with its card behind it.

    Args:
      program: what the runtime loads; it ignores what follows.
      content: of the card, ready for JSON.
    """
    file = io.BytesIO(program)
    with zipfile.ZipFile(file, "a") as archive:
        # ZipInfo's own date, 1980: the same content makes the same bytes.
        archive.writestr(zipfile.ZipInfo(CARD), json.dumps(content, indent=2))
    return file.getvalue()


def fingerprint(program: bytes) -> dict[str, Any]:
    """Length and SHA-256 of a program, for its card."""
    return {"bytes": len(program), "sha256": hashlib.sha256(program).hexdigest()}


def _open_stablehlo(path: Path, data: bytes) -> Exported:
    program, card, export = _unseal(path, data)
    try:
        # Compiled once for each number of crops, and kept.
        call = jax.jit(jax.export.deserialize(bytearray(program)).call)
    except Exception as error:  # of many kinds: it is jaxlib that reads
        raise _unreadable(path, f"jax {jax.__version__}", error) from error
    return _exported(card, export, lambda images: jax.device_get(call(images)))


def _open_onnx(path: Path, data: bytes) -> Exported:
    runtime = import_extra("onnxruntime", "pip install onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is said below, in one line
    try:
        session = runtime.InferenceSession(
            data, options, providers=runtime.get_available_providers()
        )
        metadata = session.get_modelmeta().custom_metadata_map
    except Exception as error:  # onnxruntime has a class for each status
        raise _unreadable(path, f"onnxruntime {runtime.__version__}", error) from error
    card, export = _read_card(path, data, metadata.get(CARD, "{}"))
    return _exported(card, export, lambda images: session.run(None, {"images": images}))


def _open_litert(path: Path, data: bytes) -> Exported:
    runtime = import_extra("ai_edge_litert.interpreter", "pip install ai-edge-litert")
    program, card, export = _unseal(path, data)
    try:
        run = runtime.Interpreter(model_content=program).get_signature_runner()
    except Exception as error:
        raise _unreadable(path, "ai_edge_litert", error) from error

    def find(images: Crops) -> Keypoints:
        found = run(images=images)
        return found["keypoints"], found["scores"]

    return _exported(card, export, find)


_FORMS = {".stablehlo": _open_stablehlo, ".onnx": _open_onnx, ".tflite": _open_litert}

SUFFIXES = tuple(_FORMS)
"""Ends of the names of exported files."""


def _exported(
    card: ModelCard, export: Mapping[str, Any], program: Callable[[Crops], Any]
) -> Exported:
    def run(images: Crops) -> Keypoints:
        keypoints, scores = program(images)
        return keypoints, scores

    return Exported(card=card, flip=export["flip"], batch=export["batch"], program=run)


def _unseal(path: Path, data: bytes) -> tuple[bytes, ModelCard, Mapping[str, Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            text = archive.read(CARD)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise InputError(
            f"model: {path} is cut off, or not a model of hourglass_jax ({error}); "
            "export the model again"
        ) from error
    card, export = _read_card(path, data, text)
    return data[: export["program"]["bytes"]], card, export


def _read_card(
    path: Path, data: bytes, text: str | bytes
) -> tuple[ModelCard, Mapping[str, Any]]:
    """The card, and how the file was exported; refuses a program that was changed."""
    try:
        content = json.loads(text)
        card = check_card(content, path)
        export = content["export"]
        program = data[: export["program"]["bytes"]]
        whole = fingerprint(program) == export["program"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"model: {path} is damaged ({type(error).__name__}: {error}); export the "
            "model again"
        ) from error
    if not whole:
        raise InputError(f"model: {path} was changed; export the model again")
    return card, export


def _unreadable(path: Path, reader: str, error: Exception) -> InputError:
    said = " ".join(str(error).split())[:200]
    return InputError(
        f"model: {path} cannot be used by {reader} ({said}); it is damaged, or made by "
        "a newer version; upgrade, or export the model again"
    )

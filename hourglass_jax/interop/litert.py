"""LiteRT, formerly TensorFlow Lite: by litert-converter, without TensorFlow."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.export
import numpy as np

from hourglass_jax.extras import import_extra

INSTALL = "pip install ai-edge-litert && pip install --no-deps litert-converter==0.5.0"
"""litert-converter asks for an old typing_extensions that it does not use."""


def to_litert(
    function: Callable[..., Any], size: tuple[int, int], outputs: Sequence[str]
) -> bytes:
    """A LiteRT model of a function of one RGB crop.

    Args:
      function: takes uint8 ``[1 h w 3]``, returns one array an output.
      size: (height, width) of the crop.
      outputs: names of the results.

    Raises:
      InputError: litert-converter is not installed.
    """
    converter = import_extra("litert_converter.converter_api_ext", INSTALL)
    ir = import_extra("litert_converter.mlir.ir", INSTALL)
    passes = import_extra("litert_converter.mlir.passmanager", INSTALL)
    images = jax.ShapeDtypeStruct((1, *size, 3), np.uint8)
    # For TPU, as that program has plain convolutions.
    exported = jax.export.export(jax.jit(function), platforms=("tpu",))(images)
    context = ir.Context()
    converter.prepare_mlir_context(context)
    with context:
        module = ir.Module.parse(exported.mlir_module())
        converter.set_signature(
            module.operation, "serving_default", ["images"], list(outputs)
        )
        converter.run_convert_to_tfl_passes(
            module, passes.PassManager(), converter.ConvertToTFLConfig()
        )
        return bytes(converter.export_flatbuffer_to_bytes(module.operation))

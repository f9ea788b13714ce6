"""The kinds of file that a model can be exported to."""

from hourglass_jax.inference import Form, seal
from hourglass_jax.interop.litert import to_litert
from hourglass_jax.interop.litert_weights import to_int8
from hourglass_jax.interop.onnx_file import OPSET, seal_onnx, to_onnx
from hourglass_jax.interop.stablehlo import PLATFORMS, to_stablehlo

STABLEHLO = Form(
    name="stablehlo",
    suffix=".stablehlo",
    make=lambda function, size, shapes: to_stablehlo(function, size),
    seal=seal,
    batch=None,
    bound_px=0.01,
    details={"platforms": PLATFORMS},
)

ONNX = Form(
    name="onnx",
    suffix=".onnx",
    make=to_onnx,
    seal=seal_onnx,
    batch=None,
    bound_px=0.01,
    details={"opset": OPSET},
)

LITERT = Form(
    name="litert",
    suffix=".tflite",
    make=lambda function, size, shapes: to_litert(function, size, tuple(shapes)),
    seal=seal,
    batch=1,
    bound_px=0.05,
    details={"weights": "float32"},
)

LITERT_INT8 = Form(
    name="litert",
    suffix=".tflite",
    make=lambda function, size, shapes: to_int8(
        to_litert(function, size, tuple(shapes))
    ),
    seal=seal,
    batch=1,
    bound_px=None,
    details={"weights": "int8"},
)

SINGLE_FILES = {form.name: form for form in (STABLEHLO, ONNX, LITERT)}
"""By their names on the command line."""

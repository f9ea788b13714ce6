"""A LiteRT model whose convolutions keep their weights in 8 bits."""

from types import ModuleType
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np

from hourglass_jax.extras import import_extra
from hourglass_jax.interop.litert import INSTALL

_IDENTIFIER = b"TFL3"
_LARGEST = 127


def to_int8(program: bytes) -> bytes:
    """Store the weights of every convolution as int8: a file of a third of the size.

    This is LiteRT's dynamic-range form. Each output channel has a scale of its own, by
    which 127 stands for its largest weight; what a convolution reads is rounded to 8
    bits while the model runs. Biases, sums and decoding stay float32.

    Raises:
      InputError: litert-converter is not installed.
    """
    schema = import_extra("litert_converter.schema_py_generated", INSTALL)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(program, 0))
    (graph,) = model.subgraphs
    kernels = {
        int(operator.inputs[1])
        for operator in graph.operators
        if model.operatorCodes[operator.opcodeIndex].builtinCode
        == schema.BuiltinOperator.CONV_2D
    }
    for index in sorted(kernels):
        _round(schema, model, graph.tensors[index])
    read = {tensor.buffer for tensor in graph.tensors}
    for number, buffer in enumerate(model.buffers):
        if number not in read:  # of a kernel that was rounded
            buffer.data = None
    builder = flatbuffers.Builder(len(program))
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _round(schema: ModuleType, model: Any, kernel: Any) -> None:
    """Round one kernel, of shape (out, h, w, in); its buffer may be another's, too."""
    floats = np.asarray(model.buffers[kernel.buffer].data, np.uint8).view(np.float32)
    rows = floats.reshape(kernel.shape[0], -1)
    scales = np.maximum(np.abs(rows).max(axis=1), np.finfo(np.float32).tiny) / _LARGEST
    buffer = schema.BufferT()
    buffer.data = np.rint(rows / scales[:, None]).astype(np.int8).ravel().view(np.uint8)
    kernel.buffer = len(model.buffers)
    model.buffers.append(buffer)
    kernel.type = schema.TensorType.INT8
    kernel.quantization = schema.QuantizationParametersT()
    kernel.quantization.scale = scales.astype(np.float32)
    kernel.quantization.zeroPoint = np.zeros(len(scales), np.int64)
    kernel.quantization.quantizedDimension = 0

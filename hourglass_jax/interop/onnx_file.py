"""ONNX models: a function of images, written with the onnx package."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.export
import numpy as np

from hourglass_jax.extras import import_extra
from hourglass_jax.interop.onnx_graph import INPUT, Node
from hourglass_jax.interop.onnx_program import translate

OPSET = 18
"""With the intermediate representation 8: ONNX 1.13, onnxruntime 1.14 and later."""
_IR_VERSION = 8


def to_onnx(
    function: Callable[..., Any],
    size: tuple[int, int],
    outputs: Mapping[str, tuple[int, ...]],
) -> bytes:
    """An ONNX model of a function of RGB crops, for any number of them.

    Args:
      function: takes uint8 ``[b h w 3]``, returns one float32 array an output.
      size: (height, width) of the crops.
      outputs: name and shape of each result, without the batch's axis.

    Raises:
      InputError: onnx is not installed, or an operation has no rule.
    """
    onnx = _import_onnx()
    (batch,) = jax.export.symbolic_shape("batch")
    images = jax.ShapeDtypeStruct((batch, *size, 3), np.uint8)
    graph, results = translate(function, images)
    for name, result in zip(outputs, results, strict=True):
        source = graph.name(graph.nhwc(result))
        graph.nodes.append(Node("Identity", (source,), (name,), {}))
    proto = onnx.helper.make_graph(
        [_node(onnx, node) for node in graph.nodes],
        "keypoints",
        [_describe(onnx, INPUT, np.uint8, (*size, 3))],
        [_describe(onnx, name, np.float32, dims) for name, dims in outputs.items()],
        [
            onnx.numpy_helper.from_array(np.asarray(value, order="C"), name)
            for name, value in graph.constants.items()
        ],
    )
    model = onnx.helper.make_model(
        proto,
        ir_version=_IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        producer_name="hourglass_jax",
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def seal_onnx(program: bytes, content: Mapping[str, Any]) -> bytes:
    """An ONNX model with its card in its metadata, as the entry model.json.

    Two serialised messages in a row are one that has the fields of both.
    """
    onnx = _import_onnx()
    entry = onnx.StringStringEntryProto(key="model.json", value=json.dumps(content))
    return program + bytes(onnx.ModelProto(metadata_props=[entry]).SerializeToString())


def _node(onnx: Any, node: Node) -> Any:
    types = {
        name: onnx.helper.np_dtype_to_tensor_dtype(value)
        for name, value in node.attributes.items()
        if isinstance(value, np.dtype)
    }
    return onnx.helper.make_node(
        node.operation,
        node.inputs,
        node.outputs,
        name=node.outputs[0],
        **node.attributes | types,
    )


def _describe(onnx: Any, name: str, dtype: type, dims: tuple[int, ...]) -> Any:
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return onnx.helper.make_tensor_value_info(name, kind, ["batch", *dims])


def _import_onnx() -> Any:
    return import_extra("onnx", "pip install onnx onnxruntime")

"""What ONNX is written for each operation, run by onnxruntime and compared with JAX."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from hourglass_jax.decoding import decode
from hourglass_jax.errors import InputError
from hourglass_jax.inference import open_exported
from hourglass_jax.interop.onnx_file import to_onnx
from hourglass_jax.models import StackedHourglass, init
from hourglass_jax.models.convolution import conv

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

SIZE = (8, 12)
KERNEL = np.random.default_rng(1).normal(size=(3, 3, 3, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(2).integers(0, 256, (3, *SIZE, 3), np.uint8)


def check(function, images, rtol=1e-5):
    """Compare both for two sizes of batch; returns the graph."""
    size = images.shape[1:3]
    expected = jax.jit(function)(images)
    model = to_onnx(function, size, {"found": expected.shape[1:]})
    session = onnxruntime.InferenceSession(model)
    for count in (len(images), 1):
        (found,) = session.run(None, {"images": images[:count]})
        atol = rtol * float(np.abs(expected).max())
        np.testing.assert_allclose(found, expected[:count], rtol=rtol, atol=atol)
    return onnx.load_from_string(model).graph


def floats(x):
    return (x.astype(jnp.float32) - 100) / 50


OPERATIONS = {
    "arithmetic": lambda x: (x + 1) * x - x / (2 + x * x),
    "powers": lambda x: jnp.sqrt(x * x + 1) + x**3 + lax.rsqrt(x * x + 1) + 2.0**x,
    "exp and log": lambda x: jnp.log(1 + jnp.exp(x)) + jnp.tanh(x) + jax.nn.sigmoid(x),
    "relu": jax.nn.relu,
    "largest and smallest": lambda x: jnp.maximum(x, -x / 2) + jnp.minimum(x, 0.3),
    "choice": lambda x: jnp.where((x > 0) & (x <= 1), x, -jnp.abs(x)),
    "not equal": lambda x: jnp.where(x != jnp.floor(x), x, 0.0),
    "whole numbers": lambda x: (
        (x * 7).astype(jnp.int32) % 5 + (x * 7).astype(jnp.int32) // 3
    ).astype(jnp.float32),
    "sums": lambda x: jnp.sum(x, axis=(1, 3)) + jnp.max(x, axis=(1, 3)),
    "means": lambda x: x - jnp.mean(x, axis=(1, 2), keepdims=True),
    "axes": lambda x: jnp.transpose(x, (0, 3, 1, 2)).reshape(-1, 3, 4, 24),
    "join": lambda x: jnp.concatenate([x[:, :, :, :2], x, 2 * x], axis=-1),
    "stack": lambda x: jnp.stack([x, -x], axis=2),
    "strides": lambda x: lax.slice(x, (0, 1, 0, 0), x.shape, (1, 2, 3, 1)),
    "mirror": lambda x: lax.rev(x, (2,)),
    "indices": lambda x: x[:, ::-1] + x[..., jnp.array([2, 2, 0])],
    "one index": lambda x: x[:, 4:, 3] + x[:, 2, -4:, :],
    "padding": lambda x: jnp.pad(x, [(0, 0), (1, 2), (0, 3), (0, 0)]),
    "products": lambda x: jnp.einsum("bhwc,bhvc->bhwv", x, x),
    "copies for the batch": lambda x: jnp.concatenate(
        [x, jnp.broadcast_to(jnp.arange(3.0), x.shape)], axis=1
    ),
    "halves of twice the batch": lambda x: jnp.subtract(
        *jnp.split(jnp.concatenate([x, x * x]), 2)
    ),
    "convolution": lambda x: conv(x, KERNEL, 1, 1),
    "strided convolution": lambda x: conv(x, KERNEL, 2, 1),
    "between convolutions": lambda x: conv(
        jax.nn.relu(conv(x, KERNEL, 1, 1)[..., :3] * np.float32([[[[1, 2, 3]]]])),
        KERNEL,
        2,
        1,
    ),
    "after convolutions": lambda x: (
        conv(x, KERNEL, 1, 1).reshape(-1, 96, 5)[:, :5]
        + jnp.transpose(conv(x, KERNEL, 1, 1), (0, 3, 1, 2)).reshape(-1, 5, 96)[
            :, :1, :5
        ]
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_the_same(name, images):
    check(lambda x: OPERATIONS[name](floats(x)), images)


@pytest.mark.parametrize("decoder", ["argmax", "quarter", "dark", "soft"])
@pytest.mark.parametrize("part", [0, 1])
def test_a_decoder_is_the_same(decoder, part, images):
    def read(x):
        return decode(floats(x) + 2.5, decoder, 1.5)[part]

    check(read, images, rtol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {"variant": "fan"},
        {"variant": "corner"},
        {"norm": "group"},
        {"trunk": "rectified_gaussian", "remat": "residual"},
    ],
    ids=str,
)
def test_a_variant_is_the_same(settings, images):
    net = StackedHourglass(1, 8, 2, depth=1, stem_width=4, **settings)
    variables = init(net, jax.random.key(0))
    pictures = np.tile(images, (1, 1, 2, 1))[:, :, :16]
    check(lambda x: net.apply(variables, floats(x), train=False)[-1], pictures, 1e-4)


def test_a_network_is_written_without_what_it_does_not_need(exported, predictor):
    path, _ = exported("onnx")
    model = onnx.load(path)
    kinds = [node.op_type for node in model.graph.node]
    kernels = [
        leaf.shape[0] if leaf.ndim == 5 else 1
        for path, leaf in jax.tree_util.tree_leaves_with_path(predictor.variables)
        if path[-1].key == "kernel"
    ]
    assert kinds.count("Conv") == sum(kernels)  # the plain ones, no CPU's products
    assert not {"BatchNormalization", "MatMul", "If"} & set(kinds)
    shapes = {c.name: tuple(c.dims) for c in model.graph.initializer}
    by_channel = [
        name
        for node in model.graph.node
        for name in node.input
        if node.op_type == "Mul" and len(shapes.get(name, ())) == 4
    ]
    # All that is left of normalisation: the first norms of residuals, behind sums.
    assert len(by_channel) == 3 + 2 * 5
    assert [o.version for o in model.opset_import] == [18]
    dims = [
        d.dim_param or d.dim_value
        for d in model.graph.input[0].type.tensor_type.shape.dim
    ]
    assert dims == ["batch", 32, 48, 3]


def test_the_file_answers_for_any_number_of_crops(exported, predictor, crops):
    path, check = exported("onnx")
    assert check["largest_deviation_px"] < 0.01
    file = open_exported(path)
    assert file.flip
    assert file.card.skeleton == predictor.skeleton
    for count in (0, 1, 5):
        keypoints, scores = file.find(crops[:count])
        expected = predictor.predict_crops(crops[:count], flip=True)
        np.testing.assert_allclose(keypoints, expected[0], atol=0.01)
        np.testing.assert_allclose(scores, expected[1], rtol=1e-3)


def test_a_changed_file_is_refused(exported, tmp_path):
    file = exported("onnx")[0]
    data = bytearray(file.read_bytes())
    weights = max((c.raw_data for c in onnx.load(file).graph.initializer), key=len)
    data[data.index(weights)] ^= 1
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"model\.onnx was changed"):
        open_exported(path)


def test_a_model_of_another_program_is_refused(images, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(to_onnx(floats, SIZE, {"found": (*SIZE, 3)}))
    with pytest.raises(InputError, match="is not a model of hourglass_jax"):
        open_exported(path)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: jnp.sort(floats(x), axis=1), "sort"),
        (
            lambda x: lax.pad(floats(x), 0.0, [(0, 0, 0), (0, 0, 1)] + 2 * [(0, 0, 0)]),
            "pad",
        ),
        (lambda x: jnp.take(floats(x), jnp.array([99]), axis=1), "gather"),
    ],
)
def test_an_operation_without_a_rule_is_named(function, name):
    with pytest.raises(InputError, match=f"computes {name} .*; export to stablehlo"):
        to_onnx(function, SIZE, {"found": (1,)})


def test_without_onnx_the_way_to_get_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"^onnx cannot.*pip install onnx"):
        to_onnx(floats, SIZE, {"found": (1,)})

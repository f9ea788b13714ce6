"""LiteRT files, and their weights in 8 bits."""

import sys

import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference import open_exported
from hourglass_jax.interop.litert import to_litert
from hourglass_jax.interop.litert_weights import to_int8
from hourglass_jax.models.convolution import conv

pytest.importorskip("litert_converter")
interpreter = pytest.importorskip("ai_edge_litert.interpreter")

SIZE = (6, 10)
KERNEL = np.random.default_rng(1).normal(size=(3, 3, 3, 8)).astype(np.float32)


def convolve(images):
    return (conv(images.astype(jnp.float32), jnp.asarray(KERNEL), 1, 1),)


@pytest.fixture(scope="module")
def program():
    return to_litert(convolve, SIZE, ["maps"])


def run(program, images):
    model = interpreter.Interpreter(model_content=program)
    return model.get_signature_runner()(images=images)["maps"], model


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(2).integers(0, 256, (1, *SIZE, 3), np.uint8)


def test_a_convolution_stays_one(program, images):
    found, model = run(program, images)
    expected = convolve(jnp.asarray(images))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)
    assert [op["op_name"] for op in model._get_ops_details()].count("CONV_2D") == 1


def test_each_channel_of_weights_is_rounded_by_its_own_scale(program):
    model = interpreter.Interpreter(model_content=to_int8(program))
    (kernel,) = (t for t in model.get_tensor_details() if t["dtype"] == np.int8)
    channels = KERNEL.transpose(3, 0, 1, 2)
    scales = np.abs(channels).max((1, 2, 3)) / 127
    quantization = kernel["quantization_parameters"]
    np.testing.assert_allclose(quantization["scales"], scales, rtol=1e-6)
    assert quantization["quantized_dimension"] == 0
    model.allocate_tensors()
    stored = model.get_tensor(kernel["index"])
    expected = np.round(channels / scales[:, None, None, None])
    np.testing.assert_array_equal(stored, expected)
    assert np.abs(stored).max() == 127


def test_with_8_bits_the_answer_is_nearly_the_same(program, images):
    (exact, _), (rounded, _) = run(program, images), run(to_int8(program), images)
    largest = np.abs(exact).max()
    assert 0 < np.abs(rounded - exact).max() < 0.02 * largest


def test_the_file_answers_as_the_model_does(exported, predictor, crops):
    path, check = exported("litert")
    assert check["largest_deviation_px"] < 0.05
    file = open_exported(path)
    assert (file.batch, file.flip) == (1, False)
    keypoints, scores = file.find(crops)
    expected, expected_scores = predictor.predict_crops(crops)
    np.testing.assert_allclose(keypoints, expected, atol=0.05)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-3)


def test_an_int8_file_tells_how_far_it_is_off(exported):
    path, check = exported("int8")
    assert check["bound_px"] is None
    assert check["mean_deviation_px"] > 0.01
    assert path.stat().st_size < exported("litert")[0].stat().st_size
    assert open_exported(path).card.decoder == "dark"


def test_without_the_converter_the_way_to_get_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "litert_converter.converter_api_ext", None)
    with pytest.raises(InputError, match="--no-deps litert-converter"):
        to_litert(convolve, SIZE, ["maps"])

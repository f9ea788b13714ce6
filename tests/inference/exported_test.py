"""Files of a program so small that it is made in no time, and harm done to them."""

import dataclasses
import json
import zipfile

import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference import Form, export_file, open_exported, seal
from hourglass_jax.inference.exported import fingerprint
from hourglass_jax.interop.stablehlo import to_stablehlo

SIZE = (32, 32)


def answer(images):
    """Keypoints and scores of no network: whatever the crop's mean says."""
    mean = jnp.mean(images.astype(jnp.float32), axis=(1, 2, 3))
    scores = mean[:, None] + jnp.arange(14.0)[None, :]
    return jnp.stack([scores, scores + 1], axis=-1), scores


@pytest.fixture(scope="module")
def program():
    return to_stablehlo(answer, SIZE)


@pytest.fixture
def write(program, card, tmp_path):
    """Write a file; what is given replaces fields of its card."""

    def write_file(name="model.stablehlo", **fields):
        export = {"flip": False, "batch": None, "program": fingerprint(program)}
        content = {**card.to_dict(), "export": export, **fields}
        path = tmp_path / name
        path.write_bytes(seal(program, content))
        return path

    return write_file


@pytest.fixture
def crops():
    return np.random.default_rng(2).integers(0, 256, (3, *SIZE, 3), np.uint8)


def test_a_file_answers_and_says_what_it_is(write, crops, card):
    exported = open_exported(write())
    keypoints, scores = exported.find(crops)
    mean = crops.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(scores, mean[:, None] + np.arange(14), rtol=1e-5)
    np.testing.assert_allclose(keypoints[..., 1], scores + 1, rtol=1e-6)
    assert exported.card == card
    assert (exported.flip, exported.batch) == (False, None)


def test_a_program_for_single_crops_goes_through_them(write, crops):
    exported = open_exported(write())
    single = dataclasses.replace(exported, batch=1)
    for one, other in zip(exported.find(crops), single.find(crops), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_no_crops_have_no_keypoints(write, crops):
    keypoints, scores = open_exported(write()).find(crops[:0])
    assert keypoints.shape == (0, 14, 2)
    assert scores.shape == (0, 14)


def test_crops_of_another_size_are_refused(write, crops):
    with pytest.raises(InputError, match=r"\(16, 32\) .* takes \(32, 32\) only"):
        open_exported(write()).find(crops[:, :16])


def test_the_same_content_makes_the_same_bytes(write):
    assert write("a.stablehlo").read_bytes() == write("b.stablehlo").read_bytes()


def test_unzip_finds_the_card(write, card):
    with zipfile.ZipFile(write()) as archive:
        content = json.loads(archive.read("model.json"))
    assert content["skeleton"]["name"] == card.skeleton.name


@pytest.mark.parametrize("place", [0.0, 0.1, 0.3, 0.5])
def test_a_changed_program_is_refused(write, place):
    path = write()
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="was changed; export the model again"):
        open_exported(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_cut_off_is_refused(write, share):
    path = write()
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=r"stablehlo is cut off, or not a model"):
        open_exported(path)


def test_a_foreign_archive_is_refused(tmp_path):
    path = tmp_path / "model.tflite"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", "text")
    pytest.importorskip("ai_edge_litert")
    with pytest.raises(InputError, match="not a model of hourglass_jax"):
        open_exported(path)


def test_a_newer_file_is_refused_kindly(write):
    path = write(version=2, made_by={"hourglass_jax": "9.9"}, network=None)
    with pytest.raises(InputError, match=r"version 2 .*9\.9.* up to 1; upgrade"):
        open_exported(path)


def test_another_program_s_card_is_refused(write):
    with pytest.raises(InputError, match="not a model of hourglass_jax"):
        open_exported(write(format="other"))


@pytest.mark.parametrize("export", [None, {}, "x", {"program": {}}, {"program": 5}])
def test_a_card_without_its_program_is_refused(write, export):
    with pytest.raises(InputError, match=r"is damaged \(.*\); export the model again"):
        open_exported(write(export=export))


def test_a_program_that_jax_cannot_read_is_refused(card, tmp_path):
    path = tmp_path / "model.stablehlo"
    program = b"a program of the year 2040" * 10
    export = {"flip": False, "batch": None, "program": fingerprint(program)}
    path.write_bytes(seal(program, {**card.to_dict(), "export": export}))
    with pytest.raises(InputError, match=r"cannot be used by jax .*newer version"):
        open_exported(path)


def test_a_name_that_says_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"ends in \.stablehlo, \.onnx, \.tflite"):
        open_exported(tmp_path / "model.bin")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read \(No such file"):
        open_exported(tmp_path / "model.onnx")


def test_a_file_of_noise_is_no_onnx_model(tmp_path):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "model.onnx"
    path.write_bytes(np.random.default_rng(1).bytes(1000))
    with pytest.raises(InputError, match=r"model\.onnx cannot be used by onnxruntime"):
        open_exported(path)


# What export_file does with a program that is not the model's.

WRONG = Form(
    name="stablehlo",
    suffix=".stablehlo",
    make=lambda function, size, shapes: to_stablehlo(answer, size),
    seal=seal,
    batch=None,
    bound_px=0.01,
)


def test_a_file_that_answers_otherwise_is_removed(predictor, tmp_path):
    with pytest.raises(RuntimeError, match=r"deviate by .*; the file was removed"):
        export_file(predictor, tmp_path / "model.stablehlo", WRONG)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(predictor, tmp_path):
    out = tmp_path / "model.stablehlo"
    out.write_text("mine")
    with pytest.raises(InputError, match=r"model\.stablehlo exists; give a new name"):
        export_file(predictor, out, WRONG)
    assert out.read_text() == "mine"


def test_the_name_must_end_as_the_form_does(predictor, tmp_path):
    with pytest.raises(InputError, match=r"expected a name that ends in \.stablehlo"):
        export_file(predictor, tmp_path / "model.onnx", WRONG)

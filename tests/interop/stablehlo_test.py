"""One StableHLO program for every platform, whatever it was made on."""

import jax
import jax.export
import numpy as np

from hourglass_jax.inference import open_exported
from hourglass_jax.interop.stablehlo import PLATFORMS, to_stablehlo


def test_one_program_holds_all_platforms_and_any_batch():
    program = to_stablehlo(lambda images: images + 1, (8, 8))
    exported = jax.export.deserialize(bytearray(program))
    assert exported.platforms == PLATFORMS == ("cpu", "cuda", "tpu")
    assert str(exported.in_avals[0].shape) == "(batch, 8, 8, 3)"


def test_a_file_is_hardly_larger_than_its_parameters(exported, predictor):
    path, _ = exported("stablehlo")
    parameters = jax.tree.leaves(predictor.variables["params"])
    size = sum(leaf.nbytes for leaf in parameters)
    assert path.stat().st_size - size < 400_000  # weights are there once


def test_the_file_answers_as_the_model_does(exported, predictor, crops):
    path, check = exported("stablehlo")
    assert check["largest_deviation_px"] < 0.01
    keypoints, scores = open_exported(path).find(crops)
    expected, expected_scores = predictor.predict_crops(crops)
    np.testing.assert_allclose(keypoints, expected, atol=0.01)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-3)

"""Scoring a model on a data set's people."""

import dataclasses

import numpy as np
import pytest

import hourglass_jax as hg
from hourglass_jax.config import DataConfig
from hourglass_jax.data.figures import draw_figure
from hourglass_jax.data.synthetic_people import FIRST_VALIDATION, SEED
from hourglass_jax.evaluation.models import answer_people, open_people
from hourglass_jax.inference import Predictor
from hourglass_jax.inference.released import DEFAULT


@pytest.mark.parametrize("padding", [1.25, 2.0])
def test_a_model_sees_people_in_the_crops_it_predicts_from(tmp_path, padding):
    """With its own padding, as `predict` has it: imported networks have others."""
    seen = []

    class Watched(Predictor):
        def start(self, images, options):
            seen.append(images.reshape(-1, *images.shape[-3:]).astype(float))
            return super().start(images, options)

    model = hg.load(DEFAULT)
    card = dataclasses.replace(model.card, box_padding=padding)
    model = Watched(card, model.variables)
    data = DataConfig(
        dataset="synthetic_people", people=1, validation_people=1, data_dir=tmp_path
    )
    people = open_people(model, data, "validation")
    answer_people(model, people, flip=False, scales=(1.0,), batch_size=1)
    figure = draw_figure(SEED, FIRST_VALIDATION)
    model.predict(figure.image, boxes=[figure.box_img])
    scored, predicted = seen
    # Records are JPEG. Of another size the crop would differ by 20 and more.
    assert np.abs(scored - predicted).mean() < 5

"""A recipe gives the same bits again."""

import dataclasses
from pathlib import Path

import jax
import pytest

from hourglass_jax.config_files import load_config
from hourglass_jax.diagnosis.subject import card_of
from hourglass_jax.inference import Predictor, export_orbax
from hourglass_jax.models import init

from .runs import assert_same_end, assert_same_scalars, finish, start, write_config

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "hg_people_small.py"


@pytest.mark.slow
def test_two_hundred_steps_of_the_released_recipe_end_on_the_same_bits(tmp_path):
    """All of it but its size, from a network of half its width, which is random here.

    Drawn people stand for photographs.
    """
    full = load_config(CONFIG)
    people = {"dataset": "synthetic_people", "people": 24, "validation_people": 4}
    also = tuple(dataclasses.replace(each, **people) for each in full.data.also)
    config = dataclasses.replace(
        full,
        model=dataclasses.replace(full.model, features=8, depth=1, stem_width=4),
        data=dataclasses.replace(
            full.data, also=also, input_size=32, data_dir=tmp_path / "data", **people
        ),
    )
    begin = _export_half_as_wide(config, tmp_path / "narrow")
    settings = {"steps": 200, "batch_size": 2, "evaluate_every": 100}
    settings["init_from"] = str(begin)
    path = write_config(tmp_path / "config.py", config, **settings)
    for name in ("first", "second"):  # each compiles for itself
        cache = str(tmp_path / f"cache of the {name}")
        run = start(path, tmp_path / name, JAX_COMPILATION_CACHE_DIR=cache)
        status, said = finish(run)
        assert status == 0, said
        assert "widened from 4 to 8 features" in said
    assert_same_end(tmp_path / "first", tmp_path / "second")
    assert_same_scalars(tmp_path / "first", tmp_path / "second")


def _export_half_as_wide(config, folder):
    model = dataclasses.replace(config.model, features=4, stem_width=2)
    narrow = dataclasses.replace(config, model=model)
    card = card_of(narrow)
    variables = init(card.network(), jax.random.key(0))
    export_orbax(Predictor(card, variables), folder)
    return folder

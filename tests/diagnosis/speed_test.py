"""Measuring a model; what times there are is the machine's business."""

import dataclasses
import json

import numpy as np
import pytest

from hourglass_jax.diagnosis import benchmark, speed
from hourglass_jax.diagnosis.subject import open_model
from hourglass_jax.errors import InputError
from hourglass_jax.inference import Predictor


@pytest.fixture(scope="module")
def model(config_file):
    return open_model(config_file)


def test_an_exit_answers_what_its_stack_says(model):
    crops = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    first = speed.leave(model, 1)
    np.testing.assert_allclose(
        first.predict_heatmaps(crops), model.predict_all_heatmaps(crops)[0], atol=1e-6
    )
    assert speed.leave(model, 2) is model


def test_an_exit_is_optimised_where_the_model_is(config_file):
    fast = open_model(config_file, optimise=True)
    assert fast.optimise
    assert speed.leave(fast, 1).optimise


def test_stacks_that_were_not_taught_to_answer_are_no_exits(model):
    config = dataclasses.replace(model.card.model, supervise="last")
    card = dataclasses.replace(model.card, model=config)
    last = Predictor(card, model.variables)
    assert speed.choose_exits(model, ()) == [1, 2]
    assert speed.choose_exits(last, ()) == [2]
    with pytest.raises(InputError, match="--stacks 1; expected 2"):
        speed.choose_exits(last, (1,))


def test_every_exit_is_measured_at_every_batch(config_file, tmp_path, capsys):
    out = tmp_path / "out.json"
    arguments = [str(config_file), "--no-start", "--json", str(out)]
    assert benchmark.run([*arguments, "--batch-sizes", "1", "2", "--rounds", "2"]) == 0
    report = json.loads(out.read_text())
    measured = [(each["stacks"], each["batch"]) for each in report["speed"]]
    assert measured == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert all(each["crops_per_second"] > 0 for each in report["speed"])
    assert report["memory"]["process"] > 2**20
    one, two = report["exits"]
    assert one["multiply_adds"] < two["multiply_adds"]
    assert one["parameters"] < two["parameters"]
    assert "crops/s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "either MODEL or --against"),
        (["CONFIG", "--against", "torch"], "either MODEL or --against"),
        (["CONFIG", "--no-start", "--stacks", "3"], "--stacks 3; expected 1 to 2"),
        (["CONFIG", "--batch-sizes", "64"], "numbers from 1 to 32"),
        (["CONFIG", "--rounds", "1"], "expected 2 or more"),
        (["CONFIG.nowhere.py", "--no-start"], "does not exist"),
    ],
)
def test_what_cannot_be_measured_is_refused(config_file, arguments, said):
    given = [each.replace("CONFIG", str(config_file)) for each in arguments]
    with pytest.raises(InputError, match=said):
        benchmark.run(given)

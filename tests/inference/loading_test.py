import json

import jax
import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference import predictor as predictor_module
from hourglass_jax.inference.forward import compiled_for_here
from hourglass_jax.inference.predictor import load
from hourglass_jax.skeleton import LSP


def test_a_workdir_is_loaded_with_its_configuration(workdir, predictor, photograph):
    loaded = load(workdir)
    assert loaded.card.model == predictor.card.model
    assert loaded.card.input_size == (32, 32)
    assert loaded.skeleton == LSP
    jax.tree.map(np.testing.assert_array_equal, loaded.variables, predictor.variables)
    assert len(loaded.predict(photograph)) == 1


def test_a_workdir_is_read_as_it_was_scored_unless_told_otherwise(workdir):
    config = json.loads((workdir / "config.json").read_text())
    config["target"] = {"decoder": "soft", "sigma_hm": 1.75}
    (workdir / "config.json").write_text(json.dumps(config))
    card = load(workdir).card
    assert (card.decoder, card.sigma_hm) == ("soft", 1.75)
    assert load(workdir, decoder="dark").card.decoder == "dark"


def test_a_run_from_before_decoders_could_be_chosen_is_read_by_quarters(workdir):
    config = json.loads((workdir / "config.json").read_text())
    del config["target"]["decoder"]
    (workdir / "config.json").write_text(json.dumps(config))
    assert load(workdir).card.decoder == "quarter"


@pytest.mark.parametrize("inside", ["best", "best/7"])
def test_a_checkpoint_is_loaded_as_its_workdir(workdir, inside):
    whole, part = load(workdir), load(workdir / inside)
    assert whole.card == part.card
    jax.tree.map(np.testing.assert_array_equal, whole.variables, part.variables)


def test_provenance_has_step_and_scores_and_no_private_paths(workdir, tmp_path):
    training = load(workdir).card.training
    assert training["step"] == 7
    assert training["scores"] == {"PCK@0.2": 61.5}
    assert training["config"]["seed"] == 9
    assert str(tmp_path) not in str(training)


def test_optimised_answers_are_the_same_up_to_rounding(workdir, photograph):
    plain, folded = load(workdir), load(workdir, optimise=True)
    (expected,), (found,) = plain.predict(photograph), folded.predict(photograph)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    # Exports and early exits begin with what the model has, not with what it runs.
    jax.tree.map(np.testing.assert_array_equal, folded.variables, plain.variables)


def test_an_optimised_model_is_left_early_as_the_plain_one_is(workdir, photograph):
    plain, folded = load(workdir), load(workdir, optimise=True)
    for stacks in (1, 2):
        (expected,) = plain.predict(photograph, stacks=stacks)
        (found,) = folded.predict(photograph, stacks=stacks)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)


def test_an_optimised_model_runs_without_normalisations(
    workdir, photograph, monkeypatch
):
    arrays = []

    def watched(function):
        def run(variables, *given, **options):
            arrays.append(len(jax.tree.leaves(variables)))
            return compiled_for_here(function)(variables, *given, **options)

        return run

    monkeypatch.setattr(predictor_module, "compiled_for_here", watched)
    for optimise in (False, True):
        load(workdir, optimise=optimise).predict(photograph)
    assert arrays[1] < arrays[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.write_text("x"), "is a file"),
        (lambda path: path.mkdir(), "neither a workdir"),
        (lambda path: (path / "params").mkdir(parents=True), r"lacks model\.json"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, make, message):
    make(tmp_path / "m")
    with pytest.raises(InputError, match=message):
        load(tmp_path / "m")

import dataclasses
from pathlib import Path

import pytest

from hourglass_jax.inference import command
from hourglass_jax.inference.options import Options


@pytest.fixture
def asked(monkeypatch):
    """What `predict_files` would be asked for."""
    asked = {}

    def keep(model, inputs, job):
        asked.update(inputs=inputs, job=job)
        return asked.get("status", 0)

    def load(path, decoder, **options):
        asked.update(model=(path, decoder), **options)

    monkeypatch.setattr(command, "predict_files", keep)
    monkeypatch.setattr(command, "load", load)
    return asked


def test_every_option_arrives(asked):
    arguments = (
        "m a.jpg b --out o --boxes b.csv --min-box-score 0.3 --format csv --flip"
    )
    arguments += " --scales 0.9 1 --stacks 2 --input-size 128 96 --decoder dark"
    arguments += " --optimise --no-draw --heatmaps --track --smooth savgol --resume"
    assert command.run(arguments.split()) == 0
    assert (asked["inputs"], asked["optimise"]) == (("a.jpg", "b"), True)
    assert asked["model"] == (Path("m"), "dark")
    job = dataclasses.asdict(asked["job"])
    options = Options(flip=True, scales=(0.9, 1.0), stacks=2, input_size=(96, 128))
    assert job.pop("options") == dataclasses.asdict(options)
    assert job == {
        **{"out": Path("o"), "boxes": Path("b.csv"), "least_box_score": 0.3},
        **{"format": "csv", "draw": False, "heatmaps": True, "track": True},
        **{"smooth": "savgol", "resume": True, "model": "m dark"},
    }


def test_the_default_is_what_it_always_was(asked):
    assert command.run(["m", "a.jpg"]) == 0
    assert asked["job"].options == Options()
    assert asked["job"].format == "json"
    assert asked["job"].draw


def test_an_interruption_says_how_to_go_on(asked, monkeypatch, capsys):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "predict_files", interrupt)
    assert command.run(["m", "a.jpg"]) == 130
    assert "--resume" in capsys.readouterr().err

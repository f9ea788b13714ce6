import dataclasses
from pathlib import Path

import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference import command
from hourglass_jax.inference.options import Options
from hourglass_jax.inference.released import DEFAULT, FOLDER


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


@pytest.mark.parametrize("inputs", [["a.jpg"], ["*"], ["b.MP4", "c"], ["list.txt"]])
def test_without_a_model_the_released_one_is_asked(
    asked, inputs, capsys, tmp_path, monkeypatch
):
    """Whatever lies in this folder under its name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / DEFAULT).mkdir()
    assert command.run(inputs) == 0
    assert (asked["model"][0], list(asked["inputs"])) == (FOLDER / DEFAULT, inputs)
    assert asked["job"].model == DEFAULT
    assert DEFAULT in capsys.readouterr().err


def test_a_folder_of_photographs_is_no_model(asked, tmp_path):
    (tmp_path / "a.JPG").touch()
    assert command.run([str(tmp_path)]) == 0
    assert asked["model"][0] == FOLDER / DEFAULT
    assert list(asked["inputs"]) == [str(tmp_path)]


@pytest.mark.parametrize("mark", ["model.json", "config.json"])
def test_a_model_is_one_whatever_photographs_lie_in_it(asked, tmp_path, mark):
    for name in (mark, "example.jpg"):
        (tmp_path / name).touch()
    assert command.run([f"{tmp_path}/", "a.jpg"]) == 0
    assert asked["model"][0] == tmp_path
    assert asked["job"].model == str(tmp_path)


@pytest.mark.parametrize("name", ["model[1].onnx", "model.json", "run", "a.stablehlo"])
def test_a_file_that_is_nothing_to_look_at_is_a_model(asked, tmp_path, name):
    (tmp_path / name).touch()
    assert command.run([str(tmp_path / name), "a.jpg"]) == 0
    assert asked["model"][0] == tmp_path / name


def test_without_photographs_no_model_is_loaded(asked, capsys):
    with pytest.raises(InputError, match="nothing to look at; expected photographs"):
        command.run([])
    with pytest.raises(InputError, match="photo.heic is taken for a model"):
        command.run(["photo.heic"])
    assert "model" not in asked
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["best", "params", "checkpoints", "model.json"])
def test_folders_of_any_name_beside_photographs_make_no_model(asked, tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / "a.jpg").touch()
    assert command.run([str(tmp_path)]) == 0
    assert asked["model"][0] == FOLDER / DEFAULT


def test_it_is_told_why_photographs_are_taken_for_a_model(asked, tmp_path):
    for name in ("config.json", "a.jpg"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"for a model, as it holds config\.json; "):
        command.run([str(tmp_path)])


def test_an_interruption_says_how_to_go_on(asked, monkeypatch, capsys):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "predict_files", interrupt)
    assert command.run(["m", "a.jpg"]) == 130
    assert "--resume" in capsys.readouterr().err

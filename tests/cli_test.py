"""The command line: whole ways through it, and one clear line for what is wrong."""

import json
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

from hourglass_jax.cli import main

CONFIG = """
from hourglass_jax.config import *

def get_config():
    return Config(
        model=ModelConfig(stacks=1, features=8, depth=1, stem_width=4),
        data=DataConfig(input_size=32, people=6, validation_people=3),
        train=TrainConfig(steps=2, batch_size=2, evaluate_every=2, log_every=1),
    )
"""

FEW = ("--people", "6", "--validation-people", "3")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a config, a trained workdir and a photograph."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "tiny.py").write_text(CONFIG)
    patch = pytest.MonkeyPatch()
    patch.setenv("HOURGLASS_DATA_DIR", str(folder / "prepared"))
    assert main([*train_arguments(folder), "--optim.learning-rate", "1e-3"]) == 0
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    cv2.imwrite(str(folder / "photo.png"), picture)
    yield folder
    patch.undo()


def train_arguments(folder, workdir="run"):
    return [
        *("train", "--config", str(folder / "tiny.py")),
        *("--workdir", str(folder / workdir)),
    ]


def test_a_value_on_the_command_line_replaces_the_files(home):
    stored = json.loads((home / "run" / "config.json").read_text())
    assert stored["optim"]["learning_rate"] == 1e-3
    assert stored["model"]["features"] == 8


def test_evaluate_writes_what_it_prints(home, capsys):
    arguments = ["evaluate", str(home / "run"), "--dataset", "synthetic_people", *FEW]
    out = home / "scores.json"
    more = ["--flip", "--scales", "0.9", "1.1", "--json", str(out)]
    assert main([*arguments, *more]) == 0
    scores = json.loads(out.read_text())
    printed = capsys.readouterr().out
    assert f"{scores['PCK@0.2']['Mean']:.2f}" in printed
    assert scores["people"] + scores["unmeasured"] > 0
    assert scores["flip"] is True
    assert scores["scales"] == [0.9, 1.1]


def test_a_report_is_one_page_with_the_scores_and_the_worst(home, capsys):
    arguments = ["evaluate", str(home / "run"), "--dataset", "synthetic_people", *FEW]
    folder, out = home / "report", home / "reported.json"
    assert main([*arguments, "--report", str(folder), "--json", str(out)]) == 0
    assert [path.name for path in folder.iterdir()] == ["report.html"]
    page = (folder / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="(.{5})', page)
    assert set(sources) == {"data:"}  # nothing is fetched from anywhere
    mean = json.loads(out.read_text())["PCK@0.2"]["Mean"]
    assert f"<b>{mean:.1f}</b>PCK@0.2, Mean" in page
    assert page.count("<figure>") == 3  # everybody, of three
    assert "figure 1000000000, person 1000000000" in page
    capsys.readouterr()


def test_an_export_predicts_what_its_workdir_predicts(home):
    model, exported = str(home / "run"), str(home / "exported")
    assert main(["export", model, "--to", "orbax", "--out", exported]) == 0
    for name, where in (("a", model), ("b", exported)):
        out = str(home / name)
        assert main(["predict", where, str(home / "photo.png"), "--out", out]) == 0
    for name in ("photo.json", "photo_pose.png"):
        assert (home / "a" / name).read_bytes() == (home / "b" / name).read_bytes()


def test_predict_takes_another_decoder_and_scales(home):
    found = []
    for more in ([], ["--decoder", "dark"], ["--scales", "0.8", "1.2"]):
        out = home / f"choice{len(found)}"
        arguments = ["predict", str(home / "run"), str(home / "photo.png")]
        assert main([*arguments, "--out", str(out), *more]) == 0
        people = json.loads((out / "photo.json").read_text())["people"]
        found.append(people[0]["keypoints"])
    assert found[0] != found[1]
    assert found[0] != found[2]


def test_data_build_counts_the_people_of_every_split(home, capsys):
    assert main(["data", "build", "synthetic_people", *FEW]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "synthetic_people train: 6 people",
        "synthetic_people validation: 3 people",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian"], "perhaps you meant train"),
        (["evaluate", "RUN", "--dataset", "mpi"], "expected one of"),
        (
            [
                *("evaluate", "RUN", "--dataset", "synthetic_people", *FEW),
                *("--split", "tset"),
            ],
            "no split 'tset'",
        ),
        (
            ["evaluate", "HOME/nowhere", "--dataset", "synthetic_people"],
            "nowhere does not exist",
        ),
        (["predict", "RUN", "HOME/no.jpg", "--out", "HOME/out"], "no.jpg"),
        (["predict", "HOME/prepared", "HOME/photo.png"], "neither"),
        (["predict", "hg-peple-small", "HOME/photo.png"], "meant hg-people-small"),
        (["export", "RUN", "--out", "HOME/run"], "run"),
        (
            ["train", "--config", "HOME/none.py", "--workdir", "HOME/x"],
            "none.py does not exist",
        ),
        (
            [
                "train",
                "--config",
                "HOME/tiny.py",
                "--workdir",
                "HOME/run",
                "--model.stacks",
                "2",
            ],
            "model.stacks is 1 there and 2 now",
        ),
        (
            [
                "train",
                "--config",
                "HOME/tiny.py",
                "--workdir",
                "HOME/x",
                "--data.input-size",
                "33",
            ],
            "data.input_size is 33",
        ),
        (
            [
                "train",
                "--config",
                "HOME/tiny.py",
                "--workdir",
                "HOME/x",
                "--data.dataset",
                "lspet",
                "--data.raw-dir",
                "HOME/prepared",
            ],
            "joints.mat",
        ),
    ],
    ids=lambda value: " ".join(value[:1]) if isinstance(value, list) else value,
)
def test_bad_input_is_one_line_and_status_2(home, capsys, arguments, said):
    places = {"RUN": str(home / "run"), "HOME": str(home)}
    given = arguments
    for word, place in places.items():
        given = [argument.replace(word, place) for argument in given]
    assert main(given) == 2
    captured = capsys.readouterr()
    errors = [x for x in captured.err.splitlines() if x.startswith("error: ")]
    assert len(errors) == 1
    assert said in errors[0]
    assert "Traceback" not in captured.err
    assert not (home / "x").exists()


def test_a_misspelt_field_suggests_the_right_one(home, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*train_arguments(home, "x"), "--model.stakcs", "2"])
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert "--model.stacks" in captured.out + captured.err


def test_a_failure_of_ours_is_one_line_and_status_1(home, capsys):
    broken = ["--optim.learning-rate", "1e30", "--train.steps", "9"]
    assert main([*train_arguments(home, "broken"), *broken]) == 1
    assert "failed: NotFiniteError: step" in capsys.readouterr().err


def test_debug_shows_where(home):
    with pytest.raises(Exception, match="none.py does not exist"):
        main(["train", "--config", str(home / "none.py"), "--workdir", "x", "--debug"])


def test_help_lists_every_verb(capsys):
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    for verb in ("train", "evaluate", "predict", "export", "data"):
        assert f"  {verb} " in listed


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from hourglass_jax.cli import main; main(['--help']); "
        "print({'jax', 'numpy', 'tyro', 'cv2'} & sys.modules.keys())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "set()"


def test_a_reader_that_stops_early_is_no_failure():
    command = f"{sys.executable} -m hourglass_jax.cli data build --help | head -n 1"
    ended = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert ended.stdout.startswith("usage: hourglass data build")
    assert ended.stderr == ""


BUSY = """
import sys, threading, time, types
from hourglass_jax import cli

def interrupted(argv):
    threading.Thread(target=time.sleep, args=(60,)).start()
    raise KeyboardInterrupt

sys.modules["busy"] = types.SimpleNamespace(run=interrupted)
cli._VERBS["doctor"] = "busy"
cli.run(["doctor"])
"""


def test_ctrl_c_ends_the_command_whatever_else_is_at_work():
    ended = subprocess.run(
        [sys.executable, "-c", BUSY],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 130
    assert ended.stderr.startswith("interrupted")

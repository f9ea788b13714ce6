"""`hourglass data`, through the verb, on small folders."""

import json

import cv2
import pytest

from hourglass_jax.cli import main
from hourglass_jax.data.records import read_prepared

from .check_forms import change, draw_photograph, write_folder
from .conftest import write_joints, write_raw_folder

CONFIG = """
from pathlib import Path
from hourglass_jax.config import *

def get_config():
    return Config(
        data=DataConfig(
            dataset="lspet", raw_dir=Path("{raw}"), data_dir=Path("{kept}")
        ),
        augment=AugmentConfig(translation={translation}),
    )
"""


@pytest.fixture
def build(raw_folder, tmp_path):
    """Build the twelve of `write_raw_folder`; what comes back is the exit status."""

    def build_with(*options):
        places = ("--raw-dir", str(raw_folder), "--data-dir", str(tmp_path / "kept"))
        return main(["data", "build", "lspet", *places, *options])

    return build_with


@pytest.fixture
def spoilt(raw_folder):
    """Four of them are bad: three photographs, and a joint far outside."""
    joints = write_raw_folder(raw_folder.parent / "same")
    joints[4, 0] = 2000, 2000, 1
    write_joints(raw_folder, joints)
    (raw_folder / "images" / "im00002.jpg").unlink()
    (raw_folder / "images" / "im00003.jpg").write_bytes(b"")
    path = raw_folder / "images" / "im00009.jpg"
    path.write_bytes(path.read_bytes()[:-9])
    return raw_folder


def prepared(folder):
    return sorted(path.parent for path in folder.rglob("dataset_info.json"))


def test_build_tells_the_people_of_every_split(build, capsys):
    assert build() == 0
    assert capsys.readouterr().out.splitlines() == [
        "lspet train: 8 people",
        "lspet validation: 3 people",
        "lspet test: 1 people",
    ]


def test_build_refuses_what_is_bad(build, spoilt, tmp_path, capsys):
    assert build() == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: lspet: bad annotations: photograph missing (1): ")
    assert "--skip-bad leaves these out" in error
    assert prepared(tmp_path / "kept") == []


def test_skip_bad_leaves_out_what_check_calls_an_error(build, spoilt, tmp_path, capsys):
    out = tmp_path / "found.json"
    assert (
        main(["data", "check", "lspet", "--raw-dir", str(spoilt), *json_to(out)]) == 2
    )
    errors = json.loads(out.read_text())["errors"]
    assert len(errors) == 4
    capsys.readouterr()
    assert build("--skip-bad") == 0
    assert capsys.readouterr().out.splitlines() == [
        "lspet train: 5 people",
        "lspet validation: 2 people",
        "lspet test: 1 people",
    ]
    (folder,) = prepared(tmp_path / "kept")
    rejected = json.loads((folder / "rejected.json").read_text())
    assert len(rejected) == 4
    for number, reason in (
        ("2", "no such"),
        ("3", "empty"),
        ("9", "cut"),
        ("5", "2000"),
    ):
        assert any(f"im0000{number}.jpg" in x and reason in x for x in rejected)
    records = read_prepared(folder).splits["train"]
    assert [record["person"] for record in records] == [0, 3, 5, 6, 7]


def json_to(path):
    return "--json", str(path)


def test_wrong_labels_of_which_records_can_be_made_are_kept_and_told(tmp_path, capsys):
    def spoil(_, people):
        people[3]["bbox"] = [2, 2, 4, 4]
        people[4]["keypoints"][0] = 2000
        people[5] |= {name: people[0][name] for name in ("keypoints", "image_id")}

    folder = write_folder(tmp_path / "mine")
    change(folder, spoil)
    options = ["build", str(folder), "--data-dir", str(tmp_path / "kept")]
    assert main(["data", *options]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[0] == "coco_json train: 50 people"
    assert "coco_json: 2 wrong labels are kept, such as" in told.err
    assert main(["data", *options, "--skip-bad"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "coco_json train: 47 people"


@pytest.mark.parametrize(
    "spoil",
    [lambda path: path.unlink(), lambda path: path.write_bytes(b"")],
    ids=["missing", "empty"],
)
def test_where_nobody_is_left_nothing_is_built(
    build, raw_folder, tmp_path, capsys, spoil
):
    for path in (raw_folder / "images").iterdir():
        spoil(path)
    assert build("--skip-bad") == 2
    assert "nobody is left" in capsys.readouterr().err
    assert prepared(tmp_path / "kept") == []


def test_a_config_gives_the_data_and_the_reach(raw_folder, tmp_path, capsys):
    kept = tmp_path / "kept"
    for name, translation in (("near", 0.0), ("far", 0.5)):
        (tmp_path / f"{name}.py").write_text(
            CONFIG.format(raw=raw_folder, kept=kept, translation=translation)
        )
        assert main(["data", "build", "--config", str(tmp_path / f"{name}.py")]) == 0
    reaches = sorted(read_prepared(folder).reach for folder in prepared(kept))
    assert reaches == pytest.approx([1.1, 1.5])


def test_an_option_goes_before_the_config(raw_folder, tmp_path):
    config = CONFIG.format(raw=raw_folder, kept=tmp_path / "kept", translation=0)
    (tmp_path / "config.py").write_text(config)
    options = ("--config", str(tmp_path / "config.py"), "--data-dir")
    assert main(["data", "build", *options, str(tmp_path / "other")]) == 0
    assert prepared(tmp_path / "other")
    assert not (tmp_path / "kept").exists()


def test_check_of_a_clean_folder_has_status_0(tmp_path, capsys):
    folder = write_folder(tmp_path / "mine")
    assert main(["data", "check", str(folder), "--strict"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "coco_json: 60 people (50 train, 10 validation)"
    assert lines[1] == "photographs: 6 present, 0 missing"
    assert lines[-2:] == ["errors: 0", "suspicions: 0"]


def test_suspicions_set_the_status_where_asked_for(tmp_path):
    folder = write_folder(tmp_path / "mine")
    cv2.imwrite(str(folder / "images" / "photo5.png"), draw_photograph(0) // 2)
    assert main(["data", "check", str(folder)]) == 0
    assert main(["data", "check", str(folder), "--strict"]) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["look"], "no action 'look'; expected one of build, check"),
        (["check", "mpi"], "'mpi'; expected one of synthetic_people, l"),
        (["check", "lspet", "--raw-dir", "nowhere"], "nowhere is not a folder"),
        (["check", "synthetic_people"], "is drawn when it is built"),
        (["build", "--config", "none.py"], "none.py does not exist"),
    ],
)
def test_bad_input_is_one_line_and_status_2(capsys, arguments, said):
    assert main(["data", *arguments]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert said in error


def test_help_of_an_action_shows_the_fields_of_a_source(capsys):
    assert main(["data"]) == 2
    assert main(["data", "--help"]) == 0
    assert "check   find what is wrong" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["data", "build", "--help"])
    told = capsys.readouterr().out
    for option in ("--raw-dir", "--skeleton", "--validation-share", "--skip-bad"):
        assert option in told
    assert "--weight" not in told


def test_a_preview_writes_what_it_names(raw_folder, tmp_path, capsys):
    out = tmp_path / "look"
    options = ["--raw-dir", str(raw_folder), "--data-dir", str(tmp_path / "kept")]
    assert main(["data", "preview", "lspet", *options, "--out", str(out)]) == 0
    named = capsys.readouterr().out.split()
    assert sorted(named) == sorted(str(path) for path in out.iterdir())
    assert len(named) == 3

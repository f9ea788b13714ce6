"""`hourglass evaluate`: two forms, and one line for what is neither."""

import dataclasses
import json

import pytest

from hourglass_jax.cli import main
from hourglass_jax.config import DataConfig
from hourglass_jax.evaluation.command import Request, parse_request


@pytest.fixture
def arguments(mpii_files):
    files = mpii_files / "worse.mat", mpii_files / "valid.h5"
    options = zip(("--predictions", "--ground-truth"), map(str, files), strict=True)
    return ["evaluate", *(a for pair in options for a in pair), "--metric", "pckh"]


def test_files_are_scored_printed_and_written(arguments, tmp_path, capsys):
    outputs = {name: tmp_path / f"scores.{name}" for name in ("json", "md", "png")}
    options = zip(("--json", "--markdown", "--curves"), outputs.values(), strict=True)
    written = [str(word) for pair in options for word in pair]
    assert main([*arguments, *written]) == 0
    printed = capsys.readouterr().out
    scores = json.loads(outputs["json"].read_text())
    value = scores["scores"]["PCKh@0.5"]["pooled over 14 joints"]["value"]
    assert f"{value:.2f} ±" in printed
    assert f"{value:.2f} ±" in outputs["md"].read_text()
    assert outputs["png"].read_bytes().startswith(b"\x89PNG")
    assert scores["rounds"] == 1000


def test_two_files_are_compared(arguments, mpii_files, tmp_path, capsys):
    better = ["--compare", str(mpii_files / "better.mat")]
    curves = ["--curves", str(tmp_path / "both.png")]
    assert main([*arguments, *better, *curves]) == 0
    assert "B is better by" in capsys.readouterr().out
    assert (tmp_path / "both.png").stat().st_size > 10_000


def test_a_model_is_scored_on_the_data_that_is_named():
    options = ["--dataset", "coco_json", "--raw-dir", "photos", "--people", "7"]
    request = parse_request(["runs/x", *options])
    data = request.data()
    assert (data.dataset, str(data.raw_dir), data.people) == ("coco_json", "photos", 7)


def test_no_option_of_the_data_is_lost_on_the_way():
    """`Request.data` passes on what the data's configuration has a field for."""
    own = {field.name for field in dataclasses.fields(Request)}
    known = {field.name for field in dataclasses.fields(DataConfig)}
    assert own - known == {
        *(
            "model",
            "split",
            "flip",
            "scales",
            "decoder",
            "batch_size",
            "predictions",
            "compare",
        ),
        *("ground_truth", "metric", "normalise", "strict", "sigmas"),
        *("json", "markdown", "curves", "report"),
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "give either MODEL --dataset NAME, or --predictions P"),
        (["runs/x", "--predictions", "p.mat"], "give either MODEL"),
        (["--dataset", "lspet", "--metric", "pckh"], "give either MODEL"),
        (["runs/x"], "MODEL and --dataset go together"),
        (["--dataset", "lspet"], "MODEL and --dataset go together"),
        (
            ["runs/x", "--dataset", "lspet", "--batch-size", "0"],
            "--batch-size is 0; expected 1 or more",
        ),
        (["--predictions", "p.mat"], "--ground-truth and --metric go together"),
        (["--ground-truth", "g", "--metric", "pck"], "--metric go together"),
        (
            ["runs/x", "--dataset", "lspet", "--compare", "p.mat"],
            "goes with --predictions",
        ),
        (
            ["--predictions", "p", "--ground-truth", "g.h5", "--metric", "pckh"],
            "g.h5 cannot be read",
        ),
        (
            [
                *("--predictions", "p", "--ground-truth", "g", "--metric", "oks"),
                *("--curves", "c.png"),
            ],
            "draws PCKh and PCK",
        ),
    ],
)
def test_half_a_request_is_one_line_and_status_2(given, said, capsys):
    assert main(["evaluate", *given]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert errors[0].startswith("error: ")
    assert said in errors[0]


def test_nothing_is_written_where_a_picture_cannot_be(arguments, tmp_path, capsys):
    out = tmp_path / "scores.json"
    assert main([*arguments, "--json", str(out), "--curves", "curves.pdf"]) == 2
    assert "ends in .png" in capsys.readouterr().err
    assert not out.exists()

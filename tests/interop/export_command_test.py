"""The command line's part: options that go together, and who is called."""

import json

import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.files import write_whole
from hourglass_jax.inference import export_orbax, load
from hourglass_jax.interop import export_command
from hourglass_jax.interop.export_command import run
from hourglass_jax.interop.forms import LITERT, LITERT_INT8, ONNX, STABLEHLO


@pytest.fixture(scope="module")
def folder(predictor, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "orbax"
    export_orbax(predictor, path)
    return path


@pytest.fixture
def calls(monkeypatch):
    """What `export_file` is asked for, in its place."""
    made = []

    def pretend(predictor, out, form, flip):
        made.append((predictor.card.decoder, out.name, form, flip))
        counts = {"crops": 16, "keypoints": 224, "clear": 220, "bound_px": 0.01}
        return counts | {"mean_deviation_px": 1e-6, "largest_deviation_px": 2.5e-5}

    monkeypatch.setattr(export_command, "export_file", pretend)
    return made


@pytest.mark.parametrize(
    ("options", "form"),
    [
        (["--to", "stablehlo"], STABLEHLO),
        (["--to", "onnx"], ONNX),
        (["--to", "litert"], LITERT),
        (["--to", "litert", "--weights", "int8"], LITERT_INT8),
    ],
)
def test_a_form_is_chosen_by_name(folder, calls, options, form, tmp_path, capsys):
    assert run([str(folder), "--out", str(tmp_path / "out"), *options]) == 0
    assert calls == [("dark", "out", form, False)]
    said = capsys.readouterr().out
    assert "220 of 224 keypoints are clear; they deviate by 1e-06 pixels" in said
    assert "2.5e-05 at most; 0.01 is allowed" in said


def test_decoder_and_flip_are_part_of_a_file(folder, calls, tmp_path):
    options = ["--to", "onnx", "--decoder", "soft", "--flip"]
    run([str(folder), "--out", str(tmp_path / "out"), *options])
    assert calls == [("soft", "out", ONNX, True)]


def test_orbax_is_what_is_made_without_a_form(folder, tmp_path, capsys):
    assert run([str(folder), "--out", str(tmp_path / "copy")]) == 0
    assert load(tmp_path / "copy").card == load(folder).card
    assert capsys.readouterr().out == f"exported to {tmp_path / 'copy'}\n"


def test_torch_is_given_the_layout(folder, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        export_command, "export_torch", lambda model, out, layout: made.append(layout)
    )
    options = ["--to", "torch", "--layout", "bearpaw"]
    run([str(folder), "--out", str(tmp_path / "a.safetensors"), *options])
    assert made == ["bearpaw"]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--flip"], "--flip is for stablehlo, onnx and litert"),
        (["--to", "torch"], "--to torch needs a --layout"),
        (["--layout", "fan"], "--layout is for torch"),
        (["--to", "torch", "--decoder", "soft"], "--decoder is for the others"),
        (["--to", "onnx", "--weights", "int8"], "--weights int8 is for litert"),
        (["--to", "onnx", "--weights", "float16"], "--weights float16 is for orbax"),
    ],
)
def test_options_that_do_not_go_together_are_refused(folder, options, fault, tmp_path):
    with pytest.raises(InputError, match=f"^export: {fault}"):
        run([str(folder), "--out", str(tmp_path / "out"), *options])
    assert list(tmp_path.iterdir()) == []


def test_orbax_keeps_the_decoder(folder, tmp_path):
    run([str(folder), "--out", str(tmp_path / "copy"), "--decoder", "soft"])
    assert load(tmp_path / "copy").card.decoder == "soft"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a", []),
        ("a.stablehlo", ["--to", "stablehlo"]),
        ("a.safetensors", ["--to", "torch", "--layout", "bearpaw"]),
    ],
)
@pytest.mark.parametrize("place", ["file", "n" * 300])
def test_a_place_that_cannot_be_written_is_one_line(
    folder, tmp_path, monkeypatch, name, options, place
):
    monkeypatch.setattr(
        export_command, "export_torch", lambda model, out, layout: write_whole(out, "")
    )
    (tmp_path / "file").write_text("not a folder")
    out = tmp_path / place / name
    with pytest.raises(
        InputError, match=r"^export: .* cannot be written \([A-Z].*\); "
    ):
        run([str(folder), "--out", str(out), *options])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_is_not_turned_into_another(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_text(json.dumps({}))
    with pytest.raises(InputError, match="is a file, which cannot be turned into"):
        run([str(path), "--out", str(tmp_path / "out")])

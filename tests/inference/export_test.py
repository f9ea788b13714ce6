import dataclasses
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from orbax.checkpoint import v1 as ocp

from hourglass_jax.errors import InputError
from hourglass_jax.inference import export
from hourglass_jax.inference.card import ModelCard
from hourglass_jax.inference.export import export_orbax
from hourglass_jax.inference.export_check import draw_crops
from hourglass_jax.inference.predictor import Predictor, load


@pytest.fixture(scope="session")
def exported_once(predictor, tmp_path_factory):
    folder = tmp_path_factory.mktemp("once") / "exported"
    export_orbax(predictor, folder)
    return folder


@pytest.fixture
def exported(exported_once, tmp_path):
    """A copy to do harm to."""
    return shutil.copytree(exported_once, tmp_path / "exported")


def edit(exported, **fields):
    path = exported / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_an_export_predicts_what_the_workdir_does_bit_for_bit(
    workdir, photograph, tmp_path
):
    original = load(workdir)
    export_orbax(original, tmp_path / "exported")
    copy = load(tmp_path / "exported")
    boxes = [[0, 0, 20, 30], [10, 10, 60, 40]]
    for flip in (False, True):
        expected = original.predict(photograph, boxes, flip=flip)
        found = copy.predict(photograph, boxes, flip=flip)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one.keypoints, other.keypoints)
            np.testing.assert_array_equal(one.scores, other.scores)


def test_kernels_in_half_precision_take_half_the_space_and_run_in_float32(tmp_path):
    released = load("hg-people-small")
    # Its kernels are such already: of these, none is.
    odd = jax.tree.map(lambda leaf: leaf * (1 + 2**-13), released.variables)
    model = Predictor(released.card, odd)
    export_orbax(model, tmp_path / "whole")
    export_orbax(model, tmp_path / "half", half=True)
    whole, half = (
        sum(f.stat().st_size for f in (tmp_path / name / "params").rglob("*"))
        for name in ("whole", "half")
    )
    assert half < 0.65 * whole
    found = load(tmp_path / "half")
    for leaf, exact in zip(
        *map(jax.tree.leaves, (found.variables, model.variables)), strict=True
    ):
        assert leaf.dtype == np.float32
        np.testing.assert_allclose(leaf, exact, rtol=2**-11, atol=2**-25)
    crops = draw_crops(model.card.input_size, model.card.box_padding)
    (one, sure), (other, _) = model.predict_crops(crops), found.predict_crops(crops)
    assert np.median(np.abs(one - other)) < 0.01
    # Of two peaks of nearly the same height the other one may be chosen.
    assert np.mean(np.abs(one - other)[sure > 0.3].max(-1) < 0.25) > 0.99


def test_a_kernel_too_large_for_half_precision_is_refused(predictor, tmp_path):
    large = jax.tree.map(lambda leaf: leaf * 1e6, predictor.variables)
    with pytest.raises(InputError, match="too large for float16"):
        export_orbax(Predictor(predictor.card, large), tmp_path / "half", half=True)
    assert not any(tmp_path.iterdir())


def test_the_card_survives(exported, card):
    assert load(exported).card == card


def test_an_export_of_an_export_is_the_same_model(exported, tmp_path):
    export_orbax(load(exported), tmp_path / "again")
    one, other = (
        json.loads((p / "model.json").read_text())
        for p in (exported, tmp_path / "again")
    )
    for content in (one, other):
        del content["made_by"], content["files"]
    assert one == other


def test_model_json_says_how_to_run_the_network(exported, predictor):
    content = json.loads((exported / "model.json").read_text())
    assert content["network"]["stacks"] == 2
    assert content["network"]["keypoints"] == 14
    assert content["input"] == {"size": [32, 32], "channels": "RGB"}
    assert content["normalisation"] == {"divide_by": 255, "mean": [0.1, 0.2, 0.3]}
    assert content["box_padding"] == 1.25
    assert content["skeleton"]["keypoints"] == list(predictor.skeleton.keypoints)
    assert content["training"]["step"] == 7
    assert content["made_by"]["jax"] == jax.__version__


def test_an_export_decodes_as_its_model_was_scored(exported, predictor, tmp_path):
    output = json.loads((exported / "model.json").read_text())["output"]
    assert output == {"heatmap_stride": 4, "decoder": "quarter", "sigma_hm": 1.5}
    other = dataclasses.replace(predictor.card, decoder="dark", sigma_hm=2.0)
    export_orbax(Predictor(other, predictor.variables), tmp_path / "dark")
    assert load(tmp_path / "dark").card == other


@pytest.mark.parametrize(
    "output", [{"heatmap_stride": 4, "decoder": "quarter-cell"}, {"heatmap_stride": 4}]
)
def test_exports_from_before_decoders_could_be_chosen_are_read(exported, output):
    edit(exported, output=output)
    card = load(exported).card
    assert (card.decoder, card.sigma_hm) == ("quarter", 1.0)


@pytest.mark.parametrize(
    "output",
    [None, "x", {"decoder": "best"}, {"decoder": ["dark"]}, {"sigma_hm": 0.0}],
)
def test_an_output_that_cannot_be_read_is_refused(exported, output):
    edit(exported, output=output)
    with pytest.raises(InputError, match=r"(?s)model\.json: .*; export the model"):
        load(exported)


def test_orbax_alone_reads_the_parameters(exported, predictor):
    cpu = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    shapes = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=cpu),
        predictor.variables,
    )
    read = ocp.load(exported / "params", shapes)
    jax.tree.map(np.testing.assert_array_equal, read, predictor.variables)


def test_nothing_says_where_it_was_written(exported):
    for path in filter(Path.is_file, exported.rglob("*")):
        assert str(exported.parent).encode() not in path.read_bytes()


def test_what_is_there_is_not_overwritten(exported, predictor):
    before = (exported / "model.json").read_bytes()
    with pytest.raises(InputError, match="exported exists and is not an empty folder"):
        export_orbax(predictor, exported)
    assert (exported / "model.json").read_bytes() == before


def test_an_empty_folder_is_filled_and_a_killed_export_cleared(predictor, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / ".out.partial" / "params").mkdir(parents=True)
    export_orbax(predictor, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert load(tmp_path / "out").card == predictor.card


def test_a_failure_leaves_nothing(predictor, tmp_path, monkeypatch):
    def fail(folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "checksums", fail)
    with pytest.raises(OSError, match="No space"):
        export_orbax(predictor, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_newer_format_is_refused_kindly(exported):
    edit(exported, version=2, made_by={"hourglass_jax": "9.9"}, network=None)
    with pytest.raises(InputError, match=r"version 2 .*9\.9.* up to 1; upgrade"):
        load(exported)


def test_another_program_s_model_json_is_refused(exported):
    edit(exported, format="other")
    with pytest.raises(InputError, match="not a model of hourglass_jax"):
        load(exported)


@pytest.mark.parametrize(
    "field", ["network", "skeleton", "normalisation", "input", "box_padding", "files"]
)
@pytest.mark.parametrize("value", [None, {}, "x"])
def test_a_field_that_is_wrong_is_refused(exported, field, value):
    edit(exported, **{field: value})
    with pytest.raises(InputError, match=r"model\.json"):
        load(exported)


def test_a_field_that_is_missing_is_named(exported):
    content = json.loads((exported / "model.json").read_text())
    del content["box_padding"]
    (exported / "model.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="lacks the field 'box_padding'"):
        load(exported)


def test_an_input_size_that_the_network_cannot_take_is_refused(exported):
    edit(exported, input={"size": [32, 36], "channels": "RGB"})
    with pytest.raises(InputError, match=r"\(32, 36\); expected multiples of 8"):
        load(exported)


def test_a_model_json_cut_off_is_refused(exported):
    path = exported / "model.json"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"model\.json is damaged, not JSON"):
        load(exported)


def test_every_missing_or_shortened_file_is_named(exported):
    names = json.loads((exported / "model.json").read_text())["files"]
    assert len(names) > 3
    for name in names:
        path = exported / name
        data = path.read_bytes()
        path.unlink()
        with pytest.raises(InputError, match=f"{name} is missing"):
            load(exported)
        path.write_bytes(data[:-1] if data else b"x")
        with pytest.raises(InputError, match=f"{name} was changed or cut off"):
            load(exported)
        path.write_bytes(data)
    load(exported)


def test_parameters_of_another_network_are_listed(exported, card):
    edit(exported, network=card.model.network() | {"features": 16, "keypoints": 14})
    with pytest.raises(
        InputError, match=r"batch_stats/last/.* is \(8,\), expected \(16,\); .* more;"
    ):
        load(exported)


def test_a_network_of_more_parts_is_listed(exported, card):
    edit(exported, network=card.model.network() | {"stacks": 1, "keypoints": 14})
    with pytest.raises(InputError, match="expected none"):
        load(exported)


def test_what_was_exported_together_is_read_without_tracing(exported, monkeypatch):
    traced = []
    ask = ModelCard.variable_shapes
    monkeypatch.setattr(
        ModelCard, "variable_shapes", lambda card: traced.append(card) or ask(card)
    )
    load(exported)
    assert not traced
    edit(exported, fits="something else")
    load(exported)
    assert traced


def test_an_export_can_be_moved(exported, photograph, tmp_path, predictor):
    shutil.move(exported, tmp_path / "elsewhere")
    (pose,) = load(tmp_path / "elsewhere").predict(photograph)
    (expected,) = predictor.predict(photograph)
    np.testing.assert_array_equal(pose.keypoints, expected.keypoints)

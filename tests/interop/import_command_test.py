"""`hourglass import`: other ports' files in, folders that predict out."""

import json

import jax
import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference import ModelCard, load
from hourglass_jax.interop import import_command
from hourglass_jax.interop.importing import import_checkpoint
from hourglass_jax.interop.safetensors_files import pack_safetensors
from hourglass_jax.interop.torch_export import export_torch
from hourglass_jax.skeleton import COCO, MPII

from .small import INPUTS, OPTIONS, SIDE, draw_state, stored


@pytest.fixture(scope="module", autouse=True)
def _trace_once():
    """Tracing a network is most of an import; the same one has the same shapes."""
    trace, known = ModelCard.variable_shapes, {}

    def shapes(card):
        key = card.model, len(card.skeleton.keypoints)
        if key not in known:
            known[key] = trace(card)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelCard, "variable_shapes", shapes)
        yield


@pytest.fixture
def write(tmp_path):
    """Write a state dict to a file; returns its path."""

    def write(state, name="weights.safetensors"):
        path = tmp_path / name
        path.write_bytes(pack_safetensors(state))
        return path

    return write


def bits(tree):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]


def read(path, port="auto", **options):
    return import_checkpoint(path, port, **({"input_size": SIDE} | options))


def run(path, out, *options):
    return import_command.run(
        [str(path), "--out", str(out), "--input-size", str(SIDE), *options]
    )


def test_an_imported_folder_predicts(write, tmp_path, capsys):
    path, out = write(stored("princeton").state), tmp_path / "model"
    assert run(path, out, "--from", "princeton") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"imported to {out}: princeton, 2 stacks, 3 keypoints (points3)",
        "left out, of no use here: skip_layer (x18)",
    ]
    photograph = np.random.default_rng(4).integers(0, 256, (50, 40, 3), np.uint8)
    (pose,) = load(out).predict(photograph)
    assert pose.keypoints.shape == (3, 2)
    source = json.loads((out / "model.json").read_text())["training"]["imported"]
    assert source["file"] == path.name
    assert source["layout"] == "princeton"
    assert len(source["sha256"]) == 64
    assert "pre.3.skip_layer.* (2)" in source["left_out"]
    assert len(source["left_out"]) == 18


@pytest.mark.parametrize("port", OPTIONS)
def test_import_export_import_gives_equal_bits(write, tmp_path, port):
    state = stored(port).state
    first = read(write(state))
    out = tmp_path / "back.safetensors"
    export_torch(first.model, out, port)
    again = read(out)
    assert bits(again.model.variables) == bits(first.model.variables)
    assert again.model.card.model == first.model.card.model
    assert again.layout.name == port


@pytest.mark.parametrize("port", OPTIONS)
def test_input_is_normalised_as_the_port_does(write, port):
    card = read(write(stored(port).state)).model.card
    assert card.model.mean == INPUTS[port][0]


def test_prefixes_and_missing_counters_do_no_harm(write):
    state = stored("bearpaw").state
    old = {
        f"module.{name}": values
        for name, values in state.items()
        if not name.endswith("num_batches_tracked")
    }
    plain, wrapped = (read(write(s)) for s in (state, old))
    assert bits(plain.model.variables) == bits(wrapped.model.variables)
    assert plain.unused == wrapped.unused == []


def test_old_names_of_mmpose_are_known(write):
    state = stored("mmpose").state
    old = {name.replace("head.", "keypoint_head."): v for name, v in state.items()}
    plain, renamed = (read(write(s)) for s in (state, old))
    assert bits(plain.model.variables) == bits(renamed.model.variables)


def test_heads_for_other_tasks_are_left_out_and_listed(write):
    imported = read(write(stored("centernet").state))
    assert imported.unused == ["reg.* (8)", "wh.* (8)"]


def test_centernets_keypoints_come_before_its_objects(write):
    state = stored("centernet").state
    poses = {
        name.replace("hm.", "hm_hp."): values + 1
        for name, values in state.items()
        if name.startswith("hm.")
    }
    imported = read(write(state | poses))
    found = imported.model.variables["params"]["last"]["heatmaps"]["bias"]
    np.testing.assert_array_equal(found, poses["hm_hp.1.1.bias"])
    assert imported.unused == ["hm.* (8)", "reg.* (8)", "wh.* (8)"]


def test_cornernet_is_refused_by_its_name(write, tmp_path):
    state = stored("centernet").state
    state = {n: v for n, v in state.items() if not n.startswith("hm.")}
    state["tl_heats.0.1.weight"] = state["br_heats.0.1.weight"] = np.ones((3, 8, 1, 1))
    with pytest.raises(InputError, match="a file of CornerNet, .* corner pooling"):
        run(write(state), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_one_stack_of_mmpose_stores_a_block_in_vain(write):
    torch_names = stored("mmpose").state
    shapes = {
        name: values.shape
        for name, values in torch_names.items()
        if not any(part in name for part in ("conv1x1s", "remap_convs"))
        and not any(f"{part}.1." in name for part in _PER_STACK)
    }
    imported = read(write(draw_state(shapes)))
    assert imported.model.card.model.stacks == 1
    assert imported.unused == ["backbone.inters.* (10)"]


_PER_STACK = ("hourglass_modules", "out_convs", "multi_final_layers")


@pytest.mark.parametrize(("count", "skeleton"), [(16, MPII), (17, COCO)])
def test_the_number_of_heatmaps_says_the_skeleton(write, count, skeleton):
    shapes = {n: v.shape for n, v in stored("bearpaw").state.items()}
    for i in range(2):
        shapes[f"score.{i}.weight"] = (count, *shapes[f"score.{i}.weight"][1:])
        shapes[f"score.{i}.bias"] = (count,)
    shapes["score_.0.weight"] = (8, count, 1, 1)
    imported = read(write(draw_state(shapes)))
    assert imported.model.skeleton == skeleton


def test_a_skeleton_of_another_size_is_refused(write):
    path = write(stored("fan").state)
    with pytest.raises(InputError, match="3 heatmaps, but 16 keypoints"):
        read(path, skeleton=MPII)


def half(state):
    return dict(list(state.items())[: len(state) // 2])


@pytest.mark.parametrize("port", OPTIONS)
def test_half_a_state_dict_is_refused_with_what_is_missing(write, tmp_path, port):
    out = tmp_path / "model"
    with pytest.raises(InputError) as caught:
        run(write(half(stored(port).state)), out, "--from", port)
    assert f"not a state dict of {port}: missing: " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not out.exists()


def test_a_state_dict_of_another_network_is_refused(write, tmp_path):
    state = {"conv1.weight": np.zeros((64, 3, 7, 7), np.float32)}
    state |= {f"layer1.{i}.bn1.weight": np.ones(64, np.float32) for i in range(2)}
    path, out = write(state), tmp_path / "model"
    with pytest.raises(InputError, match=r"no port known here .*layer1\.\* \(2\)"):
        run(path, out)
    for port in OPTIONS:
        with pytest.raises(InputError, match=r"unknown: .*layer1"):
            run(path, out, "--from", port)
    assert not out.exists()


def test_one_ports_file_is_not_taken_for_anothers(write):
    for port, other in zip(OPTIONS, [*OPTIONS][1:], strict=False):
        with pytest.raises(InputError, match="not a state dict of"):
            read(write(stored(port).state), other)


def test_a_tensor_of_another_shape_is_refused(write):
    state = stored("princeton").state
    state["hgs.1.0.up1.conv2.conv.weight"] = np.zeros((4, 4, 1, 1), np.float32)
    with pytest.raises(InputError) as caught:
        read(write(state))
    assert str(caught.value).endswith(
        "misshapen: hgs.1.0.up1.conv2.conv.weight (4, 4, 1, 1) instead of (4, 4, 3, 3)"
    )


def test_names_that_count_to_a_billion_take_no_time(write):
    state = stored("bearpaw").state
    state["hg.0.hg.999999999.0.0.bn1.weight"] = np.ones(8, np.float32)
    state["hg.999999999.hg.0.0.0.bn1.weight"] = np.ones(8, np.float32)
    with pytest.raises(InputError, match="unknown: .*999999999"):
        read(write(state))


def test_an_input_size_that_does_not_fit_is_refused(write):
    with pytest.raises(InputError, match="multiples of 16"):
        read(write(stored("fan").state), input_size=SIDE + 1)


def test_what_is_there_is_not_overwritten(write, tmp_path):
    path = write(stored("fan").state)
    with pytest.raises(InputError, match="exists and is not an empty folder"):
        run(path, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_an_unknown_layout_is_refused(write):
    with pytest.raises(InputError, match="no layout 'hrnet'; expected one of"):
        read(write(stored("fan").state), "hrnet")

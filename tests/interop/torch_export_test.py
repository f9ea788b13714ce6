"""State dicts for other ports: what they load is what we had."""

import sys

import jax
import numpy as np
import pytest

from hourglass_jax.config import ModelConfig
from hourglass_jax.errors import InputError
from hourglass_jax.inference import ModelCard, Predictor
from hourglass_jax.interop.checkpoint_files import read_checkpoint
from hourglass_jax.interop.torch_export import export_torch
from hourglass_jax.skeleton import LSP

from .small import SIDE


def model(**options) -> Predictor:
    """A network of ours with some variables."""
    card = ModelCard(
        model=ModelConfig(
            **{"stacks": 2, "features": 8, "depth": 1, "stem_width": 4} | options
        ),
        skeleton=LSP,
        input_size=(SIDE, SIDE),
        box_padding=1.25,
        decoder="quarter",
        sigma_hm=1.0,
    )
    rng = np.random.default_rng(1)
    return Predictor(
        card,
        jax.tree.map(
            lambda leaf: rng.uniform(0.1, 1, leaf.shape).astype(np.float32),
            card.variable_shapes(),
        ),
    )


def test_princeton_gets_its_prefix_wrapper_and_dead_weights(tmp_path):
    torch = pytest.importorskip("torch")
    from .torch_networks import Princeton

    path, ours = tmp_path / "weights.pth", model()
    export_torch(ours, path, "princeton")
    content = torch.load(path, weights_only=True)
    assert list(content) == ["state_dict"]
    state = {
        name.removeprefix("model.module."): values
        for name, values in content["state_dict"].items()
    }
    net = Princeton(stacks=2, f=8, k=14, depth=1, width=4)
    net.load_state_dict(state, strict=True)
    assert not state["pre.3.skip_layer.conv.weight"].any()
    assert state["pre.0.bn.num_batches_tracked"] == 0
    kernel = ours.variables["params"]["stem"]["conv"]["kernel"]
    np.testing.assert_array_equal(
        net.pre[0].conv.weight.detach().numpy().transpose(2, 3, 1, 0), kernel
    )


def test_bearpaw_gets_a_bare_state_dict(tmp_path):
    torch = pytest.importorskip("torch")
    from .torch_networks import Bearpaw

    path = tmp_path / "weights.pth"
    bearpaw = model(stem="bearpaw", blocks=2, mean=(0.4404, 0.4440, 0.4327))
    export_torch(bearpaw, path, "bearpaw")
    net = Bearpaw(stacks=2, f=8, k=14, depth=1, width=4, blocks=2)
    net.load_state_dict(torch.load(path, weights_only=True), strict=True)


def test_safetensors_hold_what_a_pth_file_does(tmp_path):
    pytest.importorskip("torch")
    ours = model()
    found = []
    for name in ("weights.pth", "weights.safetensors"):
        export_torch(ours, tmp_path / name, "princeton")
        found.append(read_checkpoint(tmp_path / name).tensors)
    assert found[0].keys() == found[1].keys()
    for name in found[0]:
        np.testing.assert_array_equal(found[0][name], found[1][name])


def test_without_pytorch_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"pip install torch"):
        export_torch(model(), tmp_path / "weights.pth", "princeton")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("port", "options", "reason"),
    [
        ("princeton", {"blocks": 2}, r"no place .*block2"),
        (
            "princeton",
            {"stem": "bearpaw", "features": 16},
            r"no place .*stem.residual[23].skip",
        ),
        ("princeton", {"norm": "group"}, r"no place .*batch_stats"),
        ("princeton", {"trunk": "fpn"}, r"no place .*hourglass"),
        ("princeton", {"mean": (0.1, 0.2, 0.3)}, r"subtracts \(0.0, 0.0, 0.0\)"),
        ("bearpaw", {"stem": "bearpaw"}, r"subtracts \(0.4404, 0.444, 0.4327\)"),
        ("fan", {}, r"no place .*skip_norm"),
        ("princeton", {"variant": "fan"}, r"no place .*skip_norm"),
    ],
)
def test_a_network_that_the_port_has_not_is_refused(tmp_path, port, options, reason):
    with pytest.raises(InputError, match=reason):
        export_torch(model(**options), tmp_path / "weights.safetensors", port)
    assert not list(tmp_path.iterdir())


def test_a_file_that_exists_and_an_unknown_suffix_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists"):
        export_torch(model(), path, "princeton")
    assert path.read_text() == "mine"
    with pytest.raises(InputError, match=r"expected a file \.pth or \.safetensors"):
        export_torch(model(), tmp_path / "weights.onnx", "princeton")

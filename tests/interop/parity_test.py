"""Every port's network, rebuilt here from its weights, answers as it does there."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from hourglass_jax.interop.conversion import to_variables
from hourglass_jax.interop.importing import Imported, import_checkpoint
from hourglass_jax.interop.layouts import UNCHANGED, list_entries
from hourglass_jax.interop.safetensors_files import pack_safetensors
from hourglass_jax.models import normalise

from .small import INPUTS, OPTIONS, SIDE, Answer, ask_torch, images, stored, target

PORTS = list(OPTIONS)
FIRST = ("stem", "conv", "kernel")


# Compiling is most of the time; what comes out is the same.
QUICKLY = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """For a port: PyTorch's answer, as stored, and its network as we import it."""
    folder = tmp_path_factory.mktemp("checkpoints")

    @cache
    def ask(port) -> tuple[Answer, Imported]:
        path = folder / f"{port}.safetensors"
        path.write_bytes(pack_safetensors(stored(port).state))
        return stored(port), import_checkpoint(path, input_size=SIDE)

    return ask


def forward(imported: Imported, params):
    card = imported.model.card
    variables = imported.model.variables | {"params": params}
    inputs = normalise(jnp.asarray(images()), card.model.mean)
    return card.network().apply(variables, inputs, train=False)


@pytest.mark.parametrize("port", PORTS)
def test_a_state_dict_is_recognised(answers, port):
    assert answers(port)[1].layout.name == port


@pytest.mark.parametrize("port", PORTS)
def test_heatmaps_are_those_of_pytorch(answers, port):
    answer, imported = answers(port)
    run = jax.jit(partial(forward, imported), compiler_options=QUICKLY)
    heatmaps = np.asarray(run(imported.model.variables["params"]))
    assert np.ptp(answer.heatmaps) > 0.5
    np.testing.assert_allclose(heatmaps, answer.heatmaps, rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("port", PORTS)
def test_gradients_are_those_of_pytorch(answers, port):
    answer, imported = answers(port)

    def loss(params):
        heatmaps = forward(imported, params)
        return jnp.mean((heatmaps - target(heatmaps.shape)) ** 2)

    run = jax.jit(jax.grad(loss), compiler_options=QUICKLY)
    ours = flatten_dict(run(imported.model.variables["params"]))
    theirs = in_our_tree(answer, imported)
    assert ours.keys() == theirs.keys()
    for path, gradient in theirs.items():
        scale = max(np.abs(gradient).max(), 1e-3)
        np.testing.assert_allclose(
            ours[path], gradient, rtol=0, atol=1e-3 * scale, err_msg=str(path)
        )


def in_our_tree(answer: Answer, imported: Imported):
    """PyTorch's gradients, placed as the weights themselves are."""
    layout, shapes = imported.layout, imported.model.card.variable_shapes()
    structure = layout.structure({n: v.shape for n, v in answer.state.items()})
    entries = list_entries(layout.rows(structure), shapes)
    zeros = {e.name: np.zeros(e.shape, np.float32) for e in entries}
    tree = to_variables(zeros | answer.gradients, entries, shapes, UNCHANGED)
    placed = flatten_dict(tree["params"])
    return placed | {FIRST: _first_gradient(placed, layout.name)}


def _first_gradient(theirs, port):
    """By our first kernel, which is theirs over the deviation, in RGB order."""
    _, deviation, bgr = INPUTS[port]
    gradient = theirs[FIRST]
    gradient = gradient[:, :, ::-1] if bgr else gradient
    return gradient * np.asarray(deviation, np.float32).reshape(1, 1, 3, 1)


@pytest.mark.parametrize("port", PORTS)
def test_what_is_stored_is_what_pytorch_answers(port):
    pytest.importorskip("torch")
    then, now = stored(port), ask_torch(port)
    assert then.state.keys() == now.state.keys()
    np.testing.assert_allclose(then.heatmaps, now.heatmaps, rtol=0, atol=1e-5)
    assert then.gradients.keys() == now.gradients.keys()
    for name, gradient in now.gradients.items():
        np.testing.assert_allclose(then.gradients[name], gradient, rtol=0, atol=1e-4)

"""A tiny network, and the files that it is exported to, each made once."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from hourglass_jax.config import ModelConfig
from hourglass_jax.inference import ModelCard, Predictor, export_file
from hourglass_jax.interop.forms import LITERT, LITERT_INT8, ONNX, STABLEHLO
from hourglass_jax.skeleton import LSP

FORMS = {"stablehlo": STABLEHLO, "onnx": ONNX, "litert": LITERT, "int8": LITERT_INT8}
FLIPPED = {"onnx"}  # one form is enough to see the flip in
NEEDS = {
    "stablehlo": [],
    "onnx": ["onnx", "onnxruntime"],
    "litert": ["litert_converter", "ai_edge_litert"],
    "int8": ["litert_converter", "ai_edge_litert"],
}


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """Some variables, other than those of any start, so that every part counts."""
    card = ModelCard(
        model=ModelConfig(
            stacks=2, features=8, depth=1, stem_width=8, mean=(0.1, 0.2, 0.3)
        ),
        skeleton=LSP,
        input_size=(32, 48),
        box_padding=1.25,
        decoder="dark",
        sigma_hm=1.5,
    )
    rng = np.random.default_rng(3)

    def draw(path, leaf):
        numbers = rng.uniform(-0.5, 0.5, leaf.shape).astype(leaf.dtype)
        return numbers + 1 if path[-1].key in ("scale", "var") else numbers

    shapes = card.variable_shapes()
    return Predictor(card, jax.tree_util.tree_map_with_path(draw, shapes))


@pytest.fixture(scope="session")
def crops(predictor):
    """RGB noise, five times the input size."""
    size = predictor.card.input_size
    return np.random.default_rng(5).integers(0, 256, (5, *size, 3), np.uint8)


@pytest.fixture(scope="session")
def exported(predictor, tmp_path_factory):
    """(file, what was measured) of the tiny network in a form, by its name."""
    made = {}

    def export(name):
        for package in NEEDS[name]:
            pytest.importorskip(package)
        if name not in made:
            form = FORMS[name]
            path = tmp_path_factory.mktemp("exported") / f"model{form.suffix}"
            made[name] = path, export_file(predictor, path, form, name in FLIPPED)
        return made[name]

    return export


@pytest.fixture
def run_alone(tmp_path):
    """Run a script on arrays, in a process of its own; returns the arrays it made."""

    def run(script, names, **arrays):
        np.savez(tmp_path / "given.npz", **arrays)
        answer = ", ".join(f"{name}={name}" for name in names)
        parts = [
            "import numpy as np",
            "globals().update(np.load('given.npz'))",
            script,
            "import sys",
            "modules = sorted(name.partition('.')[0] for name in sys.modules)",
            f"np.savez('found.npz', modules=modules, {answer})",
        ]
        done = subprocess.run(
            [sys.executable, "-I", "-c", "\n".join(parts)],
            cwd=tmp_path,
            env={**os.environ, "JAX_PLATFORMS": "cpu"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        with np.load(tmp_path / "found.npz") as found:
            return set(found["modules"]), *(found[name] for name in names)

    return run

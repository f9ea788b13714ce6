"""The smallest network that is one, and a photograph to give it."""

import dataclasses
import json

import cv2
import jax
import numpy as np
import pytest

from hourglass_jax.config import (
    Config,
    DataConfig,
    ModelConfig,
    SourceConfig,
    TrainConfig,
)
from hourglass_jax.config_files import to_json
from hourglass_jax.inference.card import ModelCard
from hourglass_jax.inference.files import predict_files
from hourglass_jax.inference.job import Job
from hourglass_jax.inference.predictor import Predictor
from hourglass_jax.skeleton import LSP
from hourglass_jax.training.checkpoints import Checkpoints

from .dots import DotFinder

TINY = ModelConfig(stacks=2, features=8, depth=1, mean=(0.1, 0.2, 0.3))


@pytest.fixture(scope="session")
def card() -> ModelCard:
    return ModelCard(
        model=TINY,
        skeleton=LSP,
        input_size=(32, 32),
        box_padding=1.25,
        decoder="quarter",
        sigma_hm=1.5,
        training={"step": 7, "scores": {"PCK@0.2": 12.5}},
    )


@pytest.fixture(scope="session")
def predictor(card) -> Predictor:
    """Some variables, other than those of any start, so that every part counts."""
    shapes = card.variable_shapes()
    rng = np.random.default_rng(3)

    def draw(leaf, lowest):
        return rng.uniform(lowest, 0.3, leaf.shape).astype(leaf.dtype)

    params = jax.tree.map(lambda leaf: draw(leaf, -0.3), shapes["params"])
    statistics = jax.tree.map(lambda leaf: draw(leaf, 0.1), shapes["batch_stats"])
    return Predictor(card, {"params": params, "batch_stats": statistics})


@pytest.fixture(scope="session")
def photograph() -> np.ndarray:
    """RGB noise, wider than high."""
    return np.random.default_rng(5).integers(0, 256, (48, 64, 3), np.uint8)


@pytest.fixture
def workdir(tmp_path, predictor):
    """What a training of the tiny network leaves behind, best at step 7."""
    folder = tmp_path / "run"
    variables = {"variables": predictor.variables}
    Checkpoints(folder / "best", 1).save(7, variables, {"step": 7})
    private = tmp_path / "private"
    paths = {"raw_dir": private, "annotations": private, "skeleton": private}
    also = (SourceConfig(**paths),)
    mine = str(private / "mine.toml")
    data = DataConfig(
        input_size=32, also=also, keypoints=mine, data_dir=private, **paths
    )
    train = TrainConfig(init_from=str(private))
    config = Config(seed=9, model=TINY, data=data, train=train)
    (folder / "config.json").write_text(to_json(config))
    (folder / "skeleton.json").write_text(json.dumps(LSP.to_dict()))
    lines = [{"step": 7, "loss": 1.0}, {"step": 7, "PCK@0.2": 61.5}, {"step": 8}]
    cut_off = '{"step": 8, "PC'
    (folder / "metrics.jsonl").write_text("\n".join([*map(json.dumps, lines), cut_off]))
    return folder


@pytest.fixture
def watch_batches(predictor, monkeypatch):
    """Call it to get a list to which each batch adds its size from then on."""

    def watch():
        sizes, start = [], type(predictor).start

        def watched(images, options):
            sizes.append(len(images))
            return start(predictor, images, options)

        monkeypatch.setattr(predictor, "start", watched, raising=False)
        return sizes

    return watch


@pytest.fixture
def compilations():
    """Fields of each compilation since the list was cleared."""
    seen = []

    def listen(event, duration_secs, **fields):
        if event.endswith("backend_compile_duration"):
            seen.append(fields)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield seen
    jax.monitoring.clear_event_listeners()


@pytest.fixture
def dot_finder(card, predictor):
    wide = dataclasses.replace(card, input_size=(32, 40))
    return DotFinder(wide, predictor.variables)


@pytest.fixture
def write(tmp_path, photograph):
    def write_picture(name):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        assert cv2.imwrite(str(path), photograph)
        return path

    return write_picture


@pytest.fixture
def run(predictor, tmp_path):
    """`predict_files` into a folder called out; returns the exit status."""

    def predict(inputs, boxes=None, **wishes):
        if isinstance(boxes, dict):
            (tmp_path / "boxes.json").write_text(json.dumps(boxes))
            boxes = tmp_path / "boxes.json"
        job = Job(**{"out": tmp_path / "out", "boxes": boxes} | wishes)
        return predict_files(predictor, list(map(str, inputs)), job)

    return predict

"""What a command is asked about: a trained model, or a configuration in a file."""

import dataclasses
from pathlib import Path

import jax
from jaxtyping import Array

from hourglass_jax.config import Config, SourceConfig
from hourglass_jax.config_files import load_config
from hourglass_jax.data.mapping import choose_skeleton
from hourglass_jax.data.schema import BOX_PADDING
from hourglass_jax.inference.card import ModelCard
from hourglass_jax.inference.predictor import Predictor, load
from hourglass_jax.models import init
from hourglass_jax.models.early_exit import leave_after
from hourglass_jax.skeleton import COCO, FLIC, LSP, MPII, Skeleton
from hourglass_jax.skeleton_files import read_skeleton

_KEYPOINTS = {
    "synthetic_people": MPII,
    "mpii": MPII,
    "lspet": LSP,
    "lsp": LSP,
    "flic": FLIC,
    "coco_keypoints": COCO,
    "coco_json": COCO,
}
"""What the data sets label; coco_json's own files may say otherwise."""


def is_config(path: Path) -> bool:
    """Whether a path names a config file rather than a model."""
    return path.suffix == ".py"


def open_model(path: Path, *, optimise: bool = False) -> Predictor:
    """Load a model; or, of a config file, its network with random parameters.

    `optimise`: see `hourglass_jax.load`.

    Raises:
      InputError: neither is there, or it cannot be read.
    """
    if not is_config(path):
        return load(path, optimise=optimise)
    config = load_config(path)
    card = card_of(config)
    variables = init(card.network(), _key(config))
    return Predictor(card, variables, optimise=optimise)


def card_of(config: Config) -> ModelCard:
    """How a network of this config would be run."""
    return ModelCard(
        model=config.model,
        skeleton=skeleton_of(config),
        input_size=(config.data.input_size, config.data.input_size),
        box_padding=BOX_PADDING,
        decoder=config.target.decoder,
        sigma_hm=config.target.sigma_hm,
    )


def skeleton_of(config: Config) -> Skeleton:
    """The keypoints that a config learns, without opening its data.

    Those of COCO stand in for what only the files of coco_json know.
    """
    sources = (config.data, *config.data.also)
    return choose_skeleton(config.data.keypoints, list(map(_labelled, sources)))


def _labelled(source: SourceConfig) -> Skeleton:
    if source.skeleton is not None:
        return read_skeleton(source.skeleton)
    return _KEYPOINTS.get(source.dataset, MPII)


def shorten(model: Predictor, stacks: int) -> Predictor:
    """The same model without the stacks behind the first ``stacks``."""
    card = model.card
    _, variables = leave_after(card.network(), model.variables, stacks)
    fewer = dataclasses.replace(card.model, stacks=stacks)
    card = dataclasses.replace(card, model=fewer)
    return Predictor(card, variables, optimise=model.optimise)


def _key(config: Config) -> Array:
    return jax.random.key(config.seed)

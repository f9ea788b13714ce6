"""`hourglass info`: what a model or a config is, and what it costs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import jax
import tyro

from hourglass_jax.config import Config
from hourglass_jax.config_files import load_config
from hourglass_jax.diagnosis import cost, text
from hourglass_jax.diagnosis.subject import card_of, is_config
from hourglass_jax.errors import InputError
from hourglass_jax.inference.card import ModelCard
from hourglass_jax.inference.predictor import load
from hourglass_jax.skeleton import Skeleton

_SHOWN_DECIMALS = 2


def run(argv: Sequence[str]) -> int:
    """Say what a model or a config is, and what it costs."""

    def parse(
        subject: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")],
        devices: int | None = None,
    ) -> tuple[Path, int | None]:
        """Say what a model or a config is, and what it costs.

        Args:
          subject: workdir, checkpoint, exported folder, released model, or a config
            (.py).
          devices: how many train together, for a config; those that are here by
            default.
        """
        return subject, devices

    subject, devices = tyro.cli(parse, prog="hourglass info", args=list(argv))
    if is_config(subject):
        print(describe_config(load_config(subject), devices))
    else:
        print(describe_model(load(subject).card))
    return 0


def describe_model(card: ModelCard) -> str:
    """Network, keypoints, provenance and scores of a model."""
    return "\n\n".join(
        [
            *_describe_network(card),
            _describe_skeleton(card.skeleton),
            _describe_training(card.training),
        ]
    )


def describe_config(config: Config, devices: int | None = None) -> str:
    """Network, keypoints, and what a training step asks of each device.

    Raises:
      InputError: the batch cannot be split over so many devices.
    """
    card, devices = card_of(config), _devices(config, devices)
    return "\n\n".join(
        [
            *_describe_network(card),
            _describe_skeleton(card.skeleton),
            _describe_step(config, card, devices),
        ]
    )


def _describe_network(card: ModelCard) -> Iterator[str]:
    net = card.network()
    parameters = cost.count_parameters(cost.variable_shapes(net, card.input_size))
    products = cost.count_products(net, card.input_size)
    height, width = card.input_size
    settings = card.model.network()
    yield "network\n" + text.describe(
        [
            ("parameters", f"{parameters.total():,}"),
            ("multiply-adds", f"{text.count(products.total())} an image"),
            ("input", f"{height} x {width} RGB, minus {list(card.model.mean)}"),
            ("output", f"{len(card.skeleton.keypoints)} heatmaps of each stack"),
            ("decoder", f"{card.decoder}, sigma {card.sigma_hm:g} cells"),
            ("settings", ", ".join(f"{k} {v}" for k, v in settings.items())),
        ]
    )
    yield "parts\n" + text.align(list(_part_rows(parameters, products)))


def _part_rows(
    parameters: Counter[cost.Path], products: Counter[cost.Path]
) -> Iterator[tuple[str, ...]]:
    """One row for the stem and one for each part of a stack."""
    yield "", "parameters", "multiply-adds", "share"
    learnt, done = _by_part(parameters), _by_part(products)
    without = sorted(learnt.keys() - done.keys())
    for part in sorted([*done, *without], key=_place):
        share = f"{done[part] / products.total():.1%}"
        yield "/".join(part), f"{learnt[part]:,}", text.count(done[part]), share


def _by_part(counted: Counter[cost.Path]) -> Counter[cost.Path]:
    total: Counter[cost.Path] = Counter()
    for path, number in counted.items():
        total[path[:1] if path[0] == "stem" else path[:2]] += number
    return total


def _place(part: cost.Path) -> tuple[bool, bool]:
    """Stem first, the last stack last; the order within them stays."""
    return part[0] != "stem", part[0] == "last"


def _describe_skeleton(skeleton: Skeleton) -> str:
    names = [
        f"{i} {name}" + (f" (partner {partner})" if partner != i else "")
        for i, (name, partner) in enumerate(
            zip(skeleton.keypoints, skeleton.flip, strict=True)
        )
    ]
    return f"skeleton {skeleton.name}\n" + "\n".join(f"  {name}" for name in names)


def _describe_training(training: Mapping[str, Any]) -> str:
    """Where the parameters come from, but for the whole configuration."""
    if not training:
        return "training\n  nothing is known of it"
    rows = [
        (name, _plain(value))
        for name, value in training.items()
        if name not in ("scores", "config")
    ]
    config = training.get("config")
    if isinstance(config, Mapping):
        rows += [(name, _short(config[name])) for name in ("data", "optim", "train")]
    scores = training.get("scores") or {}
    shown = [f"{name} {score:.{_SHOWN_DECIMALS}f}" for name, score in scores.items()]
    rows.append(("scored", ", ".join(shown) or "not measured while it was trained"))
    return "training\n" + text.describe(rows)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return "; ".join(map(str, value)) if isinstance(value, list) else f"{value}"


def _short(fields: Mapping[str, Any]) -> str:
    told = (f"{k} {v}" for k, v in fields.items() if v not in (None, 0, [], False))
    return ", ".join(told)


def _describe_step(config: Config, card: ModelCard, devices: int) -> str:
    counted = cost.training_cost(config, len(card.skeleton.keypoints), devices)
    batch = f"batch {config.train.batch_size}, devices {devices}"
    rows = [
        ("parameters and statistics", text.size(counted.parameters)),
        (f"optimiser ({config.optim.name})", text.size(counted.optimiser)),
        ("moving average", text.size(counted.average)),
        ("gradients", text.size(counted.gradients)),
        ("activations (estimate)", text.size(counted.activations)),
        ("together", text.size(counted.total)),
    ]
    forward = "a third" if config.model.remat == "none" else "a quarter"
    return (
        f"training step, {batch}\n"
        f"  {text.count(2 * counted.products)}FLOP, two a multiply-add, {forward} of "
        "them forward\n"
        f"memory of each device, XLA's scratch memory not counted\n{text.align(rows)}"
    )


def _devices(config: Config, given: int | None) -> int:
    mesh = config.mesh
    planned = mesh.data * mesh.space
    devices = given or planned or jax.device_count()
    if devices < 1 or config.train.batch_size * mesh.space % devices:
        raise InputError(
            f"info: a batch of {config.train.batch_size} for {devices} devices; "
            "expected devices that share it evenly; give --devices or "
            "another train.batch_size"
        )
    return devices

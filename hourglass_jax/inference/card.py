"""What must be known of a model besides its parameters, and its file model.json."""

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hourglass_jax.config import Config, Decoder, ModelConfig, TargetConfig
from hourglass_jax.config_files import to_json
from hourglass_jax.errors import InputError
from hourglass_jax.models.hourglass import STRIDE, StackedHourglass, Variables
from hourglass_jax.models.variables import variable_shapes
from hourglass_jax.skeleton import Skeleton

FORMAT = "hourglass_jax model"
VERSION = 1
"""Of model.json: raised when an older program could no longer read a newer file."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelCard:
    """How to run a model, and where it comes from.

    Attributes:
      model: the network and the mean that is subtracted from its input.
      skeleton: the keypoints, in the order of the heatmaps.
      input_size: (height, width) of the crops, in pixels.
      box_padding: side of a person's crop per longer side of the person's tight box.
      decoder: how the heatmaps are read, see `hourglass_jax.decoding`.
      sigma_hm: the Gaussian that the network was taught, in heatmap cells.
      training: provenance, JSON ready: configuration, step, scores.
    """

    model: ModelConfig
    skeleton: Skeleton
    input_size: tuple[int, int]
    box_padding: float
    decoder: Decoder
    sigma_hm: float
    training: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise InputError for what no network can be run with."""
        multiple = self.model.multiple
        if any(side < 1 or side % multiple for side in self.input_size):
            raise InputError(
                f"model: an input size of {self.input_size}; expected multiples of "
                f"{multiple} (4 * 2^depth)"
            )
        if not self.box_padding > 0:
            raise InputError(
                f"model: a box padding of {self.box_padding}; expected more than 0"
            )
        # The same two fields, under the same rules.
        TargetConfig(decoder=self.decoder, sigma_hm=self.sigma_hm)

    def network(self) -> StackedHourglass:
        """The Flax module."""
        keypoints = len(self.skeleton.keypoints)
        return StackedHourglass(keypoints=keypoints, **self.model.network())

    def variable_shapes(self) -> Variables:
        """Shapes and types of the network's parameters and statistics."""
        return variable_shapes(self.network(), self.model.multiple)

    def to_dict(self) -> dict[str, Any]:
        """The content of model.json, but for what an export adds."""
        keypoints = {"keypoints": len(self.skeleton.keypoints)}
        return {
            "format": FORMAT,
            "version": VERSION,
            "network": self.model.network() | keypoints,
            "input": {"size": list(self.input_size), "channels": "RGB"},
            "normalisation": {"divide_by": 255, "mean": list(self.model.mean)},
            "output": {
                "heatmap_stride": STRIDE,
                "decoder": self.decoder,
                "sigma_hm": self.sigma_hm,
            },
            "box_padding": self.box_padding,
            "skeleton": self.skeleton.to_dict(),
            "training": dict(self.training),
        }


def read_card(path: Path) -> tuple[ModelCard, dict[str, Any]]:
    """Read a model.json: the card, and all that the file holds.

    Raises:
      InputError: the file is unreadable, of another format, of a newer version, or a
        field is missing or wrong.
    """
    content = _read_json(path)
    return check_card(content, path), content


def check_card(content: Mapping[str, Any], path: Path) -> ModelCard:
    """The card in the content of a model.json; InputError as from `read_card`.

    Args:
      content: read from ``path``, a file of its own or a part of another.
      path: what the error names.
    """
    if content.get("format") != FORMAT:
        raise InputError(
            f"model: {path} is not a model of hourglass_jax; expected "
            f'"format": "{FORMAT}"; give a workdir or an exported folder'
        )
    _refuse_newer(content, path)
    try:
        return _card(content)
    except KeyError as error:
        raise InputError(
            f"model: {path} lacks the field {error}; export the model again"
        ) from error
    except (TypeError, ValueError, AttributeError, InputError) as error:
        raise InputError(f"model: {path}: {error}; export the model again") from error


def provenance(path: Path, config: Config, step: int) -> dict[str, Any]:
    """Where a checkpoint's variables come from: step, scores, configuration.

    Where files lie on the computer that trained is left out.
    """
    fields = json.loads(to_json(config))
    del fields["data"]["data_dir"]
    for source in (fields["data"], *fields["data"]["also"]):
        for name in ("raw_dir", "annotations", "skeleton"):
            del source[name]
    for room, name in (("data", "keypoints"), ("train", "init_from")):
        fields[room][name] = Path(fields[room][name]).name
    return {"step": step, "scores": _scores(path, step), "config": fields}


def _scores(path: Path, step: int) -> dict[str, float]:
    """What metrics.jsonl of the workdir around ``path`` says of a step's validation."""
    for workdir in (path, path.parent, path.parent.parent):
        if (workdir / "metrics.jsonl").is_file():
            lines = (workdir / "metrics.jsonl").read_text().splitlines()
            break
    else:
        return {}
    scores: dict[str, float] = {}
    for line in lines:
        with contextlib.suppress(ValueError):  # the last line of a run that was killed
            values = json.loads(line)
            if values["step"] == step:
                scores |= {k: v for k, v in values.items() if k.startswith("PCK")}
    return scores


def _card(content: Mapping[str, Any]) -> ModelCard:
    network = dict(content["network"])
    skeleton = Skeleton.from_dict(content["skeleton"])
    keypoints = network.pop("keypoints")
    if keypoints != len(skeleton.keypoints):
        raise InputError(
            f"{keypoints} keypoints in the network and {len(skeleton.keypoints)} in "
            f"the skeleton {skeleton.name}"
        )
    red, green, blue = map(float, content["normalisation"]["mean"])
    height, width = map(int, content["input"]["size"])
    decoder, sigma_hm = _reading(content["output"])
    return ModelCard(
        model=ModelConfig(**network, mean=(red, green, blue)),
        skeleton=skeleton,
        input_size=(height, width),
        box_padding=float(content["box_padding"]),
        decoder=decoder,
        sigma_hm=sigma_hm,
        training=content["training"],
    )


def _reading(output: Mapping[str, Any]) -> tuple[Decoder, float]:
    """Decoder and sigma; the first files have no sigma and say quarter-cell."""
    decoder = output.get("decoder", "quarter")
    sigma_hm = float(output.get("sigma_hm", TargetConfig.sigma_hm))
    return "quarter" if decoder == "quarter-cell" else decoder, sigma_hm


def _refuse_newer(content: Mapping[str, Any], path: Path) -> None:
    version = content.get("version")
    if isinstance(version, int) and version <= VERSION:
        return
    maker = content.get("made_by")
    maker = maker.get("hourglass_jax") if isinstance(maker, dict) else None
    raise InputError(
        f"model: {path} has version {version} of the format, written by hourglass_jax "
        f"{maker}; this program reads versions up to {VERSION}; upgrade hourglass_jax"
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"model: {path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(
            f"model: {path} is damaged, not JSON ({error}); export the model again"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"model: {path} holds no object; export the model again")
    return content

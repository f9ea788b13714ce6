"""What `hourglass predict` is asked to make of its inputs."""

import dataclasses
from pathlib import Path
from typing import Any

from hourglass_jax.inference.options import Options
from hourglass_jax.inference.outputs import Format
from hourglass_jax.inference.smoothing import Smoothing


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What is to become of photographs and films.

    Attributes:
      out: the folder to write to; made if need be.
      options: how the model looks at people.
      boxes: file for `BoxFile`. None takes COCO annotations among the inputs, if there
        are any, or else each whole photograph as one person's.
      least_box_score: boxes of less are left out.
      format: of the answers.
      draw: whether pictures and films are drawn, too.
      heatmaps: draw every stack's heatmaps, a sheet a person; photographs only.
      track: give people in films numbers that they keep.
      smooth: how keypoints in films are smoothed; people are then tracked.
      resume: go on with what is in ``out``.
      model: the model's name, which an interrupted start must have had, too.
    """

    out: Path
    options: Options = dataclasses.field(default_factory=Options)
    boxes: Path | None = None
    least_box_score: float = 0.0
    format: Format = "json"
    draw: bool = True
    heatmaps: bool = False
    track: bool = False
    smooth: Smoothing | None = None
    resume: bool = False
    model: str = ""

    def settings(self) -> dict[str, Any]:
        """What the answers depend on: it may not change while going on."""
        return {
            "model": self.model,
            **dataclasses.asdict(self.options),
            "boxes": None if self.boxes is None else str(self.boxes),
            "least_box_score": self.least_box_score,
        }

"""What `hourglass predict` is asked to make of its inputs."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hourglass_jax.errors import InputError
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

    def check(self, films: Sequence[Path]) -> None:
        """Raise InputError for what films do not become, and what only they do."""
        if not films:
            if self.track or self.smooth:
                option = "--smooth" if self.smooth else "--track"
                raise InputError(
                    f"predict: {option} is for films, and there is none among the "
                    "inputs; leave it out"
                )
            return
        if self.heatmaps:
            raise InputError(
                f"predict: {films[0]} is a film, and --heatmaps are drawn for "
                "photographs; leave one of the two out"
            )
        if self.format == "coco":
            raise InputError(
                f"predict: {films[0]} is a film, and COCO's results are of "
                "photographs; give --format json or csv"
            )

    def settings(self) -> dict[str, Any]:
        """What all results depend on: it may not change while going on.

        Boxes may: answers are kept where they are the same. Films are read, smoothed
        and drawn anew by every start.
        """
        return {
            "model": self.model,
            **dataclasses.asdict(self.options),
            "least_box_score": self.least_box_score,
            "format": self.format,
            "draw": self.draw,
            "heatmaps": self.heatmaps,
        }

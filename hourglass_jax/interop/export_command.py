"""`hourglass export`: a model in a form that others load."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from hourglass_jax.inference import export_orbax, load


def run(argv: Sequence[str]) -> int:
    """Write a model's parameters and its description for others to load."""

    def parse(
        model: Annotated[Path, tyro.conf.Positional],
        out: Path,
        to: Literal["orbax"] = "orbax",
    ) -> tuple[Path, Path]:
        """Write a model's parameters and its description, model.json.

        Args:
          model: workdir, checkpoint or exported folder.
          out: the folder to make; it must not exist or be empty.
          to: orbax: parameters as an Orbax checkpoint.
        """
        return model, out

    model, out = tyro.cli(parse, prog="hourglass export", args=list(argv))
    export_orbax(load(model), out)
    print(f"exported to {out}")
    return 0

"""`hourglass import`: what another port has trained, as a model of ours."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from hourglass_jax.inference import export_orbax
from hourglass_jax.interop.importing import Imported, import_checkpoint
from hourglass_jax.skeleton_files import read_skeleton

Source = Literal["auto", "princeton", "bearpaw", "mmpose", "centernet", "fan"]


def run(argv: Sequence[str]) -> int:
    """Read a checkpoint of another port; write a folder that predicts."""

    def parse(
        checkpoint: Annotated[Path, tyro.conf.Positional],
        out: Path,
        source: Annotated[Source, tyro.conf.arg(name="from")] = "auto",
        input_size: int | None = None,
        skeleton: Path | None = None,
    ) -> int:
        """Read a checkpoint of another port; write a folder that predicts.

        Nothing in the file is executed, and PyTorch is not needed.

        Args:
          checkpoint: file of PyTorch or of safetensors.
          out: the folder to make; it must not exist or be empty.
          source: whose file it is; auto tells by its names.
          input_size: side of the crops in pixels, where it was not the port's usual.
          skeleton: JSON or TOML file of the keypoints' names, partners and limbs; for
            16, 17 and 68 heatmaps those of MPII, of COCO and of a face are known.
        """
        imported = import_checkpoint(
            checkpoint,
            source,
            input_size=input_size,
            skeleton=read_skeleton(skeleton) if skeleton else None,
        )
        export_orbax(imported.model, out)
        print("\n".join(_describe(imported, out)))
        return 0

    return tyro.cli(parse, prog="hourglass import", args=list(argv))


def _describe(imported: Imported, out: Path) -> list[str]:
    card = imported.model.card
    stacks = card.model.stacks
    lines = [
        f"imported to {out}: {imported.layout.name}, "
        f"{stacks} {'stack' if stacks == 1 else 'stacks'}, "
        f"{len(card.skeleton.keypoints)} keypoints ({card.skeleton.name})"
    ]
    if imported.unused:
        lines.append(f"left out, of no use here: {', '.join(_kinds(imported.unused))}")
    if imported.beside:
        lines.append(f"left out, no weights: {', '.join(imported.beside)}")
    return lines


def _kinds(modules: list[str]) -> list[str]:
    """How many modules have each name; model.json lists every one."""
    names = (module.split(".* ")[0].split(".")[-1] for module in modules)
    return [f"{name} (x{count})" for name, count in Counter(names).items()]

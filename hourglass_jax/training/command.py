"""`hourglass train`: a configuration and a workdir."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from hourglass_jax.config import Config
from hourglass_jax.config_files import load_config
from hourglass_jax.evaluation import format_summary
from hourglass_jax.training.loop import train


def run(argv: Sequence[str]) -> int:
    """Train a network, or go on with a training that was interrupted."""
    path = _value_of("--config", argv)
    default = load_config(path) if path else Config()

    def parse(
        config: Path,
        workdir: Path,
        fields: Annotated[Config, tyro.conf.arg(name="")] = default,
    ) -> tuple[Path, Config]:
        """Train a network, or go on with a training that was interrupted.

        The same command on the same workdir goes on where the newest checkpoint ends.
        Any field of the configuration can be given, such as --optim.learning-rate 5e-4.

        Args:
          config: Python file that defines get_config().
          workdir: folder of the run; the same one again goes on.
          fields: replace single values of the config file.
        """
        del config  # read above: its values are the defaults here
        return workdir, fields

    workdir, fields = tyro.cli(parse, prog="hourglass train", args=list(argv))
    answers = train(fields, workdir)
    print(format_summary(answers.summary()))
    print(f"workdir: {workdir}")
    return 0


def _value_of(option: str, argv: Sequence[str]) -> str | None:
    """The value that follows an option, given as `--x V` or `--x=V`."""
    for i, argument in enumerate(argv):
        if argument == option and i + 1 < len(argv):
            return argv[i + 1]
        if argument.startswith(option + "="):
            return argument.removeprefix(option + "=")
    return None

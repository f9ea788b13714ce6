"""`hourglass train`: a configuration and a workdir, in one process or several."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from hourglass_jax.config import Config
from hourglass_jax.config_files import load_config
from hourglass_jax.evaluation import format_summary
from hourglass_jax.training.loop import train
from hourglass_jax.training.preemption import PreemptedError
from hourglass_jax.training.processes import is_first, joined
from hourglass_jax.training.tracing import Steps


def run(argv: Sequence[str]) -> int:
    """Train a network, or go on with a training that was interrupted."""
    path = _value_of("--config", argv)
    default = load_config(path) if path else Config()

    def start(
        config: Path,
        workdir: Path,
        fields: Annotated[Config, tyro.conf.arg(name="")] = default,
        profile: str | None = None,
        coordinator: str | None = None,
        processes: int | None = None,
        process_id: int | None = None,
    ) -> int:
        """Train a network, or go on with a training that was interrupted.

        The same command on the same workdir goes on where the newest checkpoint ends.
        Any field of the configuration can be given, such as --optim.learning-rate 5e-4.
        On SIGTERM and Ctrl-C the run is saved; the exit status is 143 or 130.

        Args:
          config: Python file that defines get_config().
          workdir: folder of the run; the same one again goes on.
          fields: replace single values of the config file.
          profile: START:STOP, steps to trace into the workdir's profile/.
          coordinator: HOST:PORT of process 0, where several processes train together;
            or auto, to find it on TPU pods and under SLURM and Open MPI.
          processes: how many processes there are, with HOST:PORT.
          process_id: which of them this is, from 0, with HOST:PORT.
        """
        del config  # read above: its values are the defaults here
        steps = None if profile is None else Steps.parse(profile)
        with joined(coordinator, processes, process_id):
            return _train(fields, workdir, steps)

    return tyro.cli(start, prog="hourglass train", args=list(argv))


def _train(config: Config, workdir: Path, profile: Steps | None) -> int:
    try:
        answers = train(config, workdir, profile)
    except PreemptedError as preempted:
        if is_first():
            print(preempted, file=sys.stderr)
        return preempted.status
    if is_first():
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

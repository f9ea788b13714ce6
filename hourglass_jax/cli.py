"""The command line: `hourglass VERB ...`. Every verb imports what it needs, when asked.

Exit status: 0 done, 1 failure, 2 bad input, 130 interrupted.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from hourglass_jax.errors import InputError

if TYPE_CHECKING:
    from hourglass_jax.config import Config

_OVERVIEW = """usage: hourglass VERB ...

Stacked hourglass networks for pose estimation.

  train      learn from a data set:   hourglass train --config FILE --workdir DIR
  evaluate   score on people unseen:  hourglass evaluate MODEL --dataset NAME
             or score files:          hourglass evaluate --predictions P
                                        --ground-truth G --metric pckh
  predict    poses in photographs:    hourglass predict MODEL PHOTO... --out DIR
  export     parameters to use:       hourglass export MODEL --to orbax --out DIR
  data       prepare a data set:      hourglass data build NAME [--raw-dir DIR]
             or find what is wrong:   hourglass data check NAME [--raw-dir DIR]

hourglass VERB --help shows the options of each. --debug shows tracebacks.
MODEL is the workdir of a training, a checkpoint inside of it, or an exported folder.
"""


def train(argv: Sequence[str]) -> int:
    """Train a network, or go on with a training that was interrupted.

    The same command on the same workdir goes on where the newest checkpoint ends. Any
    field of the configuration can be given, such as --optim.learning-rate 5e-4.
    """
    import tyro

    from hourglass_jax.config import Config
    from hourglass_jax.config_files import load_config

    path = _value_of("--config", argv)
    default = load_config(path) if path else Config()

    def parse(
        config: Path,
        workdir: Path,
        fields: Annotated[Config, tyro.conf.arg(name="")] = default,
    ) -> tuple[Path, Config]:
        """Train a network, or go on with a training that was interrupted.

        Args:
          config: Python file that defines get_config().
          workdir: folder of the run; the same one again goes on.
          fields: replace single values of the config file.
        """
        del config  # read above: its values are the defaults here
        return workdir, fields

    workdir, fields = tyro.cli(parse, prog="hourglass train", args=list(argv))
    return _train(fields, workdir)


def _train(config: "Config", workdir: Path) -> int:
    from hourglass_jax.evaluation import format_summary
    from hourglass_jax.training.loop import train as run

    answers = run(config, workdir)
    print(format_summary(answers.summary()))
    print(f"workdir: {workdir}")
    return 0


def evaluate(argv: Sequence[str]) -> int:
    """Score a model on people unseen, or files of predictions against labels."""
    from hourglass_jax.evaluation import command

    request = command.parse_request(argv)
    if request.predictions is None:
        return command.evaluate_model(request)
    return command.evaluate_files(request)


def predict(argv: Sequence[str]) -> int:
    """Find poses in photographs; draw them and write them down."""
    import tyro

    from hourglass_jax.config import Decoder

    def parse(
        model: Annotated[Path, tyro.conf.Positional],
        inputs: Annotated[tuple[str, ...], tyro.conf.Positional],
        out: Path = Path("predictions"),
        boxes: Path | None = None,
        flip: bool = False,
        scales: tuple[float, ...] = (1.0,),
        decoder: Decoder | None = None,
    ) -> dict[str, Any]:
        """Find poses in photographs; a picture and a JSON file each.

        Args:
          model: workdir, checkpoint or exported folder.
          inputs: photographs, folders of photographs, or patterns such as 'a/*.jpg'.
          out: folder for the pictures and the JSON files.
          boxes: JSON file, photograph's name -> [[x0, y0, x1, y1], ...]; without it
            the whole photograph is one person.
          flip: average with the answer for the mirrored crop.
          scales: average over crops of these sizes, such as 0.9 1 1.1.
          decoder: read the heatmaps in another way than the model was scored with.
        """
        return locals()

    given = tyro.cli(parse, prog="hourglass predict", args=list(argv))
    from hourglass_jax.inference.files import predict_files
    from hourglass_jax.inference.predictor import load

    model = load(given.pop("model"), given.pop("decoder"))
    return predict_files(model, **given)


def export(argv: Sequence[str]) -> int:
    """Write a model's parameters and its description for others to load."""
    import tyro

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
    from hourglass_jax.inference.export import export_orbax
    from hourglass_jax.inference.predictor import load

    export_orbax(load(model), out)
    print(f"exported to {out}")
    return 0


def data(argv: Sequence[str]) -> int:
    """Prepare data sets, and find what is wrong with them."""
    from hourglass_jax.data.command import run

    return run(argv)


_VERBS: dict[str, Callable[[Sequence[str]], int]] = {
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "export": export,
    "data": data,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = [a for a in arguments if a != "--debug"]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_OVERVIEW, end="")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from hourglass_jax import __version__

        print(f"hourglass_jax {__version__}")
        return 0
    if arguments[0] not in _VERBS:
        print(_unknown_verb(arguments[0]), file=sys.stderr)
        return 2
    try:
        return _VERBS[arguments[0]](arguments[1:])
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        print(_one_line(error), file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, InputError):
        return f"error: {text}"
    return f"failed: {type(error).__name__}: {text} (--debug shows where)"


def _unknown_verb(verb: str) -> str:
    import difflib

    near = difflib.get_close_matches(verb, _VERBS, n=1)
    hint = f"; perhaps you meant {near[0]}" if near else ""
    return f"error: no verb {verb!r}{hint}; expected one of {', '.join(_VERBS)}"


def _value_of(option: str, argv: Sequence[str]) -> str | None:
    """The value that follows an option, given as `--x V` or `--x=V`."""
    for i, argument in enumerate(argv):
        if argument == option and i + 1 < len(argv):
            return argv[i + 1]
        if argument.startswith(option + "="):
            return argument.removeprefix(option + "=")
    return None


if __name__ == "__main__":
    sys.exit(main())

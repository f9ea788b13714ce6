"""The command line: `hourglass VERB ...`. Every verb imports what it needs, when asked.

Exit status: 0 done, 1 failure, 2 bad input, 130 interrupted.
"""

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
  predict    poses in photographs:    hourglass predict MODEL PHOTO... --out DIR
  export     parameters to use:       hourglass export MODEL --to orbax --out DIR
  data       prepare a data set:      hourglass data build NAME [--raw-dir DIR]

hourglass VERB --help shows the options of each. --debug shows tracebacks.
MODEL is the workdir of a training, a checkpoint inside of it, or an exported folder.
"""


def train(argv: Sequence[str]) -> int:
    """Train a network, or go on with a training that was interrupted.

    The same command on the same workdir goes on where the newest checkpoint ends. Any
    field of the configuration can be given, such as --optim.learning-rate 5e-4.
    """
    import tyro

    from hourglass_jax.config import Config, load_config

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
    from hourglass_jax.training.loop import train as run
    from hourglass_jax.training.tables import format_table

    evaluation = run(config, workdir)
    print(format_table(evaluation.summary()))
    print(f"workdir: {workdir}")
    return 0


def evaluate(argv: Sequence[str]) -> int:
    """Score a model on the people of a split, in pixels of their photographs."""
    import tyro

    def parse(
        model: Annotated[Path, tyro.conf.Positional],
        dataset: str,
        split: str = "validation",
        raw_dir: Path | None = None,
        data_dir: Path | None = None,
        people: int = 4000,
        validation_people: int = 500,
        flip: bool = False,
        batch_size: int = 32,
        json: Path | None = None,
    ) -> dict[str, Any]:
        """Score a model: PCK normalised by the torso, a column a joint group.

        Args:
          model: workdir, checkpoint or exported folder.
          dataset: synthetic_people or lspet.
          split: train, validation or test.
          raw_dir: your folder with the data set's own files.
          data_dir: where prepared records are kept; a cache folder by default.
          people: how many to draw for training, synthetic_people only.
          validation_people: how many to draw for validation, synthetic_people only.
          flip: average with the answer for the mirrored crop.
          batch_size: crops at a time; the scores do not depend on it.
          json: write the scores to this file.
        """
        return locals()

    given = tyro.cli(parse, prog="hourglass evaluate", args=list(argv))
    sources = ("dataset", "raw_dir", "data_dir", "people", "validation_people")
    return _evaluate({name: given.pop(name) for name in sources}, **given)


def _evaluate(
    source: dict[str, Any],
    *,
    model: Path,
    split: str,
    flip: bool,
    batch_size: int,
    json: Path | None,
) -> int:
    from hourglass_jax.config import DataConfig
    from hourglass_jax.files import write_json
    from hourglass_jax.inference.predictor import load
    from hourglass_jax.training.evaluation import evaluate_model
    from hourglass_jax.training.tables import format_table

    result = evaluate_model(
        load(model), DataConfig(**source), split, flip=flip, batch_size=batch_size
    )
    print(format_table(result))
    if json is not None:
        write_json(json, {"model": str(model), **result})
    return 0


def predict(argv: Sequence[str]) -> int:
    """Find poses in photographs; draw them and write them down."""
    import tyro

    def parse(
        model: Annotated[Path, tyro.conf.Positional],
        inputs: Annotated[tuple[str, ...], tyro.conf.Positional],
        out: Path = Path("predictions"),
        boxes: Path | None = None,
        flip: bool = False,
    ) -> dict[str, Any]:
        """Find poses in photographs; a picture and a JSON file each.

        Args:
          model: workdir, checkpoint or exported folder.
          inputs: photographs, folders of photographs, or patterns such as 'a/*.jpg'.
          out: folder for the pictures and the JSON files.
          boxes: JSON file, photograph's name -> [[x0, y0, x1, y1], ...]; without it
            the whole photograph is one person.
          flip: average with the answer for the mirrored crop.
        """
        return locals()

    given = tyro.cli(parse, prog="hourglass predict", args=list(argv))
    from hourglass_jax.inference.files import predict_files
    from hourglass_jax.inference.predictor import load

    return predict_files(load(given.pop("model")), **given)


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
    """Prepare data sets."""
    import tyro

    from hourglass_jax.config import DataConfig

    def parse(
        action: Annotated[Literal["build"], tyro.conf.Positional],
        name: Annotated[str, tyro.conf.Positional],
        raw_dir: Path | None = None,
        data_dir: Path | None = None,
        people: int = 4000,
        validation_people: int = 500,
    ) -> DataConfig:
        """Prepare a data set's records.

        Args:
          action: build: write one record a person, ready for training.
          name: synthetic_people or lspet.
          raw_dir: your folder with the data set's own files.
          data_dir: where prepared records are kept; a cache folder by default.
          people: how many to draw for training, synthetic_people only.
          validation_people: how many to draw for validation, synthetic_people only.
        """
        del action
        return DataConfig(
            dataset=name,
            raw_dir=raw_dir,
            data_dir=data_dir,
            people=people,
            validation_people=validation_people,
        )

    config = tyro.cli(parse, prog="hourglass data", args=list(argv))
    from hourglass_jax.data.datasets import open_dataset

    dataset = open_dataset(config)
    for split, source in dataset.splits.items():
        print(f"{dataset.name} {split}: {len(source)} people")
    return 0


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

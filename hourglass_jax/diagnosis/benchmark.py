"""`hourglass benchmark`: how fast a model is on this machine, or against PyTorch."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from hourglass_jax.config import DataConfig
from hourglass_jax.diagnosis.against_torch import compare
from hourglass_jax.diagnosis.cases import default_cases, parse_case
from hourglass_jax.errors import InputError
from hourglass_jax.files import write_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Measure a model, or the network against the same one in PyTorch.

    A model: hourglass benchmark MODEL. PyTorch: hourglass benchmark --against torch.
    """

    model: Annotated[
        Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")
    ] = None
    """Workdir, checkpoint, exported or released model; or a config, with random
    parameters."""
    batch_sizes: tuple[int, ...] = (1, 8, 32)
    """Model: crops at a time; 32 is the most that are computed at once."""
    stacks: tuple[int, ...] = ()
    """Model: leave the network after so many stacks; by default 1, 2, 4 and so on."""
    optimise: bool = False
    """Model: as `hourglass predict --optimise` runs it."""
    rounds: int = 10
    """How often everything is measured, in turns."""
    start: bool = True
    """Model: time the start of new processes, without and with compiled programs."""
    dataset: str | None = None
    """Model: a data set, to print accuracy beside cost."""
    split: str = "validation"
    """Model: train, validation or test."""
    raw_dir: Path | None = None
    """Model: your folder with the data set's own files."""
    data_dir: Path | None = None
    """Model: where prepared records are kept; a cache folder by default."""
    annotations: Path | None = None
    """Model: the annotation file, where `raw_dir` holds several."""
    skeleton: Path | None = None
    """Model: JSON or TOML file of names, partners and limbs; coco_json only."""
    people: int = 4000
    """Model: how many to draw for training, synthetic_people only."""
    validation_people: int = 500
    """Model: how many to draw for validation, synthetic_people only."""
    against: Literal["torch"] | None = None
    """Compare the paper's network with the same one in PyTorch, with random weights."""
    cases: tuple[str, ...] = ()
    """PyTorch: KIND:STACKS:BATCH:DTYPE, such as inference:2:1:float32 or
    train:8:4:bfloat16; by default 24, which take hours."""
    keep: bool = False
    """PyTorch: let malloc keep what is freed for inference, too, on both sides."""
    json: Path | None = None
    """Write the figures to this file; with --against it is added to."""

    def __post_init__(self) -> None:
        """Raise InputError unless one of the two forms is given."""
        if (self.model is None) == (self.against is None):
            raise InputError("benchmark: give either MODEL or --against torch")
        if self.rounds < 2:
            raise InputError("benchmark: --rounds is below 2; expected 2 or more")
        if not all(1 <= size <= 32 for size in self.batch_sizes):
            raise InputError("benchmark: --batch-sizes; expected numbers from 1 to 32")

    def data(self) -> DataConfig | None:
        """The people to score on, if there are any."""
        if self.dataset is None:
            return None
        names = {field.name for field in dataclasses.fields(DataConfig)}
        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return DataConfig(**{n: v for n, v in given.items() if n in names})


def run(argv: Sequence[str]) -> int:
    """Measure how fast a model is on this machine, or the network against PyTorch."""
    request = tyro.cli(Request, prog="hourglass benchmark", args=list(argv))
    if request.against is not None:
        cases = [parse_case(text) for text in request.cases] or default_cases()
        compare(cases, request.rounds, request.json, keep=request.keep)
        return 0
    report = measure(request)
    if request.json is not None:
        write_json(request.json, report)
    return 0


def measure(request: Request) -> dict[str, Any]:
    """Measure a model and print what was found; returns it all, ready for JSON."""
    # The comparison above runs in processes of its own, and needs JAX in none of ours.
    from hourglass_jax.diagnosis import speed, start
    from hourglass_jax.diagnosis.subject import open_model

    assert request.model is not None
    report: dict[str, Any] = {
        "model": str(request.model),
        "optimise": request.optimise,
    }
    if request.start:
        # First, while no thread pool of this process is awake.
        report["start"] = start.measure(request.model, optimise=request.optimise)
        print(start.describe(report["start"]), end="\n\n")
    model = open_model(request.model, optimise=request.optimise)
    exits = speed.choose_exits(model, request.stacks)
    models = {stacks: speed.leave(model, stacks) for stacks in exits}
    report["about"] = speed.about()
    report["speed"] = speed.measure(models, request.batch_sizes, request.rounds)
    report["memory"] = speed.peak_memory()
    print(speed.describe(report), end="\n\n")
    data = request.data()
    report["exits"] = speed.weigh(models, data, request.split)
    print(speed.describe_exits(report["exits"]))
    return report

"""`hourglass evaluate`: what is asked for, of a model or of files."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from hourglass_jax.config import DataConfig, Decoder
from hourglass_jax.errors import InputError
from hourglass_jax.evaluation.curves import draw_curves
from hourglass_jax.evaluation.files import Metric, compare_files, score_files
from hourglass_jax.evaluation.protocols import Normaliser
from hourglass_jax.evaluation.tables import format_markdown, format_table
from hourglass_jax.files import write_json, write_whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Score a model on people unseen, or files of predictions against labels.

    A model: hourglass evaluate MODEL --dataset NAME. Files: hourglass evaluate
    --predictions P --ground-truth G --metric pckh.
    """

    model: Annotated[
        Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")
    ] = None
    """Workdir, checkpoint, exported folder or released model."""
    dataset: str | None = None
    """Model: the data set, such as synthetic_people, lspet, mpii or coco_json."""
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
    validation_share: float = 0.1
    """Model: share of the photographs to validate on; coco_json only."""
    skip_bad: bool = False
    """Model: leave out people whose labels or photographs are bad, and list them."""
    people: int = 4000
    """Model: how many to draw for training, synthetic_people only."""
    validation_people: int = 500
    """Model: how many to draw for validation, synthetic_people only."""
    flip: bool = False
    """Model: average with the answer for the mirrored crop."""
    scales: tuple[float, ...] = (1.0,)
    """Model: average over crops of these sizes, such as 0.9 1 1.1."""
    decoder: Decoder | None = None
    """Model: read the heatmaps in another way than the model was trained with."""
    batch_size: int = 32
    """Model: crops at a time; the scores do not depend on it."""
    predictions: Path | None = None
    """Files: predictions, as HDF5, MATLAB, COCO results, or the JSON or the folder that
    `hourglass predict` writes."""
    compare: Path | None = None
    """Files: other predictions, to say by how much they are better."""
    ground_truth: Path | None = None
    """Files: labels, as princeton's HDF5, detections_our_format.mat or COCO's JSON."""
    metric: Metric | None = None
    """Files: which score."""
    normalise: Normaliser = "torso"
    """Files, pck: what an error is divided by: torso, box, or the file's own length."""
    strict: bool = False
    """Files, pckh and pck: an error of exactly the threshold is wrong."""
    sigmas: tuple[float, ...] = ()
    """Files, oks: one a keypoint, for keypoints that are no known skeleton's."""
    json: Path | None = None
    """Write the scores to this file."""
    markdown: Path | None = None
    """Write the tables to this file."""
    report: Path | None = None
    """Model: write report.html, with the worst cases drawn, into this folder."""
    curves: Path | None = None
    """Draw the curves of pckh or pck to this PNG."""

    def __post_init__(self) -> None:
        """Raise InputError unless one of the two forms is given, and whole."""
        files = (self.predictions, self.ground_truth, self.metric)
        model = (self.model, self.dataset)
        if any(x is not None for x in model) == any(x is not None for x in files):
            raise InputError(
                "evaluate: give either MODEL --dataset NAME, or --predictions P "
                "--ground-truth G --metric pckh|pck|oks"
            )
        if self.batch_size < 1:
            raise InputError(
                f"evaluate: --batch-size is {self.batch_size}; expected 1 or more"
            )
        if self.predictions is None and self.compare is not None:
            raise InputError("evaluate: --compare goes with --predictions")
        if self.predictions is not None and self.report is not None:
            raise InputError("evaluate: --report needs a MODEL, for its pictures")
        if any(x is None for x in (files if any(files) else model)):
            raise InputError(
                "evaluate: --predictions, --ground-truth and --metric go together"
                if any(files)
                else "evaluate: MODEL and --dataset go together"
            )

    def data(self) -> DataConfig:
        """The people that a model is scored on."""
        names = {field.name for field in dataclasses.fields(DataConfig)}
        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return DataConfig(**{n: v for n, v in given.items() if n in names})


def run(argv: Sequence[str]) -> int:
    """Score a model on people unseen, or files of predictions against labels."""
    request = parse_request(argv)
    if request.predictions is None:
        return evaluate_model(request)
    return evaluate_files(request)


def parse_request(argv: Sequence[str]) -> Request:
    """Read the command line; raises InputError for half a request."""
    return tyro.cli(Request, prog="hourglass evaluate", args=list(argv))


def evaluate_files(request: Request) -> int:
    """Score or compare files; print the tables and write what was asked for."""
    if request.curves is not None and request.metric == "oks":
        raise InputError("evaluate: --curves draws PCKh and PCK; leave it out with oks")
    result = _score(request)
    if request.curves is not None:
        both = [result["a"], result["b"]] if request.compare else [result]
        draw_curves(both, request.curves)
    if request.json is not None:
        write_json(request.json, result)
    if request.markdown is not None:
        write_whole(request.markdown, format_markdown(result))
    print(format_table(result))
    return 0


def evaluate_model(request: Request) -> int:
    """Score a model on people unseen; print the tables and write what was asked for."""
    from hourglass_jax.evaluation import models
    from hourglass_jax.inference import check_scales, load

    assert request.model is not None
    model = load(request.model, request.decoder)
    people = models.open_people(model, request.data(), request.split)
    check_scales(request.scales)
    answers = models.answer_people(
        model,
        people,
        flip=request.flip,
        scales=request.scales,
        batch_size=request.batch_size,
    )
    named = f"{request.dataset} {request.split}"
    files = models.photographs(people)
    results = models.score_answers(answers, str(request.model), named, files)
    if request.json is not None:
        about = {"model": str(request.model), "dataset": request.dataset}
        how: dict[str, Any] = {"split": request.split, "flip": request.flip}
        how |= {"scales": list(request.scales), "decoder": model.card.decoder}
        details = {"intervals": results}
        write_json(request.json, about | how | answers.summary() | details)
    if request.markdown is not None:
        write_whole(request.markdown, "\n".join(map(format_markdown, results)))
    if request.curves is not None:
        draw_curves(results[:1], request.curves)
    if request.report is not None:
        from hourglass_jax.evaluation.report import write_report

        page = write_report(
            request.report, model, people, answers, results, files, flip=request.flip
        )
        print(f"{page}\n")
    print("\n\n".join(map(format_table, results)))
    return 0


def _score(request: Request) -> dict[str, Any]:
    assert request.predictions is not None
    assert request.ground_truth is not None
    assert request.metric is not None
    options: dict[str, Any] = {
        "normalise": request.normalise,
        "strict": request.strict,
        "sigmas": request.sigmas,
    }
    truth = (request.ground_truth, request.metric)
    if request.compare is None:
        return score_files(request.predictions, *truth, **options)
    return compare_files(request.predictions, request.compare, *truth, **options)

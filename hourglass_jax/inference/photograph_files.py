"""Photographs from files to files: read, answered, drawn and written side by side."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hourglass_jax.data.photographs import Picture, read_photograph
from hourglass_jax.errors import InputError
from hourglass_jax.inference.box_files import BoxFile, asked
from hourglass_jax.inference.inputs import Input
from hourglass_jax.inference.job import Job
from hourglass_jax.inference.journal import CannotWriteError, Entry
from hourglass_jax.inference.lookahead import THREADS, ahead
from hourglass_jax.inference.outputs import write_photograph_json, write_picture
from hourglass_jax.inference.predictor import Predictor
from hourglass_jax.inference.results import draw_poses
from hourglass_jax.inference.sheets import draw_sheets
from hourglass_jax.inference.stream import People, Task, find_poses, open_task

LONGEST_JPEG = 65_500
"""Pixels a side that OpenCV writes; what is longer is drawn as PNG."""

KEPT_PIXELS = 2_000_000
"""A larger photograph is read again to be drawn on: a hundred may be on their way."""


class PhotographFiles:
    """Makes what a job asks for of photographs, in three stages that overlap."""

    def __init__(
        self,
        model: Predictor,
        job: Job,
        boxes: BoxFile | None,
        names: Mapping[Input, str],
    ) -> None:
        """`names` are those of the results."""
        self._model, self._job, self._boxes, self._names = model, job, boxes, names

    def predict(self, inputs: Iterable[Input]) -> Iterator[Entry | InputError]:
        """What was found in each photograph, and written; or why it cannot be used.

        Raises:
          CannotWriteError: there is no use in going on.
        """
        opened = ahead(self._open, inputs)
        found = find_poses(self._model, opened, self._job.options)
        return ahead(self._write, found, depth=4 * THREADS)

    def _open(self, given: Input) -> Task:
        try:
            picture = read_photograph(given.path)
            size = picture.shape[0], picture.shape[1]
            boxes = self._boxes
            people = boxes.of(given.path, size, given.id) if boxes else People(None)
        except InputError as error:
            return Task(given, fault=error)
        keep = self._needs_picture and size[0] * size[1] <= KEPT_PIXELS
        options = self._job.options
        return open_task(self._model, given, picture, people, options, keep=keep)

    @property
    def _needs_picture(self) -> bool:
        return self._job.draw or self._job.heatmaps

    def _write(self, task: Task) -> Entry | InputError:
        if task.fault is not None:
            return task.fault
        height, width = task.size
        entry = {
            "photograph": str(task.source.path),
            "height": height,
            "width": width,
            "people": [pose.to_dict() for pose in task.poses],
            "name": self._names[task.source],
            "id": task.source.id,
            "boxes": asked(self._boxes, task.source.path, task.source.id),
        }
        try:
            self._write_files(task, entry)
        except CannotWriteError:
            raise
        except InputError as error:
            return error
        return entry

    def _write_files(self, task: Task, entry: Entry) -> None:
        if self._needs_picture:
            picture = task.picture
            if picture is None:
                picture = read_photograph(task.source.path)
            self._draw(picture, task, entry)
        if self._job.format == "json":
            write_photograph_json(_json_file(self._job.out, entry), entry)

    def _draw(self, picture: Picture, task: Task, entry: Entry) -> None:
        out = self._job.out
        if self._job.heatmaps:
            sheets = draw_sheets(self._model, picture, task, self._job.options)
            for path, sheet in zip(_sheet_files(out, entry), sheets, strict=True):
                write_picture(path, sheet)
        if self._job.draw:
            write_picture(_drawn_file(out, entry), draw_poses(picture, task.poses))


def are_written(entry: Entry, job: Job) -> bool:
    """Whether the files are there that a job makes of a photograph."""
    files = [_json_file(job.out, entry)] if job.format == "json" else []
    if job.heatmaps:
        files += _sheet_files(job.out, entry)
    if job.draw:
        files.append(_drawn_file(job.out, entry))
    return all(path.exists() for path in files)


def _json_file(out: Path, entry: Entry) -> Path:
    return out / f"{entry['name']}.json"


def _sheet_files(out: Path, entry: Entry) -> list[Path]:
    numbers = range(1, len(entry["people"]) + 1)
    return [out / f"{entry['name']}_heatmaps_{number}.png" for number in numbers]


def _drawn_file(out: Path, entry: Entry) -> Path:
    is_png = Path(entry["photograph"]).suffix.lower() == ".png"
    is_long = max(entry["height"], entry["width"]) > LONGEST_JPEG
    return out / f"{entry['name']}_pose{'.png' if is_png or is_long else '.jpg'}"

"""Photographs and films, from files to files: what `hourglass predict` does."""

from collections.abc import Sequence
from pathlib import Path

from hourglass_jax.errors import InputError
from hourglass_jax.inference import outputs
from hourglass_jax.inference.box_files import BoxFile, asked
from hourglass_jax.inference.films import FilmFiles
from hourglass_jax.inference.inputs import Input, find_inputs, name_results
from hourglass_jax.inference.job import Job
from hourglass_jax.inference.journal import CannotWriteError, Entry, Journal
from hourglass_jax.inference.photograph_files import PhotographFiles, are_written
from hourglass_jax.inference.predictor import Predictor
from hourglass_jax.progress import Bar, console


def predict_files(model: Predictor, inputs: Sequence[str | Path], job: Job) -> int:
    """Find the poses in photographs and films; draw them and write them down.

    For each ``photo.jpg`` there will be ``OUT/photo_pose.jpg`` (``.png`` for a PNG)
    and, as JSON, ``OUT/photo.json``; for a film ``OUT/film_pose.mp4`` and
    ``OUT/film.json``. Other formats make one file of all. Each is written whole or not
    at all. What cannot be used is named, and the others go on.

    Args:
      model: finds the poses.
      inputs: see `find_inputs`.
      job: what is to become of them.

    Returns:
      The exit status: 0, or 2 if a photograph or a film could not be used.

    Raises:
      InputError: nothing was started: the inputs name no photograph, the box file
        cannot be read, an option is none of this model's, or ``out`` is not to be
        written to, or holds answers that would be lost. Or the disk is full, with
        everything kept that was finished.
    """
    model.check(job.options, heatmaps=job.heatmaps)
    found = find_inputs(inputs)
    films = [each.path for each in found if each.is_film]
    job.check(films)
    boxes = _box_file(inputs, job)
    _make_folder(job.out, found)
    with Journal(job.out, job.settings(), job.resume) as journal:
        run = _Run(model, found, job, boxes, journal)
        try:
            run.photographs()
            run.films()
        finally:
            run.collect()
        journal.finish()
    run.report()
    return 2 if run.failed else 0


class _Run:
    """One start of `predict_files`, and what came of it so far."""

    def __init__(
        self,
        model: Predictor,
        inputs: Sequence[Input],
        job: Job,
        boxes: BoxFile | None,
        journal: Journal,
    ) -> None:
        self._model, self._inputs, self._job = model, inputs, job
        self._boxes, self._journal = boxes, journal
        earlier = {_input(entry): entry for entry in journal.earlier}
        taken = {each: entry["name"] for each, entry in earlier.items()}
        self._names = name_results(inputs, taken)
        # Of what was deleted since, or has other boxes now, results are made anew.
        self._known = {
            each: earlier[each]
            for each in inputs
            if not each.is_film
            and each in earlier
            and are_written(earlier[each], job)
            and earlier[each]["boxes"] == asked(boxes, each.path, each.id)
        }
        self._entries = list(self._known.values())
        self.done = {"photographs": 0, "films": 0}
        self.people = self.failed = 0

    def photographs(self) -> None:
        """Answer for what is not answered yet."""
        every = [each for each in self._inputs if not each.is_film]
        waiting = [each for each in every if each not in self._known]
        if self._boxes is not None:
            for each in self._known:
                self._boxes.skip(each.path, each.id)
        if not waiting:
            return
        files = PhotographFiles(self._model, self._job, self._boxes, self._names)
        before = len(every) - len(waiting)
        with Bar("predict", len(every), unit="photographs", start=before) as bar:
            for found in files.predict(waiting):
                if isinstance(found, InputError):
                    self._tell(found)
                else:
                    self._journal.add(found)
                    self._count([found], "photographs")
                bar.advance()

    def films(self) -> None:
        """Answer for one film after the other."""
        files = FilmFiles(self._model, self._job, self._boxes, self._journal)
        for each in self._inputs:
            if not each.is_film:
                continue
            try:
                frames, fault = files.predict(each, self._names[each])
            except CannotWriteError:
                raise
            except InputError as error:
                self._tell(error)
                continue
            self._count(frames, "films")
            if fault is not None:
                self._tell(fault)

    def collect(self) -> None:
        """Put together the one file that some formats are, in the inputs' order."""
        order = {each: i for i, each in enumerate(self._inputs)}
        self._entries.sort(key=lambda entry: order[_input(entry)])
        skeleton = self._model.skeleton
        if self._job.format == "coco":
            outputs.write_coco(self._job.out, self._entries, skeleton)
        elif self._job.format == "csv":
            outputs.write_csv(self._job.out, self._entries, skeleton)

    def report(self) -> None:
        """Tell what was done, and what was left out."""
        if self._boxes is not None:
            _tell_boxes(self._boxes)
        failures = f", {self.failed} failed (named above)" if self.failed else ""
        earlier = f", {len(self._known)} earlier" if self._known else ""
        films = f"films: {self.done['films']} done; " if self.done["films"] else ""
        console.print(
            f"photographs: {self.done['photographs']} done{earlier}{failures}; {films}"
            f"people: {self.people}; results are in {self._job.out}",
            markup=False,
        )

    def _count(self, entries: Sequence[Entry], kind: str) -> None:
        self.done[kind] += 1
        self.people += sum(len(entry["people"]) for entry in entries)
        if self._job.format != "json":  # kept for the one file of all
            self._entries.extend(entries)

    def _tell(self, fault: InputError) -> None:
        self.failed += 1
        console.print(f"error: {fault}", markup=False)


def _input(entry: Entry) -> Input:
    """What an answer is to."""
    return Input(Path(entry.get("photograph") or entry["film"]), entry["id"])


def _box_file(inputs: Sequence[str | Path], job: Job) -> BoxFile | None:
    """The boxes that were given, or else those of COCO annotations among the inputs."""
    given = job.boxes
    if given is None:
        listed = [Path(i) for i in inputs if Path(i).suffix.lower() == ".json"]
        if len(listed) > 1:
            raise InputError(
                f"predict: {len(listed)} files of annotations; expected one; predict "
                "each to a folder of its own"
            )
        if not listed:
            if job.least_box_score:
                raise InputError(
                    "predict: --min-box-score is for boxes, and there are none; give "
                    "--boxes, or leave it out"
                )
            return None
        given = listed[0]
    return BoxFile(given, job.least_box_score)


def _make_folder(out: Path, inputs: Sequence[Input]) -> None:
    """Make ``out``; it may not be where photographs and their own JSON files lie."""
    here = out.resolve()
    inside = next((i.path for i in inputs if i.path.resolve().parent == here), None)
    if inside is not None:
        raise InputError(
            f"predict: --out {out} is the folder of {inside}; give another, where "
            "nothing of yours can be overwritten"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"predict: --out {out} cannot be made ({error.strerror}); give another"
        ) from error


def _tell_boxes(boxes: BoxFile) -> None:
    if boxes.left_out:
        console.print(
            f"{boxes.path}: {boxes.left_out} boxes left out: of low score, of crowds, "
            "or not of people",
            markup=False,
        )
    if boxes.unused:
        some = ", ".join(boxes.unused[:5])
        console.print(
            f"{boxes.path}: entries that were not used: {len(boxes.unused)} "
            f"({some}{', ...' if len(boxes.unused) > 5 else ''})",
            markup=False,
        )

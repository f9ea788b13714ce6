"""Films from files to files: every frame answered, then tracked, smoothed, drawn."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from hourglass_jax.errors import InputError
from hourglass_jax.inference.box_files import BoxFile, asked
from hourglass_jax.inference.inputs import Input
from hourglass_jax.inference.job import Job
from hourglass_jax.inference.journal import CannotWriteError, Entry, Journal, writing
from hourglass_jax.inference.lookahead import ahead, in_background
from hourglass_jax.inference.outputs import write_film_json
from hourglass_jax.inference.predictor import Predictor
from hourglass_jax.inference.results import Pose, draw_poses
from hourglass_jax.inference.smoothing import jitter, smooth_frames
from hourglass_jax.inference.stream import People, Task, find_poses, open_task
from hourglass_jax.inference.tracking import Tracker
from hourglass_jax.inference.video import Film, FilmWriter, Frame
from hourglass_jax.progress import Bar, console

_READ_AHEAD = 8  # frames; a large one takes 25 MB

Frames = list[list[Pose]]


class FilmFiles:
    """Makes what a job asks for of films, one after the other.

    A film is gone through twice: what its later frames say is known when it is drawn,
    and no picture is kept. Answers are in the journal frame by frame, so that a second
    start does not compute them again.
    """

    def __init__(
        self, model: Predictor, job: Job, boxes: BoxFile | None, journal: Journal
    ) -> None:
        """`journal` is written to, and holds what an earlier start found."""
        self._model, self._job, self._boxes = model, job, boxes
        self._journal = journal

    def predict(self, given: Input, name: str) -> tuple[list[Entry], InputError | None]:
        """Answer for one film and write its results, called ``name``.

        Returns:
          Its frames as they were written; and what is wrong with its end, or keeps it
          from being drawn, if anything.

        Raises:
          InputError: nothing of it can be used, or nothing can be written.
        """
        film = Film(given.path)
        known, fault = self._answer(film, {"name": name, "id": given.id})
        entries = [known[number] for number in sorted(known)]
        if not entries:
            raise fault or InputError(f"film: {film.path} has no frames")
        times = np.array([entry["time"] for entry in entries])
        skeleton = self._model.skeleton
        found = [
            [Pose.from_dict(person, skeleton) for person in entry["people"]]
            for entry in entries
        ]
        poses, about = self._refine(found, times)
        entries = [
            entry | {"people": [pose.to_dict() for pose in some]}
            for entry, some in zip(entries, poses, strict=True)
        ]
        if self._job.format == "json":
            size = {side: entries[0][side] for side in ("height", "width")}
            target = self._job.out / f"{name}.json"
            write_film_json(target, {"film": str(film.path), **size, **about}, entries)
        if self._job.draw:
            try:
                self._draw(film, poses, self._job.out / f"{name}_pose.mp4")
            except CannotWriteError:
                raise
            except InputError as error:
                fault = fault or error
        return entries, fault

    def _answer(
        self, film: Film, about: Entry
    ) -> tuple[dict[int, Entry], InputError | None]:
        """Every frame's entry by its number; those in the journal are not computed."""
        source = str(film.path)
        earlier = [e for e in self._journal.earlier if e.get("film") == source]
        boxes = self._boxes
        known = {
            entry["frame"]: entry
            for entry in earlier
            if entry["boxes"] == asked(boxes, film.path, frame=entry["frame"])
        }
        if self._boxes is not None:
            self._boxes.skip(film.path, frames=known)
        faults: list[InputError] = []
        unknown = (f for f in _until_fault(film, faults) if f.number not in known)
        frames = in_background(unknown, _READ_AHEAD)
        tasks = ahead(partial(self._open, film.path), frames, depth=_READ_AHEAD)
        label = f"predict {film.path.name}"
        total = max(film.likely_frames, len(known))
        with Bar(label, total, unit="frames", start=len(known)) as bar:
            for task in find_poses(self._model, tasks, self._job.options):
                if task.fault is not None:
                    raise task.fault
                entry = _entry(film, task) | about
                entry["boxes"] = asked(boxes, film.path, frame=entry["frame"])
                self._journal.add(entry)
                known[entry["frame"]] = entry
                bar.advance()
        return known, faults[0] if faults else None

    def _open(self, path: Path, frame: Frame) -> Task:
        size = frame.picture.shape[0], frame.picture.shape[1]
        when = frame.number, frame.time
        try:
            boxes = self._boxes
            people = boxes.of(path, size, frame=frame.number) if boxes else People(None)
        except InputError as error:
            return Task(when, fault=error)
        return open_task(self._model, when, frame.picture, people, self._job.options)

    def _refine(
        self, frames: Frames, times: np.ndarray
    ) -> tuple[Frames, Mapping[str, float]]:
        """Number and smooth people as the job asks; and how much they tremble."""
        if not (self._job.track or self._job.smooth):
            return frames, {}
        tracker = Tracker()
        frames = [
            tracker.update(float(time), poses)
            for time, poses in zip(times, frames, strict=True)
        ]
        before = jitter(frames, times)
        if self._job.smooth is None:
            return frames, {"jitter": before}
        frames = smooth_frames(frames, times, self._job.smooth)
        after = jitter(frames, times)
        console.print(
            f"jitter: {before:.2f} -> {after:.2f} % of a person's box", markup=False
        )
        return frames, {"jitter_before": before, "jitter": after}

    def _draw(self, film: Film, frames: Sequence[Sequence[Pose]], target: Path) -> None:
        pairs = zip(_until_fault(film, []), frames, strict=False)
        drawn = ahead(_draw_frame, in_background(pairs, _READ_AHEAD), depth=_READ_AHEAD)
        with (
            Bar(f"draw {film.path.name}", len(frames), unit="frames") as bar,
            writing(target),
            FilmWriter(target, film) as writer,
        ):
            for ticks, picture in drawn:
                writer.write(picture, ticks)
                bar.advance()


def _draw_frame(pair: tuple[Frame, Sequence[Pose]]) -> tuple[int, np.ndarray]:
    frame, poses = pair
    return frame.ticks, draw_poses(frame.picture, poses)


def _until_fault(film: Film, faults: list[InputError]) -> Iterator[Frame]:
    """The frames that can be read; what comes after them goes to ``faults``."""
    try:
        yield from film.read()
    except InputError as error:
        faults.append(error)


def _entry(film: Film, task: Task) -> Entry:
    number, time = task.source
    return {
        "film": str(film.path),
        "frame": number,
        "time": time,
        "height": task.size[0],
        "width": task.size[1],
        "people": [pose.to_dict() for pose in task.poses],
    }

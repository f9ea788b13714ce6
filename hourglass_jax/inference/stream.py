"""Many photographs through a model: batches go across them, and nothing waits."""

import collections
import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from hourglass_jax import geometry
from hourglass_jax.data.photographs import Picture
from hourglass_jax.errors import InputError
from hourglass_jax.inference.crops import Crop, crop_people
from hourglass_jax.inference.forward import BATCH_SIZES
from hourglass_jax.inference.options import Options, Size
from hourglass_jax.inference.results import Pose

if TYPE_CHECKING:
    from hourglass_jax.inference.predictor import Predictor

MOST_CROPS = BATCH_SIZES[-1]

IN_FLIGHT = 2
"""Batches the device has been given while the host looks at an earlier one's answer."""

MOST_WAITING = 4 * MOST_CROPS
"""Photographs that wait for an answer: where few show anybody, batches go out early."""


class People(NamedTuple):
    """Who is to be found in a photograph.

    Attributes:
      boxes: (x0, y0, x1, y1) in its pixels, checked; None for the whole photograph.
      scores: of the boxes, where the detector gave them.
    """

    boxes: Float[np.ndarray, "n 4"] | None
    scores: Float[np.ndarray, " n"] | None = None


@dataclasses.dataclass(eq=False)
class Task:
    """A photograph on its way through a model.

    Attributes:
      source: what the caller knows it by.
      size: its (height, width).
      boxes: around its people.
      whole: there is one box, and it is the photograph itself.
      box_scores: how sure the detector was of each, if it said so.
      picture: kept for the caller, if asked for.
      crops: of its people, so far as they are cut out and not yet answered.
      poses: found so far, in the order of the boxes.
      fault: why it cannot be used; it then has no boxes.
    """

    source: Any
    size: Size = (0, 0)
    boxes: Float[np.ndarray, "n 4"] = dataclasses.field(
        default_factory=lambda: np.zeros((0, 4))
    )
    whole: bool = False
    box_scores: Float[np.ndarray, " n"] | None = None
    picture: Picture | None = None
    crops: Iterable[Crop] = ()
    poses: list[Pose] = dataclasses.field(default_factory=list)
    fault: InputError | None = None

    @property
    def done(self) -> bool:
        """Whether everybody was found."""
        return len(self.poses) == len(self.boxes)


def open_task(
    model: "Predictor",
    source: Any,
    picture: Picture,
    people: People,
    options: Options,
    *,
    keep: bool = False,
) -> Task:
    """Cut out the first people of a photograph; the work of a thread.

    The others, of whom a crowd has many, are cut out when it is their turn: memory does
    not grow with their number.
    """
    size = picture.shape[0], picture.shape[1]
    whole = people.boxes is None
    boxes = geometry.picture_box(*size)[None] if people.boxes is None else people.boxes
    crop_size = options.crop_size(model.card, size, whole)
    padding = 1.0 if whole else model.card.box_padding
    crops = crop_people(picture, boxes, padding, crop_size, options.scales)
    first = list(itertools.islice(crops, MOST_CROPS))
    return Task(
        source=source,
        size=size,
        boxes=boxes,
        whole=whole,
        box_scores=people.scores,
        picture=picture if keep else None,
        crops=itertools.chain(first, crops),
    )


def find_poses(
    model: "Predictor", tasks: Iterable[Task], options: Options
) -> Iterator[Task]:
    """Find the people of each task; tasks come back in order, when all are found.

    Crops fill batches whatever photographs they are from, so that an answer may wait
    for later photographs; which crops share a batch depends on their order alone.
    """
    waiting: collections.deque[Task] = collections.deque()
    running: collections.deque[tuple[list[_Row], Any]] = collections.deque()
    for batch in _batches(_rows(tasks, waiting), model.card.input_size):
        if batch:
            images = np.stack([row.crop.images for row in batch])
            running.append((batch, model.start(images, options)))
        while len(running) > (IN_FLIGHT if batch else 0):
            _deliver(model, *running.popleft())
            yield from _finished(waiting)
        yield from _finished(waiting)


class _Row(NamedTuple):
    task: Task
    crop: Crop


def _rows(
    tasks: Iterable[Task], waiting: collections.deque[Task]
) -> Iterator[_Row | None]:
    """The crops of all tasks; None where those so far should be answered first."""
    for task in tasks:
        waiting.append(task)
        for crop in task.crops:
            yield _Row(task, crop)
        if waiting[0].done or len(waiting) >= MOST_WAITING:
            yield None
    yield None


def _batches(rows: Iterable[_Row | None], usual: Size) -> Iterator[list[_Row]]:
    """Rows of one crop size, as many as there is room for; see `_room`.

    An empty one after the rows before a None.
    """
    batch: list[_Row] = []
    for row in rows:
        if batch and (row is None or _shape(row) != _shape(batch[0])):
            yield batch
            batch = []
        if row is None:
            yield []
            continue
        batch.append(row)
        if len(batch) == _room(_shape(row), usual):
            yield batch
            batch = []


def _shape(row: _Row) -> tuple[int, ...]:
    return row.crop.images.shape


def _room(shape: tuple[int, ...], usual: Size) -> int:
    """Crops a batch: fewer where they are larger, for the same memory."""
    scales, height, width, _ = shape
    pixels = MOST_CROPS * usual[0] * usual[1] / (scales * height * width)
    return max(size for size in BATCH_SIZES if size <= max(1, pixels))


def _deliver(model: "Predictor", batch: list[_Row], found: Any) -> None:
    keypoints, scores = jax.device_get(found)
    for i, (task, crop) in enumerate(batch):
        number = len(task.poses)
        keypoints_img = geometry.transform(crop.img_from_crop, keypoints[i])
        pose = Pose(
            keypoints=keypoints_img.astype(np.float32),
            scores=np.asarray(scores[i]),
            box=task.boxes[number],
            skeleton=model.skeleton,
            box_score=_score(task, number),
        )
        task.poses.append(pose)


def _score(task: Task, number: int) -> float | None:
    return None if task.box_scores is None else float(task.box_scores[number])


def _finished(waiting: collections.deque[Task]) -> Iterator[Task]:
    while waiting and waiting[0].done:
        yield waiting.popleft()

"""Everything that is wrong with a data set. Reads all of it, changes nothing.

Errors are facts, such as a photograph that is cut off. Suspicions are what a person
should look at: they may be right, such as left and right of an unusual pose.
"""

import collections
import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hourglass_jax.config import SourceConfig
from hourglass_jax.data import check_people, check_photographs, check_sides
from hourglass_jax.data.annotations import Annotations, Problem, missing_photographs
from hourglass_jax.data.sources import Reader, find_source
from hourglass_jax.errors import InputError

_PRINTED = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """What a check found.

    Attributes:
      annotations: what was checked.
      notes: how it was read, and what could not be checked.
      missing: how many photographs are annotated and not there.
      errors: what is wrong.
      suspicions: what may be wrong.
    """

    annotations: Annotations
    notes: tuple[str, ...]
    missing: int
    errors: tuple[Problem, ...]
    suspicions: tuple[Problem, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        annotations = self.annotations
        return {
            "name": annotations.name,
            "people": {s: len(people) for s, people in annotations.splits.items()},
            "photographs": {"present": self.present, "missing": self.missing},
            "labelled": count_labelled(annotations),
            "notes": list(self.notes),
            "errors": [dataclasses.asdict(problem) for problem in self.errors],
            "suspicions": [dataclasses.asdict(problem) for problem in self.suspicions],
        }

    @property
    def present(self) -> int:
        """How many annotated photographs are there."""
        files = {person.file for person in self.annotations.people()}
        return len(files) - self.missing


def check(config: SourceConfig, data_dir: Path) -> Report:
    """Read a data set's annotations and photographs, and look for faults.

    Raises:
      InputError: there is nothing to check, or no annotations that can be read.
    """
    source = find_source(config.dataset)
    if not isinstance(source, Reader):
        raise InputError(
            f"check: {config.dataset} is drawn when it is built; expected a data set "
            "that is read from files"
        )
    found = source.read(source.find(config, data_dir), config)
    missing = {problem.where: problem for problem in missing_photographs(found)}
    looks = check_photographs.look_at_all(found)
    sizes = {file: look.size for file, look in looks.items() if look.size is not None}
    errors = [
        *found.problems,
        *missing.values(),
        *check_photographs.faults(found, looks),
        *check_photographs.leaks(found, looks),
        *check_people.repeated(found),
        *check_people.faults(found),
        *check_people.misfits(found, {**found.sizes, **sizes}),
    ]
    suspicions = [
        *check_people.look_alikes(found),
        *check_photographs.near_leaks(found, looks),
        *check_sides.swapped_sides(found),
    ]
    return Report(
        annotations=found,
        notes=(*found.notes, *_too_few(found)),
        missing=len(missing),
        errors=tuple(errors),
        suspicions=tuple(suspicions),
    )


def _too_few(annotations: Annotations) -> Iterator[str]:
    fewest = check_sides.FEWEST
    if sum(map(len, annotations.splits.values())) < fewest:
        yield f"left and right cannot be checked with fewer than {fewest} people"


def count_labelled(annotations: Annotations) -> dict[str, int]:
    """How many people have each keypoint."""
    names = annotations.skeleton.keypoints
    counts = np.zeros(len(names), int)
    for person in annotations.people():
        counts += person.visibility > 0
    return dict(zip(names, counts.tolist(), strict=True))


def format_report(report: Report) -> str:
    """The summary, and the first of each kind of what was found."""
    found = report.annotations
    people = ", ".join(f"{len(some):,} {split}" for split, some in found.splits.items())
    labelled = count_labelled(found)
    lines = [
        f"{found.name}: {sum(map(len, found.splits.values())):,} people ({people})",
        f"photographs: {report.present:,} present, {report.missing:,} missing",
        "labelled: " + ", ".join(f"{name} {n:,}" for name, n in labelled.items()),
        *(f"note: {note}" for note in report.notes),
        *_list("errors", report.errors),
        *_list("suspicions", report.suspicions),
    ]
    return "\n".join(lines)


def _list(title: str, problems: Iterable[Problem]) -> Iterator[str]:
    kinds = collections.defaultdict(list)
    for problem in problems:
        kinds[problem.kind].append(problem)
    yield f"{title}: {sum(map(len, kinds.values())):,}"
    for kind, some in kinds.items():
        yield f"  {kind}: {len(some):,}"
        yield from (f"    {problem}" for problem in some[:_PRINTED])
        if len(some) > _PRINTED:
            yield f"    and {len(some) - _PRINTED:,} more; --json lists all"

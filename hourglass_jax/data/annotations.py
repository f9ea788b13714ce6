"""What a data set's own files say: people in photographs, and what is wrong with them.

Each data set has a reader that turns its files into `Annotations`. Records are made,
checked, counted and drawn from these alone.
"""

import collections
import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import Skeleton

_NAMED = 5


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Person:
    """One annotated person, in pixels of the photograph.

    Attributes:
      person: the number in the source; unique in it.
      file: the photograph, as a path relative to `Annotations.folder`.
      where: file and record of the annotation, for people who look it up.
      keypoints_img: float32 ``[k 2]``, (x, y); 0 where absent.
      visibility: uint8 ``[k]``: 0 absent, 1 labelled and occluded, 2 visible.
      center_img: centre of the square that becomes the crop.
      side_img: side of that square, padding included, before any augmentation.
      head_size_img: PCKh's head size as MPII defines it; 0 where the source has none.
      area_img: OKS area; 0 where the source has none.
    """

    person: int
    file: str
    where: str
    keypoints_img: Float[np.ndarray, "k 2"]
    visibility: UInt8[np.ndarray, " k"]
    center_img: Float[np.ndarray, "2"]
    side_img: float
    head_size_img: float = 0.0
    area_img: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong in a data set.

    Attributes:
      kind: what it is, in words that are the same for all of its kind.
      where: file : record : field.
      found: what is there.
      expected: what should be.
      person: whom `skip_bad` leaves out for it; None where it is nobody in particular.
    """

    kind: str
    where: str
    found: str
    expected: str
    person: int | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; expected {self.expected}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Annotations:
    """Everything that a reader found.

    Attributes:
      name: of the data set.
      skeleton: what the keypoints are.
      folder: where the photographs lie.
      splits: the people of each split, in the order of the source.
      problems: what is wrong with the annotations; people who cannot be used at all are
        in no split, and counted here.
      notes: what a user should know of how the files were read.
      sizes: width and height of photographs, where the source states them.
    """

    name: str
    skeleton: Skeleton
    folder: Path
    splits: Mapping[str, tuple[Person, ...]]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    sizes: Mapping[str, tuple[int, int]] = dataclasses.field(default_factory=dict)

    def people(self) -> Iterator[Person]:
        """Everybody, split after split."""
        for people in self.splits.values():
            yield from people

    def without(self, persons: Iterable[int]) -> "Annotations":
        """The same without some people, and without the problems that name them."""
        left_out = set(persons)
        splits = {
            split: tuple(p for p in people if p.person not in left_out)
            for split, people in self.splits.items()
        }
        problems = tuple(p for p in self.problems if p.person not in left_out)
        return dataclasses.replace(self, splits=splits, problems=problems)


def missing_photographs(annotations: Annotations) -> list[Problem]:
    """A problem for every photograph that is annotated and not there."""
    people = collections.defaultdict(list)
    for person in annotations.people():
        people[person.file].append(person.person)
    return [
        Problem(
            kind="photograph missing",
            where=str(annotations.folder / file),
            found=f"no such file, for {len(persons)} annotated",
            expected="the photograph of these annotations",
            person=person,
        )
        for file, persons in people.items()
        if not os.path.isfile(annotations.folder / file)  # also where it may not look
        for person in persons
    ]


def refuse(what: str, problems: Iterable[Problem]) -> None:
    """Raise one InputError that counts problems by kind and names the first few."""
    kinds: dict[str, dict[str, None]] = collections.defaultdict(dict)
    for problem in problems:
        kinds[problem.kind][str(problem)] = None  # a photograph may be several people's
    if kinds:
        listed = " | ".join(name_all(kind, [*found]) for kind, found in kinds.items())
        raise InputError(
            f"{what}: {listed}; `hourglass data check` lists everything, --skip-bad "
            "leaves these out"
        )


def name_all(what: str, items: list[str]) -> str:
    """One line that counts ``items`` and names the first few."""
    more = f"; and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return f"{what} ({len(items)}): " + "; ".join(items[:_NAMED]) + more

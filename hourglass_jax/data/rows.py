"""People as columns, the way that most label files hold them."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Integer, Shaped, UInt8

from hourglass_jax.data.annotations import Person, Problem

UNKNOWN = 255
"""Visibility where a file says something that has no meaning."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """People of one data set, one a row, in pixels of the photographs.

    Attributes:
      numbers: `Person.person`.
      files: photographs; empty where a file names none.
      places: file and record of each, for people who look it up.
      splits: ``train`` or ``validation``; empty where a file does not say.
      keypoints_img: (x, y); not finite where a file holds no such numbers.
      visibility: 0 absent, 1 labelled and occluded, 2 visible, or `UNKNOWN`.
      centers_img: of the squares that become crops; not finite where missing.
      sides_img: of these squares; not finite where missing.
      head_sizes_img: 0 where a file has none.
    """

    numbers: Integer[np.ndarray, " n"]
    files: Shaped[np.ndarray, " n"]
    places: Shaped[np.ndarray, " n"]
    splits: Shaped[np.ndarray, " n"]
    keypoints_img: Float[np.ndarray, "n k 2"]
    visibility: UInt8[np.ndarray, "n k"]
    centers_img: Float[np.ndarray, "n 2"]
    sides_img: Float[np.ndarray, " n"]
    head_sizes_img: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, chosen: Shaped[np.ndarray, " m"]) -> "Rows":
        """Some people, by their rows or by a mask."""
        return _rows(lambda field: getattr(self, field)[chosen])

    def people(self) -> tuple[tuple[Person, ...], tuple[Problem, ...]]:
        """Those who can be used, in order, and what is wrong with the others."""
        problems = tuple(self._problems())
        bad = {problem.person for problem in problems}
        present = (self.visibility > 0)[..., None] & is_number(self.keypoints_img)
        keypoints_img = np.where(present, self.keypoints_img, 0).astype(np.float32)
        people = tuple(
            Person(
                person=number,
                file=str(self.files[row]),
                where=str(self.places[row]),
                keypoints_img=keypoints_img[row],
                visibility=self.visibility[row],
                center_img=self.centers_img[row],
                side_img=float(self.sides_img[row]),
                head_size_img=float(self.head_sizes_img[row]),
            )
            for row, number in enumerate(self.numbers.tolist())
            if number not in bad
        )
        return people, problems

    def _problems(self) -> Iterator[Problem]:
        labelled = self.visibility > 0
        finite: Any = is_number(self.keypoints_img).all(-1)
        squares = np.column_stack([self.centers_img, self.sides_img])
        yield from self._name(
            np.char.str_len(self.files) == 0,
            kind="no photograph named",
            found=lambda _: "no name",
            expected="the file name of the photograph",
        )
        yield from self._name(
            ~(is_number(squares).all(-1) & (self.sides_img > 0)),
            kind="no centre or scale",
            found=lambda row: (
                f"centre {self.centers_img[row].round(1).tolist()}, "
                f"side {self.sides_img[row]:.1f} pixels"
            ),
            expected="a centre, and a scale above 0",
        )
        yield from self._name(
            ~(is_number(self.head_sizes_img) & (self.head_sizes_img >= 0)),
            kind="head size that is none",
            found=lambda row: f"{self.head_sizes_img[row]:.1f}",
            expected="a number of pixels, or 0 for none",
        )
        yield from self._name(
            (self.visibility == UNKNOWN).any(-1),
            kind="visibility without meaning",
            found=lambda row: _count(self.visibility[row] == UNKNOWN),
            expected="visibility that the format has",
        )
        yield from self._name(
            (labelled & ~finite).any(-1),
            kind="keypoints that are not finite",
            found=lambda row: _count(labelled[row] & ~finite[row]),
            expected="two numbers a keypoint",
        )
        yield from self._name(
            labelled.sum(-1) == 0,
            kind="no labelled keypoint",
            found=lambda row: f"none of {labelled.shape[1]} labelled",
            expected="at least one",
        )

    def _name(
        self,
        rows: Shaped[np.ndarray, " n"],
        *,
        kind: str,
        found: Callable[[int], str],
        expected: str,
    ) -> Iterator[Problem]:
        for row in np.flatnonzero(rows).tolist():
            yield Problem(
                kind=kind,
                where=str(self.places[row]),
                found=found(row),
                expected=expected,
                person=int(self.numbers[row]),
            )


def join(several: Sequence[Rows]) -> Rows:
    """All people of several files, in order."""
    return _rows(lambda field: np.concatenate([getattr(r, field) for r in several]))


def is_number(values: Float[np.ndarray, "*n"]) -> Bool[np.ndarray, "*n"]:
    """Finite also as float32, which records keep."""
    found: np.ndarray = np.abs(values) <= np.finfo(np.float32).max
    return found


def split_of(path: Path) -> str:
    """The split that a file's name says: train, validation or test; empty for none."""
    words = {"trainval": "", "train": "train", "val": "validation", "test": "test"}
    return next((words[word] for word in words if word in path.name.lower()), "")


def _rows(column: Callable[[str], Any]) -> Rows:
    return Rows(
        **{field.name: column(field.name) for field in dataclasses.fields(Rows)}
    )


def _count(wrong: np.ndarray) -> str:
    return f"{np.count_nonzero(wrong)} of {wrong.size} keypoints"

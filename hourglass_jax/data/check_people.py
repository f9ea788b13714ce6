"""What is wrong among people: what no reader can see who reads one after the other."""

import collections
import itertools
from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Bool

from hourglass_jax.data.annotations import Annotations, Person, Problem
from hourglass_jax.data.picture_headers import Size

FAR_OUTSIDE = 0.15
"""How far a joint may lie outside the photograph, in longer sides of it.

People who are cut off by the edge are labelled beyond it: 447 joints of MPII, up to 7 %
of the longer side; 4 of LSP-extended, up to 1 %. The next one there, at 60 %, is wrong.
"""

NEARLY = 0.05
"""Mean distance of two people's joints that is nearly the same, in sides of the box.

Two annotators of one person differ by about that. Among 25,204 people of MPII it is
one pair, and two who stand side by side are three times as far apart.
"""

_IN_COMMON = 3
"""Joints that two people must share before they are compared."""


def repeated(annotations: Annotations) -> Iterator[Problem]:
    """Numbers given twice."""
    numbers: dict[int, Person] = {}
    for person in annotations.people():
        first = numbers.setdefault(person.person, person)
        if first is not person:
            yield _problem(
                person,
                kind="number given twice",
                field="number",
                found=f"{person.person}, which {first.where} has, too",
                expected="a number of its own",
            )


def faults(annotations: Annotations) -> Iterator[Problem]:
    """People labelled twice with the same joints, and boxes without joints."""
    joints: dict[tuple[str, bytes, bytes], Person] = {}
    for person in annotations.people():
        first = joints.setdefault((person.file, *_joints(person)), person)
        if first is not person and _enough(person.visibility > 0):
            yield _problem(
                person,
                kind="two people with the same joints",
                found=f"the same as {first.where}",
                expected="one annotation a person",
            )
        away = abs(person.keypoints_img - person.center_img).max(-1)
        if (away[person.visibility > 0] > person.side_img / 2).all():
            yield _problem(
                person,
                kind="box without joints",
                field="box",
                found=_box(person),
                expected="one that holds the joints of this person",
            )


def misfits(annotations: Annotations, sizes: Mapping[str, Size]) -> Iterator[Problem]:
    """What does not fit the photographs of these sizes, see `find_misfits`."""
    for person in annotations.people():
        size = sizes.get(person.file)
        if size is not None:
            yield from find_misfits(person, size, annotations.skeleton.keypoints)


def find_misfits(
    person: Person, size: Size, names: tuple[str, ...]
) -> Iterator[Problem]:
    """Joints far outside a photograph of this size, and a box that misses it."""
    low, high = np.array([-0.5, -0.5]), np.array(size) - 0.5
    outside_img = np.maximum(low - person.keypoints_img, person.keypoints_img - high)
    far = (outside_img.max(-1) > FAR_OUTSIDE * max(size)) & (person.visibility > 0)
    for joint in np.flatnonzero(far).tolist():
        yield _problem(
            person,
            kind="joint far outside the photograph",
            found=f"{names[joint]} at {_point(person.keypoints_img[joint])}",
            expected=f"one within the {size[0]}x{size[1]} pixels, or close by",
        )
    reach = person.side_img / 2
    if ((person.center_img + reach < low) | (person.center_img - reach > high)).any():
        yield _problem(
            person,
            kind="box misses the photograph",
            field="box",
            found=_box(person),
            expected=f"one that meets the {size[0]}x{size[1]} pixels",
        )


def look_alikes(annotations: Annotations) -> Iterator[Problem]:
    """Pairs with nearly the same joints in one photograph, or the same in two."""
    together = collections.defaultdict(list)
    copies: dict[tuple[bytes, bytes], Person] = {}
    for person in annotations.people():
        together[person.file].append(person)
        first = copies.setdefault(_joints(person), person)
        if first.file != person.file and _enough(person.visibility > 0):
            yield _problem(
                person,
                kind="same joints in two photographs",
                found=f"the same as {first.where}",
                expected="joints of its own",
            )
    for people in together.values():
        for first, second in itertools.combinations(people, 2):
            apart = _apart(first, second)
            if 0 < apart < NEARLY:
                yield _problem(
                    second,
                    kind="two people with nearly the same joints",
                    found=f"{apart:.3f} sides of the box from {first.where}",
                    expected="one annotation a person",
                )


def _apart(first: Person, second: Person) -> float:
    """Mean distance of the joints that both have, in sides of the smaller box."""
    both = (first.visibility > 0) & (second.visibility > 0)
    if not _enough(both):
        return np.inf
    distances = np.linalg.norm(first.keypoints_img - second.keypoints_img, axis=-1)
    return float(distances[both].mean() / min(first.side_img, second.side_img))


def _enough(joints: Bool[np.ndarray, " k"]) -> bool:
    return bool(joints.sum() >= _IN_COMMON)


def _joints(person: Person) -> tuple[bytes, bytes]:
    return person.keypoints_img.tobytes(), person.visibility.tobytes()


def _problem(
    person: Person, *, kind: str, found: str, expected: str, field: str = "keypoints"
) -> Problem:
    return Problem(
        kind=kind,
        where=f"{person.where} : {field}",
        found=found,
        expected=expected,
        person=person.person,
    )


def _box(person: Person) -> str:
    return f"{person.side_img:.1f} wide around {_point(person.center_img)}"


def _point(point: np.ndarray) -> str:
    return f"({point[0]:.1f}, {point[1]:.1f})"

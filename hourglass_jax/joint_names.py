"""Left and right in the names of keypoints, however they are spelt.

Such as ``left_eye``, ``Left Eye``, ``LEye``, ``eye.L``, ``lefteye``: a side is a word
left, right, l or r, in any case, or left or right at the start of a word. Words end at
whatever is no letter or digit, and before a capital that begins a new one.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from hourglass_jax.errors import InputError

_OPPOSITE = {"left": "right", "right": "left", "l": "r", "r": "l"}
_BETWEEN_WORDS = re.compile(r"([\W_]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]))")
_SHOWN = 5


class JointName(NamedTuple):
    """What a name says: left, right or nothing, and which joint of that side."""

    side: str
    kind: str


def read_name(name: str) -> JointName:
    """What a name says by itself; one that says both sides has none."""
    words = _words(name)
    said = [_side(word) for word in words]
    sides = {side[0] for side in said if side}
    if len(sides) != 1:
        return JointName("", _join(words))
    rest = (word[len(side) :] for word, side in zip(words, said, strict=True))
    return JointName("left" if sides == {"l"} else "right", _join(rest))


def read_names(names: Sequence[str]) -> tuple[JointName, ...]:
    """What each of a skeleton's names says.

    Some say a side only beside their mirror images: ``lsho`` and ``rsho``, ``L1`` and
    ``R1``, ``eyeleft`` and ``eyeright``. By themselves they could be anything.
    """
    spelt = {_words(name) for name in names}
    by_themselves = (read_name(name) for name in names)
    return tuple(
        joint if joint.side else _read_beside(_words(name), spelt) or joint
        for name, joint in zip(names, by_themselves, strict=True)
    )


def find_partners(names: Sequence[str]) -> tuple[int, ...]:
    """For each name the index of its mirror image, itself in the middle.

    Raises:
      InputError: names that say a side have no partner, or more than one.
    """
    found = read_names(names)
    place: dict[JointName, int] = {}
    for i, joint in enumerate(found):
        if joint.side and joint in place:
            raise InputError(
                f"{names[place[joint]]!r} and {names[i]!r} both say {joint.side} "
                f"{joint.kind}; rename one of them, or name the partners in a skeleton "
                "file (swap)"
            )
        place[joint] = i
    partners = [
        place.get(JointName(_OPPOSITE[joint.side], joint.kind)) if joint.side else i
        for i, joint in enumerate(found)
    ]
    alone = [name for name, i in zip(names, partners, strict=True) if i is None]
    if alone:
        raise no_partner(alone)
    return tuple(i for i in partners if i is not None)


def no_partner(alone: Sequence[str]) -> InputError:
    """The error for names that say a side and have no partner."""
    shown = alone[:_SHOWN]
    more = f" and {len(alone) - _SHOWN} more" if len(alone) > _SHOWN else ""
    return InputError(
        f"{', '.join(shown)}{more} {'has' if len(alone) == 1 else 'have'} no partner; "
        f"expected {', '.join(map(_mirror, shown))}{' ...' if more else ''} among the "
        "keypoints, or partners named in a skeleton file (swap); what has no side "
        "should not be called left or right"
    )


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _BETWEEN_WORDS.split(name)[::2])


def _side(word: str) -> str:
    """The start of a lower-case word that says a side; empty where none does."""
    if word in ("l", "r"):
        return word
    return next((side for side in ("left", "right") if word.startswith(side)), "")


def _read_beside(
    words: tuple[str, ...], spelt: set[tuple[str, ...]]
) -> JointName | None:
    for i, word in enumerate(words):
        for side, mirrored, rest in _hidden_sides(word):
            if (*words[:i], mirrored, *words[i + 1 :]) in spelt:
                return JointName(side, _join((*words[:i], rest, *words[i + 1 :])))
    return None


def _hidden_sides(word: str) -> Iterator[tuple[str, str, str]]:
    """(side, mirrored word, rest of the word) wherever a word may say a side."""
    for side in ("left", "right"):
        if word.startswith(side[0]):
            yield side, _OPPOSITE[side[0]] + word[1:], word[1:]
        if word.endswith(side):
            rest = word.removesuffix(side)
            yield side, rest + _OPPOSITE[side], rest


def _mirror(name: str) -> str:
    """The same name with the other side, in the same spelling."""
    parts = _BETWEEN_WORDS.split(name)
    for i in range(0, len(parts), 2):
        if side := _side(parts[i].lower()):
            here, rest = parts[i][: len(side)], parts[i][len(side) :]
            other = _OPPOSITE[side]
            if here.isupper():
                other = other.upper()
            elif here[0].isupper():
                other = other.title()
            parts[i] = other + rest
    return "".join(parts)


def _join(words: Iterable[str]) -> str:
    return " ".join(filter(None, words))

"""Skeletons from files: those of mmpose's `dataset_info`, and COCO's categories."""

import json
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from reprlib import repr as short_repr
from typing import Any

from hourglass_jax.errors import InputError
from hourglass_jax.joint_names import JointName, read_names
from hourglass_jax.progress import console
from hourglass_jax.skeleton import COCO, Colour, Skeleton

_KEYS = {
    *("dataset_name", "keypoint_info", "skeleton_info", "joint_weights", "sigmas"),
    *("groups", "torso", "paper_info", "stats_info"),
}
_KEYPOINT_KEYS = {"name", "id", "color", "type", "swap"}
_LIMB_KEYS = {"link", "id", "color"}
_TORSO = (JointName("left", "shoulder"), JointName("right", "hip"))


def read_skeleton(path: Path) -> Skeleton:
    """Read a JSON or TOML file that has the keys of mmpose's `dataset_info`.

    ``keypoint_info`` numbers the keypoints from 0: ``name``, ``swap`` (the partner's
    name; empty in the middle) and ``color`` (RGB). ``skeleton_info`` numbers the limbs:
    ``link``, two names. ``sigmas``, ``groups`` (label -> names) and ``torso`` (the two
    names whose distance normalises PCK) may be left out, as may ``swap`` and ``color``
    of all keypoints: see `complete`. There is no use here for ``joint_weights``, for
    ``type``, and for the colours of limbs, which take those of their ends.

    Raises:
      InputError: the file cannot be read, or a key is missing, unknown or wrong.
    """
    loaded = _load(path)
    content = _Table(path, "", loaded.get("dataset_info", loaded)).only(_KEYS)
    joints = content.numbered("keypoint_info", _KEYPOINT_KEYS)
    if not joints:
        raise content.refuse("keypoint_info", "at least one keypoint")
    names = [joint.text("name") for joint in joints]
    place = {name: i for i, name in enumerate(names)}
    limbs = content.numbered("skeleton_info", _LIMB_KEYS)
    if len(set(content.numbers("joint_weights", len(names)))) > 1:
        console.print(f"{path}: joint_weights are not used: all keypoints count alike")
    groups = content.table("groups")
    return complete(
        str(path),
        name=content.text("dataset_name") if "dataset_name" in content else path.stem,
        keypoints=names,
        limbs=[limb.pair("link", place) for limb in limbs],
        flip=_partners(joints, place),
        colours=_colours(joints),
        sigmas=content.numbers("sigmas", len(names)),
        groups={label: groups.indices(label, place) for label in groups},
        torso=content.pair("torso", place) if "torso" in content else None,
    )


def category_skeleton(where: str, category: Mapping[str, Any]) -> Skeleton:
    """The skeleton of a COCO category: ``keypoints`` (names), ``skeleton`` (1-based).

    ``where`` is what errors begin with. Raises InputError for names and pairs that
    cannot be meant.
    """
    names = category.get("keypoints")
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise _wrong(f"{where} : keypoints", names, "a list of names")
    pairs = category.get("skeleton") or []
    for pair in pairs if isinstance(pairs, list) else [pairs]:
        if not (
            isinstance(pair, list)
            and len(pair) == 2
            and all(type(i) is int and 1 <= i <= len(names) for i in pair)
        ):
            expected = f"pairs of numbers from 1 to {len(names)}"
            raise _wrong(f"{where} : skeleton", pair, expected)
    name = category.get("name")
    return complete(
        where,
        name=name if isinstance(name, str) and name.strip() else "keypoints",
        keypoints=names,
        limbs=[(a - 1, b - 1) for a, b in pairs],
    )


def complete(
    where: str,
    *,
    name: str,
    keypoints: Sequence[str],
    limbs: Sequence[tuple[int, int]],
    flip: Sequence[int] = (),
    colours: Sequence[Colour] = (),
    sigmas: Sequence[float] = (),
    groups: Mapping[str, tuple[int, ...]] | None = None,
    torso: tuple[int, int] | None = None,
) -> Skeleton:
    """A skeleton from what a file says, with defaults for what it leaves out.

    Where the names are COCO's 17, in any order and spelling, limbs, sigmas and groups
    are COCO's. Else there are no limbs, every sigma is 0, for none is known, and a
    group is a joint with both its sides. The torso runs from left shoulder to right
    hip, if there are such names. Raises InputError that begins with ``where``.
    """
    joints = read_names(keypoints)
    torso_ends = [joints.index(end) for end in _TORSO if end in joints]
    if torso is None and len(torso_ends) == 2:
        torso = (torso_ends[0], torso_ends[1])
    # COCO's index -> ours.
    coco = [joints.index(j) for j in read_names(COCO.keypoints) if j in joints]
    if len(coco) == len(joints) == len(COCO.keypoints):
        limbs = limbs or [(coco[a], coco[b]) for a, b in COCO.limbs]
        sigmas = sigmas or [COCO.sigmas[coco.index(i)] for i in range(len(joints))]
        groups = groups or {
            k: tuple(coco[i] for i in v) for k, v in COCO.groups.items()
        }
    try:
        return Skeleton(
            name=name,
            keypoints=tuple(keypoints),
            limbs=tuple(limbs),
            groups=groups or _by_kind(joints),
            sigmas=tuple(sigmas or [0.0] * len(keypoints)),
            torso=torso,
            flip=tuple(flip),
            colours=tuple(colours),
        )
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


class _Table:
    """A table of a file, which names file and key of what is wrong in it."""

    def __init__(self, path: Path, key: str, content: Any) -> None:
        self.path, self.key, self.content = path, key, content
        if not isinstance(content, dict):
            where = f"{path} : {key}" if key else f"{path}"
            raise _wrong(where, content, "a table of keys and values")

    def __contains__(self, key: str) -> bool:
        return key in self.content

    def __iter__(self) -> Iterator[str]:
        return iter(self.content)

    def refuse(self, key: str, expected: str) -> InputError:
        """The error for the value of a key."""
        found = self.content[key] if key in self.content else _Missing()
        return _wrong(f"{self.path} : {self._full(key)}", found, expected)

    def only(self, known: Collection[str]) -> "_Table":
        """The table itself; refuses keys that would not be read."""
        for key in self.content:
            if key not in known:
                where = f"{self.path} : {self._full(key)}"
                expected = f"one of {', '.join(sorted(known))}"
                raise InputError(f"{where}: an unknown key; expected {expected}")
        return self

    def text(self, key: str) -> str:
        """A string that is not empty."""
        text = self.content.get(key)
        if not isinstance(text, str) or not text:
            raise self.refuse(key, "a text")
        return text

    def numbers(self, key: str, count: int) -> list[float]:
        """A number a keypoint, of which there are ``count``; none where left out."""
        numbers = self.content.get(key) or []
        if numbers and not (
            isinstance(numbers, list)
            and len(numbers) == count
            and all(type(n) in (int, float) and 0 <= n < 1e6 for n in numbers)
        ):
            raise self.refuse(key, f"{count} numbers, 0 or more")
        return [float(n) for n in numbers]

    def indices(self, key: str, place: Mapping[str, int]) -> tuple[int, ...]:
        """Several keypoints, by name."""
        names = self.content.get(key)
        if not isinstance(names, list) or not names:
            raise self.refuse(key, "a list of names of keypoints")
        for name in names:
            if not isinstance(name, str) or name not in place:
                expected = "names in keypoint_info"
                raise _wrong(f"{self.path} : {self._full(key)}", name, expected)
        return tuple(place[name] for name in names)

    def pair(self, key: str, place: Mapping[str, int]) -> tuple[int, int]:
        """Two keypoints, by name."""
        indices = self.indices(key, place)
        if len(set(indices)) != 2 or len(indices) != 2:
            raise self.refuse(key, "two names of keypoints")
        return indices[0], indices[1]

    def table(self, key: str) -> "_Table":
        """A table inside; empty where it is left out."""
        return _Table(self.path, self._full(key), self.content.get(key, {}))

    def numbered(self, key: str, known: Collection[str]) -> list["_Table"]:
        """The tables inside of one whose keys count from 0."""
        numbered = self.table(key)
        counted = [str(i) for i in range(len(numbered.content))]
        if set(numbered.content) != set(counted):
            raise self.refuse(key, "keys that count from 0 without gaps")
        tables = [numbered.table(number).only(known) for number in counted]
        for i, table in enumerate(tables):
            if table.content.get("id", i) != i:
                raise table.refuse("id", f"{i}, as its key says")
        return tables

    def _full(self, key: str) -> str:
        shown = key if key.isprintable() else short_repr(key)
        return f"{self.key}.{shown}" if self.key else shown


class _Missing:
    def __repr__(self) -> str:
        return "missing"


def _partners(joints: Sequence[_Table], place: Mapping[str, int]) -> list[int]:
    """Partners by `swap`; nothing where no keypoint has it."""
    if not any("swap" in joint for joint in joints):
        return []
    partners = []
    for i, joint in enumerate(joints):
        swap = joint.content.get("swap", "")
        if not isinstance(swap, str) or swap not in {"", *place}:
            raise joint.refuse("swap", "the name of another keypoint, or empty")
        partners.append(place[swap] if swap else i)
    return partners


def _colours(joints: Sequence[_Table]) -> list[Colour]:
    """Colours of the keypoints; nothing where no keypoint has one."""
    if not any("color" in joint for joint in joints):
        return []
    for joint in joints:
        colour = joint.content.get("color")
        if not (
            isinstance(colour, list)
            and len(colour) == 3
            and all(type(level) is int and 0 <= level <= 255 for level in colour)
        ):
            raise joint.refuse("color", "red, green and blue in 0..255")
    return [tuple(joint.content["color"]) for joint in joints]


def _by_kind(joints: Sequence[JointName]) -> dict[str, tuple[int, ...]]:
    """A group a joint, of both its sides."""
    groups: dict[str, tuple[int, ...]] = {}
    for i, joint in enumerate(joints):
        label = (joint.kind or "joint").capitalize()
        groups[label] = (*groups.get(label, ()), i)
    return groups


def _load(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"skeleton: {path} cannot be read ({error.strerror}); expected a JSON or "
            "TOML file"
        ) from error
    try:
        toml = path.suffix.lower() == ".toml"
        content = tomllib.loads(data.decode()) if toml else json.loads(data)
    except (ValueError, RecursionError) as error:
        kind = "TOML" if toml else "JSON"
        raise InputError(
            f"skeleton: {path} is not {kind} ({error}); expected JSON, or TOML in a "
            "file that ends in .toml"
        ) from error
    if not isinstance(content, dict):
        raise _wrong(str(path), content, "a table of keys and values")
    return content


def _wrong(where: str, found: object, expected: str) -> InputError:
    return InputError(f"{where}: {short_repr(found)}; expected {expected}")

"""Data sets with different keypoints, learnt from together: matched by name."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hourglass_jax.data.records import Dataset, Records
from hourglass_jax.data.schema import Record
from hourglass_jax.errors import InputError
from hourglass_jax.joint_names import read_names
from hourglass_jax.progress import console
from hourglass_jax.skeleton import SKELETONS, Skeleton
from hourglass_jax.skeleton_files import read_skeleton

Names = Sequence[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class MappedRecords:
    """Records with the keypoints of another skeleton.

    Attributes:
      records: as they were prepared.
      places: for each keypoint of the other skeleton its index in the records, or -1
        where they do not have it: there the keypoint is absent.
    """

    records: Records
    places: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Record:
        """The record, with other keypoints."""
        record = dict(self.records[index])
        places = np.array(self.places)
        there = places >= 0
        record["visibility"] = record["visibility"][places] * there.astype(np.uint8)
        points = record["keypoints_img"][places]
        record["keypoints_img"] = points * there[:, None].astype(np.float32)
        return record


def choose_skeleton(keypoints: str, skeletons: Sequence[Skeleton]) -> Skeleton:
    """What a network learns: see `DataConfig.keypoints`.

    Raises:
      InputError: neither first, union, a skeleton's name nor a skeleton file.
    """
    if keypoints == "first":
        return skeletons[0]
    if keypoints == "union":
        return unite(skeletons)
    if keypoints in SKELETONS:
        return SKELETONS[keypoints]
    if not Path(keypoints).suffix:
        raise InputError(
            f"config: data.keypoints is {keypoints!r}; expected first, union, one of "
            f"{', '.join(SKELETONS)}, or a skeleton file (.json or .toml)"
        )
    return read_skeleton(Path(keypoints))


def unite(skeletons: Sequence[Skeleton]) -> Skeleton:
    """The keypoints of the first, then those that the others have besides."""
    united = skeletons[0]
    for other in skeletons[1:]:
        united = _join(united, other)
    return united


def _join(first: Skeleton, second: Skeleton) -> Skeleton:
    known = read_names(first.keypoints)
    added = [i for i, n in enumerate(read_names(second.keypoints)) if n not in known]
    # Where each keypoint of the second is among all.
    place = {i: len(known) + n for n, i in enumerate(added)} | {
        i: known.index(n)
        for i, n in enumerate(read_names(second.keypoints))
        if n in known
    }
    limbs = [(place[a], place[b]) for a, b in second.limbs]
    groups = {label: list(indices) for label, indices in first.groups.items()}
    for label, indices in second.groups.items():
        mine = groups.setdefault(label, [])
        mine += [place[i] for i in indices if place[i] not in mine]
    return Skeleton(
        name=f"{first.name}+{second.name}",
        keypoints=(*first.keypoints, *(second.keypoints[i] for i in added)),
        # Sets draw the same body along other lines: the first one's are enough.
        limbs=(*first.limbs, *(limb for limb in limbs if max(limb) >= len(known))),
        groups={label: tuple(indices) for label, indices in groups.items()},
        sigmas=(*first.sigmas, *(second.sigmas[i] for i in added)),
        torso=first.torso,
        flip=(*first.flip, *(place[second.flip[i]] for i in added)),
        colours=(*first.colours, *(second.colours[i] for i in added)),
    )


def map_dataset(dataset: Dataset, skeleton: Skeleton, rename: Names = ()) -> Dataset:
    """The data set with the keypoints of ``skeleton``.

    Keypoints are the same whose names say the same (``r_ankle`` and ``Right Ankle``),
    or that ``rename`` pairs: (name in ``skeleton``, name in the data set). What the
    data set does not have is absent; what ``skeleton`` does not have is said.

    Raises:
      InputError: a name in ``rename`` does not exist, or nothing matches.
    """
    if skeleton == dataset.skeleton and not rename:
        return dataset
    places = match(dataset.skeleton, skeleton, rename)
    left_out = [n for i, n in enumerate(dataset.skeleton.keypoints) if i not in places]
    if left_out:
        console.print(
            f"{dataset.name}: {', '.join(left_out)} left out: not among the "
            f"keypoints of {skeleton.name}"
        )
    return dataclasses.replace(
        dataset,
        skeleton=skeleton,
        splits={
            name: MappedRecords(records, places)
            for name, records in dataset.splits.items()
        },
    )


def match(source: Skeleton, target: Skeleton, rename: Names = ()) -> tuple[int, ...]:
    """For each keypoint of ``target`` its index in ``source``, or -1."""
    renamed = dict(rename)
    for name, known in ((n, target) for n in renamed):
        _expect(name, known)
    for name in renamed.values():
        _expect(name, source)
    place = {name: i for i, name in enumerate(read_names(source.keypoints))}
    exact = {name: i for i, name in enumerate(source.keypoints)}
    places = tuple(
        exact[renamed[name]] if name in renamed else place.get(said, -1)
        for name, said in zip(
            target.keypoints, read_names(target.keypoints), strict=True
        )
    )
    if max(places) < 0:
        raise InputError(
            f"{source.name} and {target.name} have no keypoint in common "
            f"({', '.join(source.keypoints[:3])} ...; "
            f"{', '.join(target.keypoints[:3])} ...); pair them in data.rename"
        )
    return places


def _expect(name: str, skeleton: Skeleton) -> None:
    if name not in skeleton.keypoints:
        raise InputError(
            f"config: data.rename names {name!r}; expected one of {skeleton.name}'s "
            f"{', '.join(skeleton.keypoints)}"
        )

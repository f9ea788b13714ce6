"""What the keypoints are: names, left/right partners, limbs, and how to report them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from hourglass_jax.errors import InputError

Colour = tuple[int, int, int]

# Limbs and joints are coloured by side: the picture shows left/right errors at once.
LEFT: Colour = (0, 158, 115)
RIGHT: Colour = (213, 94, 0)
MIDDLE: Colour = (86, 180, 233)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Skeleton:
    """The keypoints of one kind of annotation.

    Attributes:
      name: short name, such as ``mpii``.
      keypoints: the K names in the order of the heatmaps. A name that starts with
        ``left_`` or ``l_`` (``right_``, ``r_``) must have its partner among them.
      limbs: pairs of keypoint indices to draw a line between.
      groups: columns of result tables: label -> keypoint indices, in the field's order.
      sigmas: K object-keypoint-similarity constants (0 where none is published).
      torso: the two keypoints whose distance normalises PCK, or None.
    """

    name: str
    keypoints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    groups: Mapping[str, tuple[int, ...]]
    sigmas: tuple[float, ...]
    torso: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Raise InputError for a missing partner or an index that does not exist."""
        _ = self.flip
        count = len(self.keypoints)
        used = [i for pair in self.limbs for i in pair]
        used += [i for group in self.groups.values() for i in group]
        used += list(self.torso or ())
        if any(not 0 <= i < count for i in used):
            raise InputError(f"skeleton {self.name}: an index is not in 0..{count - 1}")
        if len(self.sigmas) != count:
            raise InputError(
                f"skeleton {self.name}: {len(self.sigmas)} sigmas, expected {count}"
            )

    @property
    def flip(self) -> tuple[int, ...]:
        """For each keypoint, the index of its mirror image (itself in the middle)."""
        return tuple(self._partner(name) for name in self.keypoints)

    @property
    def colours(self) -> tuple[Colour, ...]:
        """An RGB colour a keypoint, by side."""
        return tuple(_colour(name) for name in self.keypoints)

    def _partner(self, name: str) -> int:
        mirrored = _mirror(name)
        if mirrored not in self.keypoints:
            raise InputError(
                f"skeleton {self.name}: {name} has no partner; expected {mirrored} "
                "among the keypoints"
            )
        return self.keypoints.index(mirrored)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary; `from_dict` reads it back."""
        return dataclasses.asdict(self) | {"groups": dict(self.groups)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Skeleton":
        """Rebuild a skeleton from `to_dict`; raises InputError for anything else."""
        try:
            return cls(
                name=fields["name"],
                keypoints=tuple(fields["keypoints"]),
                limbs=tuple((int(a), int(b)) for a, b in fields["limbs"]),
                groups={k: tuple(map(int, v)) for k, v in fields["groups"].items()},
                sigmas=tuple(map(float, fields["sigmas"])),
                torso=fields["torso"] and (fields["torso"][0], fields["torso"][1]),
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise InputError(f"skeleton: {error!r} while reading its fields") from error


_SIDES = {"left_": "right_", "right_": "left_", "l_": "r_", "r_": "l_"}


def _mirror(name: str) -> str:
    for side, other in _SIDES.items():
        if name.startswith(side):
            return other + name.removeprefix(side)
    return name


def _colour(name: str) -> Colour:
    if name.startswith(("l_", "left_")):
        return LEFT
    return RIGHT if name.startswith(("r_", "right_")) else MIDDLE


# Columns in the order of the MPII table; pelvis and thorax count in the mean over all
# sixteen only. Sigmas are those that mmpose gives for MPII.
MPII = Skeleton(
    name="mpii",
    keypoints=(
        *("r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle"),
        *("pelvis", "thorax", "upper_neck", "head_top"),
        *("r_wrist", "r_elbow", "r_shoulder", "l_shoulder", "l_elbow", "l_wrist"),
    ),
    limbs=(
        *((0, 1), (1, 2), (2, 6), (6, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 9)),
        *((10, 11), (11, 12), (12, 7), (7, 13), (13, 14), (14, 15)),
    ),
    groups={
        "Head": (9, 8),
        "Shoulder": (12, 13),
        "Elbow": (11, 14),
        "Wrist": (10, 15),
        "Hip": (2, 3),
        "Knee": (1, 4),
        "Ankle": (0, 5),
    },
    sigmas=(
        *(0.089, 0.083, 0.107, 0.107, 0.083, 0.089, 0.026, 0.026),
        *(0.026, 0.026, 0.062, 0.072, 0.179, 0.179, 0.072, 0.062),
    ),
    torso=(13, 2),
)

# Leeds Sports Pose (Johnson and Everingham 2010); sigmas by analogy with COCO.
LSP = Skeleton(
    name="lsp",
    keypoints=(
        *("r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle"),
        *("r_wrist", "r_elbow", "r_shoulder", "l_shoulder", "l_elbow", "l_wrist"),
        *("neck", "head_top"),
    ),
    limbs=(
        *((0, 1), (1, 2), (2, 12), (12, 3), (3, 4), (4, 5), (12, 13)),
        *((6, 7), (7, 8), (8, 12), (12, 9), (9, 10), (10, 11)),
    ),
    groups={
        "Head": (13, 12),
        "Shoulder": (8, 9),
        "Elbow": (7, 10),
        "Wrist": (6, 11),
        "Hip": (2, 3),
        "Knee": (1, 4),
        "Ankle": (0, 5),
    },
    sigmas=(
        *(0.089, 0.087, 0.107, 0.107, 0.087, 0.089),
        *(0.062, 0.072, 0.079, 0.079, 0.072, 0.062, 0.026, 0.026),
    ),
    torso=(9, 2),
)

# Sigmas and limbs are those of the COCO keypoint task.
COCO = Skeleton(
    name="coco",
    keypoints=(
        *("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
        *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow"),
        *("left_wrist", "right_wrist", "left_hip", "right_hip"),
        *("left_knee", "right_knee", "left_ankle", "right_ankle"),
    ),
    limbs=(
        *((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6)),
        *((5, 7), (6, 8), (7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4)),
        *((3, 5), (4, 6)),
    ),
    groups={
        "Head": (0, 1, 2, 3, 4),
        "Shoulder": (5, 6),
        "Elbow": (7, 8),
        "Wrist": (9, 10),
        "Hip": (11, 12),
        "Knee": (13, 14),
        "Ankle": (15, 16),
    },
    sigmas=(
        *(0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072),
        *(0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
    ),
    torso=(5, 12),
)

SKELETONS = {skeleton.name: skeleton for skeleton in (MPII, LSP, COCO)}

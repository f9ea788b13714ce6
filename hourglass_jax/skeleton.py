"""What the keypoints are: names, left/right partners, limbs, and how to report them."""

import collections
import dataclasses
from collections.abc import Mapping
from reprlib import repr as short_repr
from typing import Any

from hourglass_jax.errors import InputError
from hourglass_jax.joint_names import find_partners, no_partner, read_name, read_names

Colour = tuple[int, int, int]

# Limbs and joints are coloured by side: the picture shows left/right errors at once.
LEFT: Colour = (0, 158, 115)
RIGHT: Colour = (213, 94, 0)
MIDDLE: Colour = (86, 180, 233)
_BY_SIDE = {"left": LEFT, "right": RIGHT, "": MIDDLE}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Skeleton:
    """The keypoints of one kind of annotation.

    Attributes:
      name: short name, such as ``mpii``.
      keypoints: the K names in the order of the heatmaps.
      limbs: pairs of keypoint indices to draw a line between.
      groups: columns of result tables: label -> keypoint indices, in the field's order.
      sigmas: K object-keypoint-similarity constants (0 where none is published).
      torso: the two keypoints whose distance normalises PCK, or None.
      flip: for each keypoint, the index of its mirror image (itself in the middle);
        where it is left out, the names say left and right, see `joint_names`.
      colours: an RGB colour a keypoint; by side where they are left out.
    """

    name: str
    keypoints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    groups: Mapping[str, tuple[int, ...]]
    sigmas: tuple[float, ...]
    torso: tuple[int, int] | None = None
    flip: tuple[int, ...] = ()
    colours: tuple[Colour, ...] = ()

    def __post_init__(self) -> None:
        """Fill in what was left out; raise InputError for what does not fit."""
        try:
            self._check_names()
            if not self.flip:
                object.__setattr__(self, "flip", find_partners(self.keypoints))
            if not self.colours:
                sides = (_BY_SIDE[joint.side] for joint in read_names(self.keypoints))
                object.__setattr__(self, "colours", tuple(sides))
            self._check_sizes()
            self._check_partners()
        except InputError as error:
            raise InputError(f"skeleton {short_repr(self.name)}: {error}") from error

    def _check_names(self) -> None:
        for name in (self.name, *self.keypoints):
            if not (isinstance(name, str) and name.strip() and name.isprintable()):
                raise InputError(f"{name!r} is no name; expected printable letters")
        for name, count in collections.Counter(self.keypoints).items():
            if count > 1:
                raise InputError(f"{count} keypoints are called {name}; expected one")

    def _check_sizes(self) -> None:
        count = len(self.keypoints)
        for field in ("sigmas", "flip", "colours"):
            found = len(getattr(self, field))
            if found != count:
                raise InputError(f"{found} {field}, expected {count}")
        used = [i for pair in self.limbs for i in pair]
        used += [i for group in self.groups.values() for i in group]
        used += [*self.flip, *(self.torso or ())]
        if any(not 0 <= i < count for i in used):
            raise InputError(f"an index is not in 0..{count - 1}")
        if any(not 0 <= level <= 255 for colour in self.colours for level in colour):
            raise InputError("a colour is not in 0..255")

    def _check_partners(self) -> None:
        sides = [read_name(name).side for name in self.keypoints]
        for i, partner in enumerate(self.flip):
            name, other = self.keypoints[i], self.keypoints[partner]
            if self.flip[partner] != i:
                third = self.keypoints[self.flip[partner]]
                raise InputError(
                    f"{other} is the partner of {name}, but {third} that of {other}; "
                    "expected partners of each other"
                )
            if i != partner and sides[i] and sides[i] == sides[partner]:
                raise InputError(
                    f"{name} and {other} are partners and both {sides[i]}; "
                    "expected a left and a right one"
                )
        alone = [self.keypoints[i] for i, j in enumerate(self.flip) if i == j]
        if sided := [name for name in alone if read_name(name).side]:
            raise no_partner(sided)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary; `from_dict` reads it back."""
        return dataclasses.asdict(self) | {"groups": dict(self.groups)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Skeleton":
        """Rebuild a skeleton from `to_dict`; raises InputError for anything else.

        The first files have neither partners nor colours: their names say them.
        """
        try:
            return cls(
                name=fields["name"],
                keypoints=tuple(fields["keypoints"]),
                limbs=tuple((int(a), int(b)) for a, b in fields["limbs"]),
                groups={k: tuple(map(int, v)) for k, v in fields["groups"].items()},
                sigmas=tuple(map(float, fields["sigmas"])),
                torso=fields["torso"] and (fields["torso"][0], fields["torso"][1]),
                flip=tuple(map(int, fields.get("flip", ()))),
                colours=tuple(
                    (int(red), int(green), int(blue))
                    for red, green, blue in fields.get("colours", ())
                ),
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise InputError(f"skeleton: {error!r} while reading its fields") from error


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

# Leeds Sports Pose (Johnson and Everingham 2010). Sigmas are COCO's; those of neck and
# head_top are CrowdPose's, which labels the same fourteen joints.
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
        *(0.062, 0.072, 0.079, 0.079, 0.072, 0.062, 0.079, 0.079),
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

# Frames Labeled In Cinema (Sapp and Taskar 2013); sigmas by analogy with COCO. Sides
# are the picture's: left is what lies further right in it, as on somebody who faces the
# camera, whichever way a person looks.
FLIC = Skeleton(
    name="flic",
    keypoints=(
        *("l_shoulder", "l_elbow", "l_wrist", "r_shoulder", "r_elbow", "r_wrist"),
        *("l_hip", "r_hip", "l_eye", "r_eye", "nose"),
    ),
    limbs=(
        *((0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (0, 6), (3, 7), (6, 7)),
        *((8, 10), (9, 10)),
    ),
    groups={
        "Head": (8, 9, 10),
        "Shoulder": (0, 3),
        "Elbow": (1, 4),
        "Wrist": (2, 5),
        "Hip": (6, 7),
    },
    sigmas=(
        *(0.079, 0.072, 0.062, 0.079, 0.072, 0.062),
        *(0.107, 0.107, 0.025, 0.025, 0.026),
    ),
    torso=(3, 6),
)

SKELETONS = {skeleton.name: skeleton for skeleton in (MPII, LSP, COCO, FLIC)}

"""The 68 points of a face that the iBUG annotation numbers (Sagonas et al. 2013)."""

from hourglass_jax.skeleton import Skeleton

# Name, how many points, and whether the last is joined to the first. The points of a
# part run from the person's right to the left; eyes and lips run around.
_PARTS = (
    ("jaw", 17, False),
    ("right_brow", 5, False),
    ("left_brow", 5, False),
    ("nose_bridge", 4, False),
    ("nostril", 5, False),
    ("right_eye", 6, True),
    ("left_eye", 6, True),
    ("outer_lip", 12, True),
    ("inner_lip", 8, True),
)

# Mirror images within and between parts: index of the first point, and its partners.
_MIRRORED = {
    0: range(16, -1, -1),
    17: range(26, 16, -1),
    27: range(27, 31),
    31: range(35, 30, -1),
    36: (45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    48: (*range(54, 47, -1), *range(59, 54, -1)),
    60: (*range(64, 59, -1), *range(67, 64, -1)),
}


def _limbs() -> list[tuple[int, int]]:
    limbs, start = [], 0
    for _, count, closed in _PARTS:
        limbs += [(i, i + 1) for i in range(start, start + count - 1)]
        limbs += [(start + count - 1, start)] * closed
        start += count
    return limbs


FACE = Skeleton(
    name="face68",
    keypoints=tuple(
        f"{part}_{i}" for part, count, _ in _PARTS for i in range(1, count + 1)
    ),
    limbs=tuple(_limbs()),
    groups={},
    sigmas=(0.0,) * 68,
    flip=tuple(i for start in sorted(_MIRRORED) for i in _MIRRORED[start]),
)

"""The parts a figure is drawn of, and which of them meet in each joint."""

_LIMBS = ("upper_arm", "forearm", "hand", "thigh", "shank", "foot")
_TRUNK = ("abdomen", "chest", "neck", "head", "hair", "skirt", "pack", "object")

PARTS = {
    name: number
    for number, name in enumerate(
        (*_TRUNK, *(f"{side}_{limb}" for side in "rl" for limb in _LIMBS))
    )
}

# For each joint: the parts that meet in it, and how far (in body heights) their
# surface may lie in front of it with the joint still counted as seen. A hip on the far
# side of the belly belongs to the belly, and is hidden nevertheless.
_SIDED = {
    "ankle": (("shank", "foot"), 0.08),
    "knee": (("thigh", "shank", "skirt"), 0.1),
    "hip": (("thigh", "abdomen", "skirt"), 0.125),
    "wrist": (("forearm", "hand"), 0.08),
    "elbow": (("upper_arm", "forearm"), 0.08),
    "shoulder": (("upper_arm", "chest"), 0.1),
}
_CENTRAL = {
    "pelvis": (("abdomen", "skirt", "r_thigh", "l_thigh"), 0.15),
    "thorax": (("chest", "neck", "hair"), 0.12),
    "upper_neck": (("neck", "head", "hair"), 0.16),
    "head_top": (("head", "hair"), 0.2),
}


def _meeting() -> dict[str, tuple[frozenset[int], float]]:
    table = {}
    for joint, (names, reach) in _CENTRAL.items():
        table[joint] = (frozenset(PARTS[name] for name in names), reach)
    for side in "rl":
        for joint, (names, reach) in _SIDED.items():
            own = (n if n in PARTS else f"{side}_{n}" for n in names)
            table[f"{side}_{joint}"] = (frozenset(PARTS[n] for n in own), reach)
    return table


MEETING = _meeting()
"""Joint name -> (parts that meet there, reach in body heights)."""

SKIRT = 0.055
"""A skirt stands off from the body by this much; what is under it counts as seen."""

CLOSE = 0.02
"""Any surface less than this in front of a joint, in body heights, does not hide it."""

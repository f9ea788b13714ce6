"""How figures look: skin, hair, clothes and their fabrics, in curated colours."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hourglass_jax.data.figure_canvas import limit
from hourglass_jax.data.figure_pose import Number, draw_colour, near, pick

Colour = NDArray[np.floating]
Plane = NDArray[np.floating]

_SKINS = "ffdfc4 f0d5be eac0a0 e0ac86 d09c72 c68642 a9714b 8d5524 6b4226 4a2c1a"
_HAIRS = "16120f 2b1d14 3d2817 5a3a22 7b4f2a a0703c c9a15a e3c98b 8f3b1b 8a8580 d8d4cf"
_CLOTHES = (
    "f4f1ea e9e4d8 1d1f23 33373d 6c7078 b8bcc0 1f3a5f 2d6cb3 5aa0d8 9cc9e8 14524b "
    "2e8b6f 7fb069 c6d86e f2c14e f28f3b d1495b a8283a 7b2d43 e8a0a8 8e6fae 503a70 "
    "c8a27a 8a6a4a 5b4636 dd6e42 3c6e71 f7e3af"
)
_TROUSERS = (
    "1d1f23 2b2f36 23364f 3a5a84 5d7fa6 6c7078 9a9c9e c3b091 8a7a5c 5b4636 3b4a3a "
    "7b2d43 e9e4d8 14524b 503a70"
)
_SHOES = "1a1a1c f2f0ec 5a3b24 9a3030 2d5fa8 e0b23a 6c7078 3f7f5f"

FABRICS = ("plain", "plain", "plain", "hoops", "stripes", "check", "dots")
HAIRCUTS = (
    *("short", "short", "short", "shaved", "curly", "bob", "bob", "long", "long"),
    *("ponytail", "ponytail", "bun", "cap", "beanie"),
)
FRONTS = ("nothing", "print", "print", "number", "zip", "jacket", "tie", "buttons")


class Fabric(NamedTuple):
    """A cloth: two colours and how they are woven; `period` in body heights."""

    weave: str
    first: Colour
    second: Colour
    period: float

    def paint(self, up: Plane, across: Plane, unit: float) -> Colour:
        """Colour where `up` is a height in body heights, `across` -1..1 sideways."""
        if self.weave == "plain":
            return self.first
        edge = self.period * unit / 3
        hoop = np.sin(up * np.float32(2 * np.pi / self.period))
        stripe = np.sin(across * np.float32(0.55 / self.period))
        wave = {
            "hoops": hoop,
            "stripes": stripe,
            "check": hoop * stripe,
            "dots": hoop * stripe - 0.45,
        }[self.weave]
        return blend(self.first, self.second, limit(wave * edge + 0.5))


class Look(NamedTuple):
    """A person's outside. Lengths run from 0 (none) over 1 (elbow, knee) to 2."""

    skin: Colour
    hair: Colour
    haircut: str
    hairline: float
    beard: float
    glasses: bool
    top: Fabric
    bottom: Fabric
    shoes: Colour
    accent: Colour
    front: str
    sleeve: float
    leg: float
    skirt: float
    hem: float
    loose: float
    curvy: float
    pack: bool


def blend(first: Colour, second: Colour, weight: Plane) -> Colour:
    """Mix two colours by a plane of weights (0 first, 1 second): [3, h, w]."""
    return first + weight * (second - first)


def draw_look(rng: Generator) -> Look:
    """Dress a person."""
    skin = _colour(rng, _SKINS, 8)
    top = _fabric(rng, _CLOTHES, 0.6)
    if np.abs(top.first - skin).sum() < 110:  # not to look undressed
        top = top._replace(first=skin * np.float32(0.4))
    bottom = _fabric(rng, _TROUSERS, 0.12)
    accent = _colour(rng, _CLOTHES)
    if np.abs(top.first - bottom.first).sum() < 90:
        bottom = bottom._replace(first=(top.first * 0.45 + 8).astype(np.float32))
    skirt = rng.uniform(0.35, 0.95) if rng.random() < 0.18 else 0.0
    if skirt and rng.random() < 0.5:
        bottom = top
    haircut = pick(rng, HAIRCUTS)
    beardless = haircut in ("bob", "long", "ponytail", "bun") or skirt > 0
    return Look(
        skin=skin,
        hair=_colour(rng, _HAIRS, 8),
        haircut=haircut,
        hairline=near(rng, 0.5, 0.16),
        beard=0.0 if beardless or rng.random() < 0.6 else rng.uniform(0.4, 0.95),
        glasses=rng.random() < 0.16,
        top=top,
        bottom=bottom,
        shoes=_colour(rng, _SHOES),
        accent=accent,
        front=pick(rng, FRONTS),
        sleeve=pick(rng, (0.0, 0.4, 0.55, 0.55, 0.8, 1.4, 2.0, 2.0, 2.0)),
        leg=pick(rng, (0.35, 0.55, 0.8, 1.3, 2.0, 2.0, 2.0, 2.0)) if not skirt else 0.0,
        skirt=skirt,
        hem=pick(rng, (0.12, 0.3, 0.62)),
        loose=rng.uniform(1.05, 1.3),
        curvy=rng.random(),
        pack=rng.random() < 0.1,
    )


def _fabric(rng: Generator, codes: str, patterned: float) -> Fabric:
    weave = pick(rng, FABRICS) if rng.random() < patterned else "plain"
    first, second = _colour(rng, codes), _colour(rng, codes)
    return Fabric(weave, first, second, rng.uniform(0.03, 0.075))


def _colour(rng: Generator, codes: str, spread: Number = 14) -> Colour:
    return draw_colour(rng, codes, spread).astype(np.float32)[:, None, None]

"""Heads: a face on the front, hair on the back."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from hourglass_jax.data.figure_canvas import (
    Ellipsoid,
    Shader,
    Surface,
    Tube,
    limit,
    plain,
)
from hourglass_jax.data.figure_looks import Colour, Look, blend
from hourglass_jax.data.figure_parts import PARTS
from hourglass_jax.data.figure_pose import Build, Number, View

Plane = NDArray[np.floating]
Vector = NDArray[np.float64]
Edge = Callable[[Surface], Plane]

_SKULL = np.array([0.37, 0.5, 0.43])
"""Half axes of a head (left, up, forward) in head heights."""


def head_shapes(view: View, build: Build, look: Look) -> Iterator[Tube | Ellipsoid]:
    """Skull with its face, nose, ears and hair or hat."""
    axes, centre = view.axes["head"], view.points["head"]
    half = _SKULL * build.head * view.scales["head"]
    face = _face(look, float(half[0]))
    yield Ellipsoid(PARTS["head"], centre, half, axes, face, jaw=0.3)

    def at(left: Number, up: Number, forward: Number) -> Vector:
        return centre + axes @ (half * [left, up, forward])

    def bit(part: str, start: Vector, end: Vector, radii: Vector, c: Colour) -> Tube:
        return Tube(PARTS[part], start, end, tuple(radii * half[0]), plain(c))

    skin = look.skin
    nose = np.array([0.11, 0.17])
    yield bit("head", at(0, 0.05, 0.93), at(0, -0.2, 1.1), nose, skin * np.float32(1))
    for side in (-1, 1):
        ear = at(side * 0.98, 0.08, -0.05), at(side * 0.93, -0.18, -0.02)
        yield bit("head", *ear, np.array([0.2, 0.13]), skin * np.float32(0.93))
    yield from _hair(look, centre, half, axes)
    tails = {
        "ponytail": (at(0, 0.45, -1.0), at(0, -1.3, -1.25), [0.28, 0.5, 0.35, 0.1]),
        "bun": (at(0, 0.75, -0.75), at(0, 0.85, -0.95), [0.48, 0.48]),
        "bob": (at(0, 0.2, -0.4), at(0, -0.95, -0.45), [1.1, 1.2, 1.1]),
        "long": (at(0, 0.2, -0.4), _shoulders(view, half), [1.1, 1.2, 1.3, 0.8]),
    }
    if look.haircut in tails:
        start, end, radii = tails[look.haircut]
        yield bit("hair", start, end, np.array(radii), look.hair)


def head_box(view: View, build: Build) -> Vector:
    """x0 y0 x1 y1 around the skull, hair and hats aside."""
    scaled = view.axes["head"] * (_SKULL * build.head * view.scales["head"])
    reach = np.sqrt((scaled**2).sum(1))[:2]
    centre = view.points["head"][:2]
    return np.concatenate([centre - reach, centre + reach])


def _shoulders(view: View, half: Vector) -> Vector:
    """Where long hair ends: on the upper back."""
    chest = view.axes["chest"]
    return view.points["thorax"] - chest[:, 2] * 1.3 * half[2] - chest[:, 1] * half[1]


def _hair(
    look: Look, centre: Vector, half: Vector, axes: Vector
) -> Iterator[Ellipsoid]:
    """A shell over the skull: hair, a cap with a peak, or a woollen hat."""
    if look.haircut in ("cap", "beanie"):
        hat = _shell(look.accent, lambda s: s.normal[1] - 0.2, half[0])
        yield Ellipsoid(PARTS["hair"], centre, half * 1.14, axes, hat, 0.0)
        back = _shell(look.hair, _hair_edge(0.3, 0.62), half[0])
        yield Ellipsoid(PARTS["hair"], centre, half * 1.05, axes, back, 0.3)
        if look.haircut == "cap":
            peak = centre + axes @ (half * [0, 0.3, 0.95])
            size = half * [0.85, 0.12, 0.75]
            cloth = plain(look.accent * np.float32(0.8))
            yield Ellipsoid(PARTS["hair"], peak, size, axes, cloth)
        return
    thick = {"shaved": 1.01, "short": 1.08, "curly": 1.24}.get(look.haircut, 1.12)
    drop = 0.75 if look.haircut in ("bob", "long", "curly") else 0.58
    shader = _shell(look.hair, _hair_edge(look.hairline, drop), half[0])
    lift = centre + axes @ (half * [0, 0.03, -0.03])
    yield Ellipsoid(PARTS["hair"], lift, half * thick, axes, shader, 0.2)


def _hair_edge(line: float, drop: float) -> Edge:
    """Hair grows over a line that falls from the forehead to the nape."""
    return lambda s: s.normal[1] - line + drop * (1 - s.normal[2])


def _shell(colour: Colour, edge: Edge, pixels: float) -> Shader:
    def shader(surface: Surface) -> Colour:
        alpha = limit(edge(surface) * pixels + 0.5)
        rgb = np.broadcast_to(colour, (3, *alpha.shape))
        return np.concatenate([rgb, alpha[None]]).astype(np.float32)

    return shader


def _face(look: Look, pixels: float) -> Shader:
    """Eyes, brows, mouth, beard and glasses, on the front half."""
    dark = look.skin * np.float32(0.25)
    lips = look.skin * np.array([0.78, 0.5, 0.5], np.float32)[:, None, None]
    white = np.array([246, 244, 240], np.float32)[:, None, None]
    brow = look.hair * np.float32(0.6)

    def shader(surface: Surface) -> Colour:
        left, up, ahead = surface.normal
        front = limit(ahead * 6)
        colour: Colour = look.skin

        def paint(inside: Plane, over: Colour) -> None:
            nonlocal colour
            weight = limit(inside * pixels + 0.5) * front
            colour = blend(colour, over, weight)

        side = np.abs(left)
        if look.beard:
            paint(-0.2 - up - 0.5 * (1 - look.beard), look.hair)
        paint(0.13 - np.hypot(side - 0.38, (up - 0.06) * 1.2), white)
        paint(0.08 - np.hypot(side - 0.38, up - 0.06), dark)
        arch = np.abs(up - 0.3 + 0.6 * (side - 0.36) ** 2)
        paint(np.minimum(0.04 - arch, 0.19 - np.abs(side - 0.4)), brow)
        smile = np.abs(up + 0.56 - 0.9 * side * side)
        paint(np.minimum(0.055 - smile, 0.28 - side), lips)
        if look.glasses:
            ring = np.abs(np.hypot(side - 0.38, up - 0.06) - 0.26)
            paint(0.028 - ring, dark)
        return colour

    return shader

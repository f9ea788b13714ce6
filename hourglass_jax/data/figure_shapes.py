"""From a seen body and its clothes to the tubes and ellipsoids that draw it."""

from collections.abc import Iterator

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
from hourglass_jax.data.figure_head import head_shapes
from hourglass_jax.data.figure_looks import Colour, Fabric, Look, blend
from hourglass_jax.data.figure_parts import PARTS
from hourglass_jax.data.figure_pose import Build, View

Plane = NDArray[np.floating]
Vector = NDArray[np.float64]
Shape = Tube | Ellipsoid

# Radii in body heights of a person of girth 1: Bezier control values, start to end.
_UPPER_ARM = (0.031, 0.034, 0.028, 0.024)
_FOREARM = (0.025, 0.031, 0.018, 0.016)
_THIGH = (0.049, 0.06, 0.046, 0.035)
_SHANK = (0.034, 0.048, 0.024, 0.02)
_FOOT = (0.021, 0.023, 0.021, 0.015)
_HAND = (0.015, 0.027, 0.023, 0.012)
_THORAX_DEPTH = 0.64


def figure_shapes(view: View, build: Build, look: Look) -> list[Shape]:
    """Everything of a person that is drawn, in no particular order."""
    shapes: list[Shape] = [*_trunk(view, build, look), *head_shapes(view, build, look)]
    for side in ("r", "l"):
        shapes += _arm(view, build, look, side)
        shapes += _leg(view, build, look, side)
    return shapes


def _arm(view: View, build: Build, look: Look, side: str) -> Iterator[Shape]:
    girth = 0.45 + 0.55 * build.girth
    for k, (name, start, end, outline) in enumerate(
        (
            ("upper_arm", "shoulder", "elbow", _UPPER_ARM),
            ("forearm", "elbow", "wrist", _FOREARM),
        )
    ):
        part, span = PARTS[f"{side}_{name}"], (f"{side}_{start}", f"{side}_{end}")
        radii = tuple(girth * r for r in outline)
        yield from _limb(view, part, span, radii, look, look.top, look.sleeve - k)
    skin = plain(look.skin)
    part, span = PARTS[f"{side}_hand"], (f"{side}_wrist", f"{side}_hand")
    yield _tube(view, part, span, _HAND, skin, deep=0.6)
    yield _tube(view, part, (span[0], f"{side}_thumb"), (0.012, 0.008), skin)


def _leg(view: View, build: Build, look: Look, side: str) -> Iterator[Shape]:
    girth = 0.3 + 0.7 * build.girth
    for k, (name, start, end, outline) in enumerate(
        (("thigh", "hip", "knee", _THIGH), ("shank", "knee", "ankle", _SHANK))
    ):
        part, span = PARTS[f"{side}_{name}"], (f"{side}_{start}", f"{side}_{end}")
        radii = tuple(girth * r for r in outline)
        yield from _limb(view, part, span, radii, look, look.bottom, look.leg - k)
    part, span = PARTS[f"{side}_foot"], (f"{side}_heel", f"{side}_toe")
    yield _tube(view, part, span, _FOOT, plain(look.shoes))


def _limb(
    view: View,
    part: int,
    span: tuple[str, str],
    radii: tuple[float, ...],
    look: Look,
    fabric: Fabric,
    length: float,
) -> Iterator[Tube]:
    """A limb, bare or in cloth as far as `length` (0 nothing, 1 all of it)."""
    if length < 1:
        yield _tube(view, part, span, radii, plain(look.skin))
    if length > 0:
        middle = (1 + look.loose) / 2
        first = middle if span[0].endswith(("elbow", "knee")) else 1.05
        last = middle if length > 1 else look.loose
        loose = (first, first, middle, last)
        length = min(length, 1.0)
        sleeve = tuple(r * k for r, k in zip(radii, loose, strict=True))
        yield _tube(view, part, span, sleeve, _cloth(fabric, view.unit), length)


def _tube(
    view: View,
    part: int,
    span: tuple[str, str],
    radii: tuple[float, ...],
    shader: Shader,
    length: float = 1.0,
    deep: float = 1.0,
) -> Tube:
    start, end = view.points[span[0]], view.points[span[1]]
    first, last = view.scales[span[0]], view.scales[span[1]]
    step = (last - first) / (len(radii) - 1)
    pixels = tuple(r * (first + k * step) for k, r in enumerate(radii))
    top = 1.7 if span[0].endswith("hip") else 1.0
    if length == 1:
        return Tube(part, start, end, pixels, shader, (top, 1.0), deep)
    # A cut sleeve keeps the beginning of the limb's outline and ends square.
    t = np.linspace(0, length, len(pixels))
    cut = tuple(np.interp(t, np.linspace(0, 1, len(pixels)), pixels))
    end = start + length * (end - start)
    return Tube(part, start, end, cut, shader, (top, 6.0), deep)


def _trunk(view: View, build: Build, look: Look) -> Iterator[Shape]:
    """Hips and belly, chest, neck; a skirt and a rucksack where they are worn."""
    g, unit = build.girth, view.unit
    broad = build.shoulder / 0.106
    pelvis, chest = view.axes["pelvis"], view.axes["chest"]
    points = view.points
    low = points["pelvis"] - 0.03 * unit * pelvis[:, 1]
    waist = (0.08 - 0.012 * look.curvy) * g
    hips = build.hip / 0.053 * (0.09 + 0.008 * look.curvy) * (0.4 + 0.6 * g)
    belly = (hips * 0.9, hips * 1.04, waist * 1.02, waist)
    ribs = (waist, waist, 0.1 * g**0.5 * broad, 0.148 * broad, 0.068 * broad)
    shirt, trousers = _chest(view, chest, look), _belly(view, look)
    middle = points["waist"]
    yield _block("abdomen", low, middle, belly, pelvis, unit, trousers, (1.4, 1.0))
    top = points["thorax"] + 0.005 * unit * chest[:, 1]
    yield _block("chest", middle, top, ribs, chest, unit, shirt, (1.0, 2.5))
    neck = 0.031 * (0.6 + 0.4 * g)
    throat = points["thorax"] - 0.01 * unit * chest[:, 1]
    nape = points["upper_neck"] + 0.15 * (points["head"] - points["upper_neck"])
    radii = (1.25 * neck * unit, neck * unit, neck * unit)
    yield Tube(PARTS["neck"], throat, nape, radii, plain(look.skin * np.float32(0.95)))
    if look.skirt:
        yield _skirt(view, build, look, hips)
    if look.pack:
        yield _rucksack(view, look)


def _block(
    name: str,
    start: Vector,
    end: Vector,
    radii: tuple[float, ...],
    axes: Vector,
    unit: float,
    shader: Shader,
    flat: tuple[float, float],
) -> Tube:
    """A piece of the trunk: an oval cross-section, seen from where it is turned."""
    side = _sideways(end - start)
    deep = _THORAX_DEPTH
    width = max(float(np.hypot(axes[:, 0] @ side, deep * (axes[:, 2] @ side))), 0.5)
    depth = float(np.hypot(axes[2, 0], deep * axes[2, 2])) / width
    pixels = tuple(float(r * unit * width) for r in radii)
    return Tube(PARTS[name], start, end, pixels, shader, flat, depth)


def _skirt(view: View, build: Build, look: Look, hips: float) -> Tube:
    points, unit = view.points, view.unit
    cuts = [
        points[f"{s}_hip"] + look.skirt * (points[f"{s}_knee"] - points[f"{s}_hip"])
        for s in ("r", "l")
    ]
    start = points["pelvis"] + 0.05 * unit * view.axes["pelvis"][:, 1]
    end = (cuts[0] + cuts[1]) / 2
    apart = cuts[1] - cuts[0]
    hem = abs(float(apart @ _sideways(end - start))) / 2 / unit
    hem += 0.062 + 0.03 * look.skirt
    radii = tuple(unit * r for r in (0.9 * hips, 1.12 * hips, (hips + hem) / 2, hem))
    # Thick enough toward the camera to cover the nearer thigh.
    hip = view.points["l_hip"] - view.points["r_hip"]
    thick = max(abs(float(apart[2])), abs(float(hip[2]))) / 2 / unit + 0.085
    cloth = _cloth(look.bottom, unit)
    deep = max(0.9, thick / min(hem, hips))
    return Tube(PARTS["skirt"], start, end, radii, cloth, (2.0, 7.0), deep)


def _rucksack(view: View, look: Look) -> Tube:
    unit, chest = view.unit, view.axes["chest"]
    back = -0.085 * unit * chest[:, 2]
    start = view.points["waist"] + back
    end = view.points["thorax"] - 0.03 * unit * chest[:, 1] + back
    side = _sideways(end - start)
    width = float(np.hypot(chest[:, 0] @ side, 0.65 * (chest[:, 2] @ side)))
    radii = tuple(unit * width * r for r in (0.07, 0.09, 0.08, 0.06))
    shader = plain(look.accent)
    return Tube(PARTS["pack"], start, end, radii, shader, (2.5, 2.0), 0.7)


def _sideways(axis: Vector) -> Vector:
    """The unit vector of the picture that is across an axis (as `Surface.normal`)."""
    length = max(float(np.hypot(axis[0], axis[1])), 1e-6)
    return np.array([-axis[1], axis[0], 0.0]) / length


def _cloth(fabric: Fabric, unit: float) -> Shader:
    def shader(surface: Surface) -> Colour:
        return fabric.paint(surface.along * 0.22, surface.normal[0], unit)

    return shader


def _belly(view: View, look: Look) -> Shader:
    """Shirt over trousers, with a belt where the shirt is tucked in."""

    def shader(surface: Surface) -> Colour:
        across = surface.normal[0]
        top = look.top.paint(surface.along * 0.15, across, view.unit)
        bottom = look.bottom.paint(surface.along * 0.15, across, view.unit)
        edge = (surface.along - look.hem) * (0.15 * view.unit)
        colour = blend(bottom, top, limit(edge + 0.5))
        if look.hem < 0.6:
            return colour
        belt = limit(1.8 - np.abs(edge + 1.2))
        return blend(colour, look.shoes * np.float32(0.6), belt)

    return shader


def _chest(view: View, axes: Vector, look: Look) -> Shader:
    """The shirt, and on its front what the person wears there."""
    side = _sideways(view.points["thorax"] - view.points["waist"])
    side_left, side_ahead = float(axes[:, 0] @ side), float(axes[:, 2] @ side)
    near_left, near_ahead = float(axes[2, 0]), float(axes[2, 2])
    pixels = 0.1 * view.unit

    def shader(surface: Surface) -> Colour:
        across, _, toward = surface.normal
        left = side_left * across + near_left * toward
        ahead = side_ahead * across + near_ahead * toward
        up = surface.along
        colour = look.top.paint(0.15 + up * 0.165, left, view.unit)
        worn = _front(look, left, up)
        if worn is not None:
            weight = limit(worn * pixels + 0.5) * limit(ahead * 9)
            colour = blend(colour, look.accent, weight)
        collar = (up - 0.9) * 1.6 - np.abs(left) * 0.5
        bare = limit(collar * pixels + 0.5) * limit(ahead * 9)
        return blend(colour, look.skin, bare)

    return shader


def _front(look: Look, left: Plane, up: Plane) -> Plane | None:
    """How far inside (positive) what is worn on the chest a point is."""
    if look.pack:
        return 0.09 - np.abs(np.abs(left) - 0.52)
    if look.front == "print":
        return 0.3 - np.hypot(left, (up - 0.55) * 1.1)
    if look.front == "number":
        return np.minimum(0.26 - np.abs(left), 0.16 - np.abs(up - 0.58))
    if look.front == "zip":
        return 0.035 - np.abs(left)
    if look.front == "jacket":
        return 0.08 + 0.22 * up - np.abs(left)
    if look.front == "tie":
        return np.minimum(0.13 - 0.07 * up - np.abs(left), up - 0.12)
    if look.front == "buttons":
        return 0.06 - np.hypot(left, ((up * 5) % 1 - 0.5) / 5)
    return None

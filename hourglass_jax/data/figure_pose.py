"""A jointed body: proportions, a pose within the range of human joints, a camera.

Lengths are in body heights. The body's own axes are x to its left, y up, z forward;
seen from the front (yaw 0) its left is on the picture's right. Random numbers come
from `random` and `uniform` alone, the two streams that NumPy has never changed.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hourglass_jax.data.figure_actions import ACTIONS, GESTURES, Action, Arm, Leg

Vector = NDArray[np.float64]
Choice = TypeVar("Choice")
Number = int | float

SIDES = {"r": -1.0, "l": 1.0}


class Build(NamedTuple):
    """Bone lengths of one person, in body heights, and how stout the person is."""

    shank: float
    thigh: float
    hip: float
    spine: float
    neck: float
    head: float
    shoulder: float
    upper_arm: float
    forearm: float
    girth: float


class Body(NamedTuple):
    """Points about the pelvis and the axes (columns left, up, forward) of three parts.

    `points` has the MPII joints by name, and waist, head (its centre), r_hand, r_heel,
    r_toe and so on; `axes` has pelvis, chest and head. `lift` is the height of the
    lowest point over the ground.
    """

    points: dict[str, Vector]
    axes: dict[str, Vector]
    lift: float
    seated: bool


class View(NamedTuple):
    """A body in a picture: x, y in pixels, z in pixels toward the camera.

    `unit` is one body height in pixels at the pelvis, `scales` at each point.
    """

    points: dict[str, Vector]
    scales: dict[str, float]
    axes: dict[str, Vector]
    unit: float


def pick(rng: Generator, options: Sequence[Choice]) -> Choice:
    """One of the options, from a single uniform number."""
    return options[int(rng.random() * len(options))]


def near(rng: Generator, middle: Number, spread: Number) -> float:
    """A number within `spread` of `middle`, most often close to it."""
    return middle + spread * (rng.random() + rng.random() - 1)


def draw_colour(rng: Generator, codes: str, spread: Number) -> Vector:
    """RGB 4..252 near one of a palette of hexadecimal codes, set apart by blanks."""
    code = pick(rng, codes.split())
    rgb = [int(code[i : i + 2], 16) + near(rng, 0, spread) for i in (0, 2, 4)]
    return np.clip(rgb, 4, 252)


def draw_build(rng: Generator) -> Build:
    """Proportions of a person: grown-ups of every build, some with a child's head."""
    legs = near(rng, 1, 0.07)
    broad = near(rng, 1, 0.14)
    arms = near(rng, 1, 0.07)
    return Build(
        shank=0.232 * legs,
        thigh=0.238 * legs,
        hip=0.053 * near(rng, 1, 0.14),
        spine=0.285 * near(rng, 1, 0.06),
        neck=0.055 * near(rng, 1, 0.18),
        head=0.142 * near(rng, 1.06, 0.12) * (1.16 if rng.random() < 0.15 else 1),
        shoulder=0.106 * broad,
        upper_arm=0.168 * arms,
        forearm=0.146 * arms,
        girth=near(rng, 1.04, 0.24) * broad**0.5,
    )


def draw_yaw(rng: Generator) -> float:
    """Degrees the body is turned: mostly toward us; some sideways, some away."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    kind = rng.random()
    if kind < 0.84:
        return near(rng, 0, 40)
    if kind < 0.92:
        return 180 + near(rng, 0, 40)
    return side * near(rng, 80, 25)


def turn(axis: int, degrees: Number) -> Vector:
    """The rotation about axis 0, 1 or 2, counter-clockwise seen from its tip."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    rotation = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    rotation[i, i], rotation[i, j], rotation[j, i], rotation[j, j] = c, -s, s, c
    return rotation


def draw_body(rng: Generator, build: Build) -> Body:
    """A person in the middle of an action, facing +z."""
    action = _draw_action(rng)
    lead = "r" if rng.random() < 0.5 else "l"
    trail = "l" if lead == "r" else "r"
    axes = _draw_axes(rng, action)
    points = _trunk(build, axes)
    upright = turn(1, near(rng, 0, 8))
    for side, leg in ((lead, action.lead), (trail, action.trail)):
        loose = Leg(*(near(rng, angle, 7) for angle in leg))
        points |= _leg(build, side, points[f"{side}_hip"], upright, loose)
    for side, arm in zip((lead, trail), _draw_arms(rng, action), strict=True):
        points |= _arm(build, side, points[f"{side}_shoulder"], axes["chest"], arm)
    return Body(points, axes, action.lift, action.seated)


def _draw_action(rng: Generator) -> Action:
    weights = np.cumsum([action.weight for action in ACTIONS])
    return ACTIONS[int(np.searchsorted(weights, rng.random() * weights[-1], "right"))]


def _draw_arms(rng: Generator, action: Action) -> list[Arm]:
    names = [pick(rng, action.lead_arms), pick(rng, action.trail_arms)]
    if rng.random() < 0.35 and names[0] in action.trail_arms:
        names[1] = names[0]
    return [Arm(*(near(rng, angle, 13) for angle in GESTURES[name])) for name in names]


def _draw_axes(rng: Generator, action: Action) -> dict[str, Vector]:
    """Pelvis, chest and head; the spine shares the lean, the head looks ahead."""
    lean = near(rng, action.lean, 7)
    pelvis = turn(2, near(rng, 0, 6)) @ turn(0, 0.45 * lean)
    bend = turn(1, near(rng, 0, 14)) @ turn(2, near(rng, 0, 10)) @ turn(0, 0.55 * lean)
    chest = pelvis @ bend
    nod = near(rng, 2, 14) - 0.55 * lean
    head = chest @ turn(1, near(rng, 0, 38)) @ turn(0, nod) @ turn(2, near(rng, 0, 11))
    return {"pelvis": pelvis, "chest": chest, "head": head}


def _trunk(build: Build, axes: dict[str, Vector]) -> dict[str, Vector]:
    """Hips, spine, shoulders, neck and head, from the pelvis up."""
    pelvis, chest, head = axes["pelvis"], axes["chest"], axes["head"]
    waist = 0.42 * build.spine * pelvis[:, 1]
    thorax = waist + 0.58 * build.spine * chest[:, 1]
    upper_neck = thorax + build.neck * (chest[:, 1] + head[:, 1]) / 2
    points = {"pelvis": np.zeros(3), "waist": waist, "thorax": thorax}
    points["upper_neck"] = upper_neck
    # The skull sits a little in front of the neck.
    points["head"] = upper_neck + head @ [0, 0.5 * build.head, 0.1 * build.head]
    points["head_top"] = points["head"] + head @ [0, 0.5 * build.head, 0]
    for side, sign in SIDES.items():
        points[f"{side}_hip"] = sign * build.hip * pelvis[:, 0]
        across = chest @ [sign * build.shoulder, -0.022, 0]
        points[f"{side}_shoulder"] = thorax + across
    return points


def _leg(
    build: Build, side: str, hip: Vector, upright: Vector, leg: Leg
) -> dict[str, Vector]:
    sign = SIDES[side]
    thigh = upright @ turn(2, sign * leg.abduct) @ turn(0, -leg.flex)
    thigh = thigh @ turn(1, sign * leg.twist)
    shank = thigh @ turn(0, max(leg.knee, 1.0))
    knee = hip - build.thigh * thigh[:, 1]
    ankle = knee - build.shank * shank[:, 1]
    # Half-way between a foot square to the shank and one flat on the ground.
    toward = shank[:, 2] / 2 + np.array([thigh[0, 2], 0, thigh[2, 2]]) / 2
    toward = toward / np.linalg.norm(toward)
    down = -shank[:, 1] - (toward @ -shank[:, 1]) * toward
    points = {"knee": knee, "ankle": ankle}
    points["heel"] = ankle - 0.026 * toward + 0.026 * down
    points["toe"] = ankle + 0.09 * toward + 0.03 * down
    return {f"{side}_{name}": point for name, point in points.items()}


def _arm(
    build: Build, side: str, shoulder: Vector, chest: Vector, arm: Arm
) -> dict[str, Vector]:
    sign = SIDES[side]
    upper = chest @ turn(2, sign * arm.abduct) @ turn(0, -arm.flex)
    upper = upper @ turn(1, -sign * arm.twist)
    fore = upper @ turn(0, -max(arm.elbow, 2.0))
    # An arm raised sideways carries the shoulder up with it.
    shoulder = shoulder + 0.02 * max(-upper[1, 1], 0.0) * chest[:, 1]
    elbow = shoulder - build.upper_arm * upper[:, 1]
    wrist = elbow - build.forearm * fore[:, 1]
    points = {"shoulder": shoulder, "elbow": elbow, "wrist": wrist}
    points["hand"] = wrist - 0.062 * fore[:, 1]
    points["thumb"] = wrist - 0.034 * fore[:, 1] + 0.03 * fore[:, 2]
    return {f"{side}_{name}": point for name, point in points.items()}


def draw_view(rng: Generator, body: Body, height: int, width: int) -> View:
    """Look at a body from a few body heights away, from a little above; frame it."""
    tilt = near(rng, 0, 9) if rng.random() < 0.6 else 0.0
    yaw = draw_yaw(rng)
    if body.seated and abs(yaw) > 110:
        yaw -= 180  # the seat is drawn behind the figure
    camera = turn(2, tilt) @ turn(0, rng.uniform(-2, 16)) @ turn(1, yaw)
    camera = np.diag([1.0, -1.0, 1.0]) @ camera
    distance = rng.uniform(4, 9)
    seen = {name: camera @ point for name, point in body.points.items()}
    scales = {n: distance / (distance - float(point[2])) for n, point in seen.items()}
    flat = np.array([seen[name][:2] * scales[name] for name in seen])
    origin, unit = _frame(
        rng, flat.min(0), flat.max(0), np.array([width, height], float)
    )
    points = {
        name: np.append(origin, 0) + unit * point * [scales[name], scales[name], 1]
        for name, point in seen.items()
    }
    pixels = {name: unit * scale for name, scale in scales.items()}
    axes = {name: camera @ axis for name, axis in body.axes.items()}
    return View(points, pixels, axes, unit)


def _frame(
    rng: Generator, low: Vector, high: Vector, picture: Vector
) -> tuple[Vector, float]:
    """Where the pelvis comes to lie, and a body height in pixels.

    The figure takes 62 to 88 % of the picture in one direction and is off the middle as
    far as there is room; one in twelve is cut a little by an edge.
    """
    low, high = low - 0.03, high + 0.03
    unit = rng.uniform(0.62, 0.88) / float(np.max((high - low) / picture))
    room = picture - unit * (high - low)
    x, y = room * [rng.random(), rng.uniform(0.2, 0.9)]
    if rng.random() < 1 / 12:
        over = rng.uniform(0.03, 0.16) * unit * (high - low)
        edges = ((-over[0], y), (room[0] + over[0], y), (x, room[1] + over[1]))
        x, y = pick(rng, edges)
    return np.array([x, y]) - unit * low - 0.5, unit

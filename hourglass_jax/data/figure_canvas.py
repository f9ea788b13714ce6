"""A picture with depth: shaded tubes and ellipsoids, anti-aliased by exact coverage.

Coordinates are pixels, centres at integers: x to the right, y down, z toward the
camera. Every shape is drawn from its distance to the pixel centre, so that its place
is exact to a small fraction of a pixel, and keeps, pixel by pixel, which part is in
front and how near it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating]
Vector = NDArray[np.float64]
Window = tuple[slice, slice]
NOTHING = -1e6
"""Depth where nothing has been drawn over the background."""


class Surface(NamedTuple):
    """What a shader knows of a shape's pixels.

    Tubes: `along` is 0..1 from start to end. Ellipsoids: `along` is unused. `normal`
    is the surface's direction: for tubes (across, along the axis, toward the camera),
    for ellipsoids (left, up, forward) in their own axes.
    """

    along: Plane
    normal: tuple[Plane, Plane, Plane]


Shader = Callable[[Surface], Plane]
"""RGB 0..255 as [3, 1, 1] or [3, h, w]; with a fourth plane, alpha 0..1, as cover."""


@dataclass(frozen=True)
class Light:
    """Where light comes from (a unit vector of the picture) and how soft it is."""

    direction: tuple[float, float, float]
    ambient: float


@dataclass(frozen=True)
class Tube:
    """A limb: circles swept from start to end.

    `radii` are the Bezier control values of the radius, in pixels; `flat` presses the
    round start and end (1 is a half circle); `deep` is thickness toward the camera by
    width.
    """

    part: int
    start: Vector
    end: Vector
    radii: tuple[float, ...]
    shader: Shader
    flat: tuple[float, float] = (1.0, 1.0)
    deep: float = 1.0

    @property
    def depth(self) -> float:
        """How near the middle is."""
        return float(self.start[2] + self.end[2]) / 2


@dataclass(frozen=True)
class Ellipsoid:
    """A head: half axes in pixels along the columns of `axes` (left, up, forward)."""

    part: int
    centre: Vector
    half: Vector
    axes: Vector
    shader: Shader
    jaw: float = 0.0

    @property
    def depth(self) -> float:
        """How near the middle is."""
        return float(self.centre[2])


class Canvas:
    """An RGB picture, and what is in front at each pixel.

    The picture is float32 0..255 in planes, [3, h, w], for speed: NumPy is slow where
    the last axis is short.
    """

    def __init__(self, background: Plane, light: Light) -> None:
        """Start from a background, which the canvas takes over."""
        self.image = background
        self.light = light
        shape = background.shape[1:]
        self.depth: Plane = np.full(shape, NOTHING, np.float32)
        self.part: NDArray[np.int8] = np.full(shape, -1, np.int8)

    def draw(self, shapes: Sequence[Tube | Ellipsoid]) -> None:
        """Draw shapes, far ones first; nearer surfaces win where they cross."""
        for shape in sorted(shapes, key=lambda s: s.depth):
            if isinstance(shape, Tube):
                self._tube(shape)
            else:
                self._ellipsoid(shape)

    def _tube(self, tube: Tube) -> None:
        margin = max(tube.radii) + 3
        low = np.minimum(tube.start, tube.end) - margin
        window = self._window(low, np.maximum(tube.start, tube.end) + margin)
        if window is None:
            return
        at, x, y = window
        axis = tube.end - tube.start
        ax, ay, length = _heading(float(axis[0]), float(axis[1]))
        lx, ly, lz = self.light.direction
        x, y = x - np.float32(tube.start[0]), y - np.float32(tube.start[1])
        run = x * ax + y * ay
        along = limit(run / length)
        across = y * ax - x * ay
        over = run - along * length
        if tube.flat != (1.0, 1.0):
            over *= np.where(over < 0, *tube.flat).astype(np.float32)
        radius = _bezier(tube.radii, along)
        distance = np.sqrt(across * across + over * over)
        across /= radius
        over /= radius
        toward = np.sqrt(np.maximum(1 - across * across - over * over, 0))
        # Lit as if it went on beyond its ends: no seam where two pieces meet.
        lit = np.sqrt(np.maximum(1 - across * across, 0)) * lz
        lit += (ly * ax - lx * ay) * across
        middle = float(tube.start[2]) + along * float(axis[2])
        near = middle + toward * radius * tube.deep
        surface = Surface(along, (across, over, toward))
        self._shadow(at, radius - distance, middle)
        self._put(tube, at, radius - distance, near, lit, surface)

    def _ellipsoid(self, ball: Ellipsoid) -> None:
        spread = (ball.axes * ball.half) @ (ball.axes * ball.half).T
        margin = np.sqrt(np.diag(spread)) * (1 + ball.jaw) + 3
        window = self._window(ball.centre - margin, ball.centre + margin)
        if window is None:
            return
        at, x, y = window
        x, y = x - np.float32(ball.centre[0]), y - np.float32(ball.centre[1])
        x, y = _narrow(x + 0 * y, y + 0 * x, ball)
        (xx, xy, xz), (_, yy, yz), (_, _, zz) = np.linalg.inv(spread).tolist()
        b = xz * x + yz * y
        c = xx * x * x + 2 * xy * x * y + yy * y * y - 1
        z = (np.sqrt(np.maximum(b * b - zz * c, 0)) - b) / zz
        (xx, xy), (_, yy) = np.linalg.inv(spread[:2, :2]).tolist()
        level = np.sqrt(xx * x * x + 2 * xy * x * y + yy * y * y)
        inside = (1 - level) * np.sqrt(x * x + y * y) / np.maximum(level, 1e-3)
        local = (ball.axes / ball.half).T.tolist()
        left, up, forward = (r[0] * x + r[1] * y + r[2] * z for r in local)
        lx, ly, lz = (self.light.direction @ ball.axes).tolist()
        lit = lx * left + ly * up + lz * forward
        near = float(ball.centre[2]) + z
        surface = Surface(left, (left, up, forward))
        self._put(ball, at, inside, near, lit, surface)

    def _window(self, low: Vector, high: Vector) -> tuple[Window, Plane, Plane] | None:
        """The pixels a shape can reach: rows and columns, their x, their y."""
        height, width = self.depth.shape
        x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
        x1, y1 = min(int(high[0]) + 1, width), min(int(high[1]) + 1, height)
        if x0 >= x1 or y0 >= y1:
            return None
        x = np.arange(x0, x1, dtype=np.float32)[None, :]
        y = np.arange(y0, y1, dtype=np.float32)[:, None]
        return (slice(y0, y1), slice(x0, x1)), x, y

    def _shadow(self, at: Window, inside: Plane, middle: Plane) -> None:
        """Darken what lies just beside and well behind a limb: it stands out."""
        reach = 4.0
        behind = self.depth[at]
        if behind.max() == NOTHING:
            return
        gap = limit((middle - behind) / (3 * reach)) * (behind > NOTHING)
        close = limit(1 + inside / reach)
        self.image[:, *at] *= 1 - 0.3 * gap * close * close

    def _put(
        self,
        shape: Tube | Ellipsoid,
        at: Window,
        inside: Plane,
        near: Plane,
        lit: Plane,
        surface: Surface,
    ) -> None:
        """Blend a shaded surface where it is in front of what was drawn before."""
        cover = limit(inside + 0.5)
        cover *= limit(near - self.depth[at] + 0.5)
        colour = shape.shader(surface)
        if len(colour) == 4:
            cover = cover * colour[3]
            colour = colour[:3]
        ambient = self.light.ambient
        shade = ambient + (1.2 - ambient) * (0.5 + 0.5 * lit)
        image = self.image[:, *at]
        image += cover * (colour * shade - image)
        front = cover > 0.5
        self.depth[at][front] = near[front]
        self.part[at][front] = shape.part


def _heading(x: float, y: float) -> tuple[float, float, float]:
    """Unit vector and length; a tube seen end-on heads anywhere."""
    length = float(np.hypot(x, y))
    return (x / length, y / length, length) if length > 1e-3 else (1.0, 0.0, 1e-3)


def plain(colour: Plane) -> Shader:
    """A shader of one colour, [3, 1, 1]."""
    return lambda surface: colour


def limit(plane: Plane) -> Plane:
    """Clip to 0..1; several times faster than `np.clip` on small windows."""
    return np.minimum(np.maximum(plane, 0), 1)


def _bezier(controls: tuple[float, ...], t: Plane) -> Plane:
    """A Bezier curve of any degree, from its control values, by Horner's rule."""
    powers = (_powers(len(controls) - 1) @ controls).tolist()
    total = t * powers[-1]
    for power in powers[-2:0:-1]:
        total += power
        total *= t
    return total + powers[0]


@cache
def _powers(degree: int) -> NDArray[np.float64]:
    """The matrix from Bezier control values to coefficients of 1, t, t^2, ..."""
    return np.array(
        [
            [
                comb(degree, k) * comb(k, i) * (-1) ** (k - i) if i <= k else 0
                for i in range(degree + 1)
            ]
            for k in range(degree + 1)
        ],
        np.float64,
    )


def _narrow(x: Plane, y: Plane, ball: Ellipsoid) -> tuple[Plane, Plane]:
    """Widen the pixel's offset below the middle, which makes the shape narrower."""
    up = ball.axes[:2, 1]
    if ball.jaw == 0 or np.hypot(*up) < 0.3:
        return x, y
    ux, uy = (up / np.hypot(*up)).tolist()
    below = np.maximum(-(x * ux + y * uy) / float(ball.half[1]), 0)
    across = (x * uy - y * ux) * below * ball.jaw
    return x + across * uy, y - across * ux

"""Synthetic people: one picture of one figure, from a seed and a number.

`draw_figure(seed, index)` is a pure function; NumPy and OpenCV draw everything. Joints
are those of `hourglass_jax.skeleton.MPII`, exact to a fraction of a pixel, and what is
hidden is read off the depth of the drawing itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hourglass_jax.data.figure_background import draw_background
from hourglass_jax.data.figure_canvas import NOTHING, Canvas
from hourglass_jax.data.figure_head import head_box
from hourglass_jax.data.figure_looks import draw_look
from hourglass_jax.data.figure_parts import CLOSE, MEETING, PARTS, SKIRT
from hourglass_jax.data.figure_pose import View, draw_body, draw_build, draw_view
from hourglass_jax.data.figure_scene import (
    develop,
    draw_floor_shadow,
    draw_light,
    draw_object,
    draw_seat,
)
from hourglass_jax.data.figure_shapes import figure_shapes
from hourglass_jax.skeleton import MPII


@dataclass(frozen=True)
class Figure:
    """A picture of one person, and where its joints are.

    Attributes:
      image: uint8 [h, w, 3], RGB.
      keypoints_img: float32 [16, 2], (x, y), pixel centres at integers, in the order
        of `skeleton.MPII`; left and right are the person's own. Joints outside the
        picture keep their true place.
      visibility: uint8 [16], 2 visible, 1 behind the own body or an object, 0 outside.
      head_box_img: float32 [4], x0 y0 x1 y1 around skull and face, hair aside.
      box_img: float32 [4], x0 y0 x1 y1, tight around the drawn person, whatever hides
        it, inside the picture.
    """

    image: NDArray[np.uint8]
    keypoints_img: NDArray[np.float32]
    visibility: NDArray[np.uint8]
    head_box_img: NDArray[np.float32]
    box_img: NDArray[np.float32]


def draw_figure(seed: int, index: int) -> Figure:
    """Figure number `index` of the endless series `seed` (both 0 or more).

    The picture's sides are 200 to 256 pixels. The same bits on every machine, but for
    the last bit of OpenCV's blur and resize and of the machine's sine.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, index])))
    height, width = (200 + int(57 * rng.random()) for _ in range(2))
    build = draw_build(rng)
    body = draw_body(rng, build)
    view = draw_view(rng, body, height, width)
    ground = max(float(p[1]) for p in view.points.values()) + 0.015 * view.unit
    ground += body.lift * view.unit
    backdrop = draw_background(rng, height, width, ground)
    draw_floor_shadow(backdrop, view, ground)
    if body.seated:
        draw_seat(rng, backdrop, view, ground)
    canvas = Canvas(backdrop, draw_light(rng))
    canvas.draw(figure_shapes(view, build, draw_look(rng)))
    box = _bounds(canvas.depth > NOTHING)
    if rng.random() < 0.2:
        draw_object(rng, canvas, box, view.unit)
    keypoints = np.array([view.points[name][:2] for name in MPII.keypoints])
    return Figure(
        image=develop(rng, canvas.image),
        keypoints_img=keypoints.astype(np.float32),
        visibility=_visibility(canvas, view),
        head_box_img=head_box(view, build).astype(np.float32),
        box_img=box.astype(np.float32),
    )


def _bounds(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return np.zeros(4)
    return np.array([cols[0] - 0.5, rows[0] - 0.5, cols[-1] + 0.5, rows[-1] + 0.5])


def _visibility(canvas: Canvas, view: View) -> NDArray[np.uint8]:
    """Ask, at each joint's pixel, what is in front of it."""
    height, width = canvas.depth.shape
    flags = []
    for name in MPII.keypoints:
        x, y, z = view.points[name]
        row, col = round(float(y)), round(float(x))
        if not (0 <= row < height and 0 <= col < width):
            flags.append(0)
            continue
        own, reach = MEETING[name]
        ahead = (float(canvas.depth[row, col]) - z) / view.unit
        front = int(canvas.part[row, col])
        limit = reach if front in own else CLOSE
        limit += SKIRT if front == PARTS["skirt"] else 0
        flags.append(2 if ahead <= limit else 1)
    return np.array(flags, np.uint8)

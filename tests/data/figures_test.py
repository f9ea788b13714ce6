"""Synthetic people: pure, exact to sub-pixel, and honest about what is hidden."""

import hashlib

import numpy as np
import pytest

from hourglass_jax.data import figures
from hourglass_jax.data.figure_canvas import Canvas, Ellipsoid, Light, Tube, plain
from hourglass_jax.data.figure_head import head_shapes
from hourglass_jax.data.figure_looks import draw_look
from hourglass_jax.data.figure_parts import PARTS
from hourglass_jax.data.figure_pose import draw_body, draw_build, draw_view, draw_yaw
from hourglass_jax.data.figures import draw_figure
from hourglass_jax.skeleton import MPII

WRIST = MPII.keypoints.index("r_wrist")
# Measured on Linux x86-64 with NumPy 2.4 and OpenCV 5.0.
MEANS = (
    (172.4, 174.8, 176.2, 194.6),
    (156.5, 176.3, 184.0, 193.1),
    (177.6, 179.6, 161.3, 170.1),
    (180.2, 188.9, 188.6, 196.6),
)
LIGHT = Light((0.0, 0.0, 1.0), 1.0)


def generator(number):
    return np.random.Generator(np.random.PCG64(number))


def colour(red, green, blue):
    return np.array([red, green, blue], np.float32)[:, None, None]


def blank(height=64, width=80):
    return Canvas(np.zeros((3, height, width), np.float32), LIGHT)


def centroid(plane):
    weight = plane.astype(np.float64)
    rows, cols = np.mgrid[: plane.shape[0], : plane.shape[1]]
    return np.array([(weight * cols).sum(), (weight * rows).sum()]) / weight.sum()


def black(rng, height, width, ground):
    return np.zeros((3, height, width), np.float32)


def ball(view, name, part, radius=4.0, lift=0.0):
    centre = view.points[name] + np.array([0, 0, lift])
    white, half = plain(colour(255, 255, 255)), np.full(3, radius)
    return Ellipsoid(PARTS[part], centre, half, np.eye(3), white)


def test_same_seed_and_index_give_the_same_bits():
    first, again, other = draw_figure(3, 7), draw_figure(3, 7), draw_figure(3, 8)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.keypoints_img, again.keypoints_img)
    np.testing.assert_array_equal(first.visibility, again.visibility)
    assert not np.array_equal(first.keypoints_img, other.keypoints_img)
    assert not np.array_equal(first.keypoints_img, draw_figure(4, 7).keypoints_img)


def test_joints_are_those_of_every_machine():
    joints = np.concatenate([draw_figure(11, i).keypoints_img for i in range(8)])
    thousandths = np.round(joints.astype(np.float64) * 1000).astype("<i8")
    assert hashlib.sha256(thousandths.tobytes()).hexdigest() == (
        "b1c5faa9ece6ffa061d930cc001a99c03412d61e6a1d0a28925849706210073a"
    )


def test_picture_is_that_of_every_machine():
    """Means of sixteen cells: OpenCV's blur may differ in the last bit."""
    image = draw_figure(11, 2).image.astype(np.float64)
    rows, cols = (np.array_split(np.arange(n), 4) for n in image.shape[:2])
    means = [[image[np.ix_(r, c)].mean() for c in cols] for r in rows]
    np.testing.assert_allclose(means, MEANS, atol=0.5)


@pytest.mark.parametrize("index", range(12))
def test_figure_is_well_formed_and_large_in_its_picture(index):
    figure = draw_figure(0, index)
    height, width, _ = figure.image.shape
    assert figure.image.dtype == np.uint8
    assert {height, width} <= set(range(200, 257))
    assert figure.keypoints_img.shape == (16, 2)
    assert figure.keypoints_img.dtype == figure.box_img.dtype == np.float32
    assert figure.visibility.dtype == np.uint8
    x0, y0, x1, y1 = figure.box_img
    assert -0.5 <= x0 < x1 <= width - 0.5
    assert -0.5 <= y0 < y1 <= height - 0.5
    assert 0.5 <= max((x1 - x0) / width, (y1 - y0) / height) <= 0.95
    inside = figure.keypoints_img[figure.visibility > 0]
    assert (inside >= [x0 - 1, y0 - 1]).all()
    assert (inside <= [x1 + 1, y1 + 1]).all()
    head = figure.head_box_img
    neck, top = figure.keypoints_img[8:10]
    assert (head[:2] - 1 <= top).all()
    assert (top <= head[2:] + 1).all()
    assert np.hypot(*(head[2:] - head[:2])) > np.hypot(*(top - neck)) * 0.8


def test_absent_is_exactly_outside_the_picture():
    absent = 0
    for index in range(60):
        figure = draw_figure(1, index)
        x, y = np.round(figure.keypoints_img).T
        height, width, _ = figure.image.shape
        outside = (x < 0) | (y < 0) | (x >= width) | (y >= height)
        np.testing.assert_array_equal(figure.visibility == 0, outside)
        absent += outside.sum()
    assert absent > 0


@pytest.mark.parametrize("at", [(30.0, 20.0), (30.3, 20.8), (41.52, 33.49)])
def test_disc_is_centred_where_it_is_put(at):
    centre = np.array([*at, 0.0])
    disc = Tube(0, centre, centre, (6.0, 6.0), plain(colour(200, 0, 0)))
    canvas = blank()
    canvas.draw([disc])
    np.testing.assert_allclose(centroid(canvas.image[0]), at, atol=0.02)
    globe = Ellipsoid(0, centre, np.full(3, 6.0), np.eye(3), plain(colour(0, 200, 0)))
    canvas = blank()
    canvas.draw([globe])
    np.testing.assert_allclose(centroid(canvas.image[1]), at, atol=0.02)


def test_disc_covers_the_area_of_a_disc():
    centre = np.array([30.3, 20.8, 0.0])
    canvas = blank()
    canvas.draw([Tube(0, centre, centre, (6.0, 6.0), plain(colour(1, 1, 1)))])
    lit = canvas.image[0].max()
    assert canvas.image[0].sum() / lit == pytest.approx(np.pi * 36, rel=0.02)


@pytest.mark.parametrize("index", range(6))
def test_keypoint_is_the_centroid_of_what_is_drawn_there(monkeypatch, index):
    """Through everything: framing, drawing, light, lens, grain, rounding."""

    def wrist(view, build, look):
        return [ball(view, "r_wrist", "r_hand", 7.0)]

    monkeypatch.setattr(figures, "figure_shapes", wrist)
    monkeypatch.setattr(figures, "draw_background", black)
    monkeypatch.setattr(figures, "draw_object", lambda *args: None)
    monkeypatch.setattr(figures, "draw_seat", lambda *args: None)
    monkeypatch.setattr(figures, "draw_light", lambda rng: LIGHT)
    figure = draw_figure(2, index)
    light = figure.image.sum(-1).astype(np.float64)
    light[light < 60] = 0
    found = centroid(light)
    np.testing.assert_allclose(found, figure.keypoints_img[WRIST], atol=0.1)


def visibility_of(monkeypatch, shapes):
    monkeypatch.setattr(figures, "figure_shapes", shapes)
    monkeypatch.setattr(figures, "draw_object", lambda *args: None)
    return draw_figure(0, 5).visibility


def test_every_joint_shows_where_nothing_is_drawn(monkeypatch):
    seen = visibility_of(monkeypatch, lambda view, build, look: [])
    assert (seen == 2).all()


def test_joint_is_hidden_by_a_foreign_part_in_front_alone(monkeypatch):
    def chest(lift, part):
        def shapes(view, build, look):
            return [ball(view, "r_wrist", part, 3.0, lift * view.unit)]

        return visibility_of(monkeypatch, shapes)[WRIST]

    assert chest(+0.2, "chest") == 1
    assert chest(-0.2, "chest") == 2
    assert chest(+0.2, "object") == 1
    assert chest(+0.02, "r_forearm") == 2
    assert chest(+0.02, "l_forearm") == 1
    assert chest(+0.2, "r_forearm") == 1, "its own forearm, but far in front"


def test_object_in_front_of_everything_hides_everything(monkeypatch):
    def wall(view, build, look):
        ends = np.array([[-300.0, 120.0, 900.0], [600.0, 120.0, 900.0]])
        grey = plain(colour(90, 90, 90))
        return [Tube(PARTS["object"], *ends, (300.0, 300.0), grey)]

    assert (visibility_of(monkeypatch, wall) == 1).all()


def test_some_joints_are_hidden_and_most_are_seen():
    flags = np.concatenate([draw_figure(9, i).visibility for i in range(80)])
    assert 0.05 < (flags == 1).mean() < 0.2
    assert (flags == 2).mean() > 0.78


@pytest.mark.parametrize("number", range(20))
def test_bones_keep_their_length_and_joints_bend_their_own_way(number):
    rng = generator(number)
    build = draw_build(rng)
    points = draw_body(rng, build).points
    for side in ("r", "l"):
        chain = [points[f"{side}_{n}"] for n in ("hip", "knee", "ankle")]
        thigh, shank = np.diff(chain, axis=0)
        lengths = np.linalg.norm([thigh, shank], axis=1)
        np.testing.assert_allclose(lengths, [build.thigh, build.shank])
        # From thigh to shin is a turn about the body's left: the heel goes back.
        assert np.cross(thigh, shank)[0] >= 0
        arm = [points[f"{side}_{n}"] for n in ("shoulder", "elbow", "wrist")]
        lengths = np.linalg.norm(np.diff(arm, axis=0), axis=1)
        np.testing.assert_allclose(lengths, [build.upper_arm, build.forearm])


def test_left_is_on_the_right_of_the_picture_exactly_when_facing_us():
    facing = 0
    for number in range(60):
        rng = generator(number)
        view = draw_view(rng, draw_body(rng, draw_build(rng)), 240, 220)
        toward = float(view.axes["chest"][2, 2])
        if abs(toward) < 0.4:
            continue
        apart = view.points["l_shoulder"][0] - view.points["r_shoulder"][0]
        assert (apart > 0) == (toward > 0)
        facing += toward > 0
    assert facing > 20


def test_face_is_on_the_front_and_hair_on_the_back():
    """Eyes are the only near-white on a dark-skinned, dark-haired head."""
    rng = generator(5)
    build = draw_build(rng)
    view = draw_view(rng, draw_body(rng, build), 240, 220)
    look = draw_look(rng)._replace(
        skin=colour(90, 60, 40),
        hair=colour(20, 15, 10),
        haircut="short",
        glasses=False,
        beard=0.0,
    )
    whites = []
    for forward in (1.0, -1.0):
        # Columns left, up, forward: x right, y down, z toward the camera.
        axes = np.array([[forward, 0, 0], [0, -1, 0], [0, 0, forward]], float)
        points = view.points | {"head": np.array([40.0, 32.0, 0.0])}
        scales = view.scales | {"head": 200.0}
        turned = view._replace(axes=view.axes | {"head": axes}, points=points)
        canvas = blank()
        canvas.draw(list(head_shapes(turned._replace(scales=scales), build, look)))
        whites.append(int((canvas.image.min(0) > 120).sum()))
    assert whites[0] > 4
    assert whites[1] == 0


def test_most_face_us_and_one_in_twelve_is_seen_from_behind():
    rng = generator(0)
    yaw = np.radians([draw_yaw(rng) for _ in range(4000)])
    assert 0.06 < (np.cos(yaw) < -0.5).mean() < 0.1
    assert 0.8 < (np.cos(yaw) > 0.45).mean() < 0.9

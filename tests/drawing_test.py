import numpy as np
import pytest

from hourglass_jax.drawing import FAINTEST, SUREST, draw_heatmaps
from hourglass_jax.inference.results import Pose, draw_poses
from hourglass_jax.skeleton import COCO, LEFT, LSP, MIDDLE, MPII, RIGHT

GREY = np.full((200, 240, 3), 128, np.uint8)


def pose(points, skeleton=MPII, sure=1.0):
    """A pose of the named keypoints alone; the others were not seen."""
    keypoints = np.full((len(skeleton.keypoints), 2), 50, np.float32)
    scores = np.zeros(len(skeleton.keypoints), np.float32)
    for name, point in points.items():
        i = skeleton.keypoints.index(name)
        keypoints[i], scores[i] = point, sure
    return Pose(keypoints=keypoints, scores=scores, box=np.zeros(4), skeleton=skeleton)


ARM = {"r_shoulder": (40, 60), "r_elbow": (140, 60)}


@pytest.mark.parametrize(
    ("ends", "colour"),
    [
        (("r_shoulder", "r_elbow"), RIGHT),
        (("l_shoulder", "l_elbow"), LEFT),
        (("r_hip", "pelvis"), RIGHT),
        (("pelvis", "thorax"), MIDDLE),
    ],
)
def test_a_limb_has_the_colour_of_its_side(ends, colour):
    drawn = draw_poses(GREY, [pose(dict(zip(ends, ARM.values(), strict=True)))])
    np.testing.assert_array_equal(drawn[60, 90], colour)


def test_a_limb_between_both_sides_has_the_colour_of_the_middle():
    points = {"left_shoulder": (40, 60), "right_shoulder": (140, 60)}
    drawn = draw_poses(GREY, [pose(points, COCO)])
    np.testing.assert_array_equal(drawn[60, 90], MIDDLE)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_the_outline_shows_on_any_background(level):
    background = np.full_like(GREY, level)
    column = draw_poses(background, [pose(ARM)])[50:71, 90].astype(int).sum(-1)
    contrast = np.abs(np.diff(column)).max()
    assert contrast > 150


def test_drawing_is_exact_at_fractions_of_a_pixel():
    """What is drawn half a pixel lower weighs half a pixel lower."""
    black = np.zeros_like(GREY)

    def weighed(y):
        points = {"pelvis": (40, y), "thorax": (140, y)}
        column = draw_poses(black, [pose(points)])[:, 90].astype(float).sum(-1)
        return (column * np.arange(len(column))).sum() / column.sum()

    assert weighed(60.0) == pytest.approx(60.0, abs=0.02)
    assert weighed(60.5) == pytest.approx(60.5, abs=0.02)
    assert weighed(60.25) == pytest.approx(60.25, abs=0.02)


def test_a_keypoint_below_the_faintest_score_is_left_out_with_its_limbs():
    drawn = draw_poses(GREY, [pose(ARM, sure=FAINTEST - 0.01)])
    np.testing.assert_array_equal(drawn, GREY)


def test_less_sure_is_fainter():
    def change(sure):
        drawn = draw_poses(GREY, [pose(ARM, sure=sure)])
        return np.abs(drawn[60, 90].astype(int) - 128).sum()

    assert 0 < change(FAINTEST + 0.05) < change(0.3) < change(SUREST) == change(0.9)


def test_thickness_grows_with_the_person():
    def thickness(length):
        large = np.full((2000, 40, 3), 128, np.uint8)
        ends = {"pelvis": (20, 20), "thorax": (20, 20 + length)}
        drawn = draw_poses(large, [pose(ends)])
        return (drawn[20 + length // 2] != 128).any(-1).sum()

    assert thickness(30) >= 2
    assert thickness(1900) > 4 * thickness(200)


def test_drawing_beyond_the_edges_is_cut():
    points = {"pelvis": (-30, -40), "thorax": (400, 300), "head_top": (900, -900)}
    drawn = draw_poses(GREY, [pose(points)])
    assert drawn.shape == GREY.shape
    assert (drawn != GREY).any()


def test_the_photograph_itself_is_left_alone():
    before = GREY.copy()
    draw_poses(GREY, [pose(ARM)])
    np.testing.assert_array_equal(GREY, before)


def test_nobody_and_nothing_seen_draw_nothing():
    np.testing.assert_array_equal(draw_poses(GREY, []), GREY)
    np.testing.assert_array_equal(draw_poses(GREY, [pose({})]), GREY)


def test_a_single_keypoint_is_a_dot():
    drawn = draw_poses(GREY, [pose({"neck": (70, 80)}, LSP)])
    assert (drawn[80, 70] != 128).any()
    rows, columns = np.nonzero((drawn != 128).any(-1))
    assert np.abs(rows - 80).max() < 6
    assert np.abs(columns - 70).max() < 6


def test_heatmaps_shine_where_their_cells_are():
    heatmaps = np.zeros((16, 16, 2), np.float32)
    heatmaps[12, 4, 1] = 1
    drawn = draw_heatmaps(np.zeros((64, 128, 3), np.uint8), heatmaps)
    lit = np.argwhere(drawn.any(-1))
    assert lit.min(0).tolist() == [48, 32]
    assert lit.max(0).tolist() == [51, 39]

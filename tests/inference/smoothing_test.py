import numpy as np
import pytest
from scipy.signal import savgol_filter

from hourglass_jax.inference.results import Pose
from hourglass_jax.inference.smoothing import (
    jitter,
    one_euro,
    savitzky_golay,
    smooth_frames,
)
from hourglass_jax.skeleton import LSP

RATE, FRAMES, SIDE = 30, 90, 200.0
TIMES = np.arange(FRAMES) / RATE


def swing():
    """Joints that swing to and fro twice in three seconds, [t 14 2]."""
    phase = 2 * np.pi * TIMES[:, None] * 2 / 3 + np.arange(14) / 3
    return 300 + 40 * np.stack([np.sin(phase), np.cos(phase)], axis=-1)


def trembling(seed=0, sigma=3.0):
    return swing() + np.random.default_rng(seed).normal(0, sigma, (FRAMES, 14, 2))


def film(path, track=1):
    box = np.array([200.0, 200, 400, 400])
    return [
        [
            Pose(
                keypoints=points.astype(np.float32),
                scores=np.ones(14, np.float32),
                box=box,
                skeleton=LSP,
                track=track,
            )
        ]
        for points in path
    ]


def paths(frames):
    return np.stack([poses[0].keypoints for poses in frames])


def lag(smoothed):
    """Frames by which a path is behind the true one: where they fit best."""
    shifts = np.arange(-10, 11) / 2
    moment = np.arange(20, FRAMES - 20)

    def misfit(shift):
        phase = 2 * np.pi * (moment[:, None] - shift) / RATE * 2 / 3
        phase = phase + np.arange(14) / 3
        true = 300 + 40 * np.stack([np.sin(phase), np.cos(phase)], axis=-1)
        return np.square(smoothed[moment] - true).mean()

    return shifts[np.argmin([misfit(shift) for shift in shifts])]


@pytest.mark.parametrize(("how", "share"), [("one_euro", 0.5), ("savgol", 0.35)])
def test_smoothing_takes_jitter_away(how, share):
    frames = film(trembling())
    calm = smooth_frames(frames, TIMES, how)
    assert jitter(calm, TIMES) < share * jitter(frames, TIMES)


def test_looking_both_ways_has_no_lag_and_comes_closer_to_the_truth():
    smoothed = savitzky_golay(TIMES, trembling())
    assert lag(smoothed) == 0
    before, after = (np.square(x - swing()).mean() for x in (trembling(), smoothed))
    assert after < 0.5 * before


def test_a_live_filter_lags_by_little_more_than_a_frame():
    assert 0 <= lag(one_euro(TIMES, trembling(), SIDE)) <= 2


def test_a_live_filter_does_not_know_what_comes_next():
    path = trembling()
    whole, half = one_euro(TIMES, path, SIDE), one_euro(TIMES[:40], path[:40], SIDE)
    np.testing.assert_array_equal(whole[:40], half)


def test_evenly_spaced_it_is_savitzky_s_and_golay_s():
    path = trembling()
    expected = savgol_filter(path, 7, 2, axis=0, mode="interp")
    np.testing.assert_allclose(savitzky_golay(TIMES, path), expected, atol=1e-8)


def test_a_parabola_stays_itself_at_uneven_times():
    times = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.1, 30))
    path = np.stack([3 + 20 * times - 9 * times**2, 5 * times], -1)[:, None]
    np.testing.assert_allclose(savitzky_golay(times, path), path, atol=1e-8)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("how", ["one_euro", "savgol"])
def test_short_tracks_are_taken(count, how):
    frames = film(trembling()[:count])
    assert np.isfinite(paths(smooth_frames(frames, TIMES[:count], how))).all()


def test_people_are_smoothed_each_alone():
    one, other = film(trembling(1), 1), film(trembling(2) + 500, 2)
    together = [
        a + b if i % 2 else b + a
        for i, (a, b) in enumerate(zip(one, other, strict=True))
    ]
    smoothed = smooth_frames(together, TIMES, "savgol")
    alone = paths(smooth_frames(one, TIMES, "savgol"))
    found = [next(p for p in poses if p.track == 1).keypoints for poses in smoothed]
    np.testing.assert_array_equal(np.stack(found), alone)


@pytest.mark.parametrize("how", ["one_euro", "savgol"])
def test_frames_at_one_time_are_taken(how):
    """A clock that stands still, as in films of broken times."""
    path, times = trembling()[:9], np.maximum(TIMES[:9] - TIMES[4], 0)
    frames = film(path)
    calm = smooth_frames(frames, times, how)
    assert np.isfinite(paths(calm)).all()
    assert 0 < jitter(calm, times) < jitter(frames, times) < np.inf


def test_a_live_filter_stands_still_while_no_time_passes():
    path, times = trembling()[:4], np.array([0, 0.1, 0.1, 0.2])
    smoothed = one_euro(times, path, SIDE)
    np.testing.assert_array_equal(smoothed[2], smoothed[1])
    assert (smoothed[3] != smoothed[2]).all()


def test_jitter_at_one_time_is_off_the_middle():
    path = np.zeros((3, 14, 2))
    path[1, :, 0], path[2, :, 0] = 10, 12
    assert jitter(film(path), np.zeros(3)) == pytest.approx(2.0)  # 4 of 200


def test_jitter_is_known_for_a_zigzag():
    """Every second frame 10 pixels off in x, of a box of 200: 10 off the line each."""
    path = np.zeros((9, 14, 2))
    path[1::2, :, 0] = 10
    assert jitter(film(path), TIMES[:9]) == pytest.approx(5.0)


def test_a_steady_motion_has_no_jitter_even_at_uneven_times():
    times = np.array([0, 0.1, 0.15, 0.4, 0.41])
    path = 100 * times[:, None, None] * np.ones((5, 14, 2))
    assert jitter(film(path), times) == pytest.approx(0, abs=1e-5)
    assert jitter(film(path[:2]), times[:2]) == 0

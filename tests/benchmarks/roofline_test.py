import dataclasses

import pytest
import roofline
from roofline import CHIPS, LAUNCH_SECONDS, Work

V5E, V5P = CHIPS["v5e"], CHIPS["v5p"]
STEP = Work(flops=197e9, memory_bytes=8190e6, exchanges=1, exchanged_bytes=100e6)


def test_a_step_is_bound_by_the_slower_of_arithmetic_and_memory():
    assert roofline.compute_seconds(V5E, STEP) == pytest.approx(10e-3)
    busy = dataclasses.replace(STEP, flops=197e10 * 2)
    assert roofline.compute_seconds(V5E, busy) == pytest.approx(20e-3)


def test_one_chip_exchanges_nothing():
    assert roofline.exchange_seconds(V5E, STEP, 1) == 0
    assert roofline.efficiency(V5E, STEP, 1) == 1


def test_a_pod_reduces_over_its_four_closed_links():
    # By hand: two ways along 8 + 8 hops of 1 us, twice 100 MB over 4 x 50 GB/s.
    expected = LAUNCH_SECONDS + 32e-6 + 2 * 100e6 / 200e9
    assert roofline.exchange_seconds(V5E, STEP, 256) == pytest.approx(expected)


def test_a_slice_without_closed_axes_has_longer_ways_and_half_the_links():
    # 4x4 of v5e: 3 + 3 hops, two links a chip and direction.
    expected = LAUNCH_SECONDS + 12e-6 + 2 * 100e6 / 100e9
    assert roofline.exchange_seconds(V5E, STEP, 16) == pytest.approx(expected)


def test_cubes_close_at_multiples_of_four():
    # 4x4x4 of v5p: 2 + 2 + 2 hops, six links of 100 GB/s.
    expected = LAUNCH_SECONDS + 12e-6 + 2 * 100e6 / 600e9
    assert roofline.exchange_seconds(V5P, STEP, 64) == pytest.approx(expected)


def test_between_pods_a_pod_s_share_crosses_the_slower_network():
    beyond = roofline.exchange_seconds(V5E, STEP, 1024)
    within = roofline.exchange_seconds(V5E, STEP, 256)
    crossed = 2 * 3 / 4 * 100e6 / 800e9 + 2 * 3 * roofline.DCN_SECONDS
    assert beyond - within == pytest.approx(crossed)


def test_many_small_exchanges_cost_their_latency():
    few = dataclasses.replace(STEP, exchanged_bytes=0)
    many = dataclasses.replace(few, exchanges=700)
    assert roofline.exchange_seconds(V5E, many, 256) == pytest.approx(700 * 37e-6)


def test_the_fleet_goes_from_one_chip_to_whole_pods():
    assert roofline.fleet(V5E, 1024) == [1, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    assert roofline.fleet(V5P, 1024) == [1, 4, 8, 16, 32, 64, 128, 256, 512, 1024]


@pytest.mark.parametrize(("name", "clock"), [("v5e", 1.50e9), ("v5p", 1.75e9)])
def test_clocks_follow_from_the_peaks(name, clock):
    assert CHIPS[name].clock == pytest.approx(clock, rel=0.01)


@pytest.mark.parametrize("name", CHIPS)
def test_slices_have_as_many_chips_as_their_axes_say(name):
    for chips, shape in CHIPS[name].shapes.items():
        product = 1
        for axis in shape:
            product *= axis
        assert product == chips


def test_peaks_are_found_by_the_driver_s_name():
    assert roofline.gpu_peak("NVIDIA A100-SXM4-80GB", "bfloat16") == 312e12
    assert roofline.gpu_peak("NVIDIA L40S", "float32") == 183e12
    assert roofline.gpu_peak("NVIDIA L4", "float32") == 60e12
    assert roofline.gpu_peak("NVIDIA L40", "float32") is None  # not the L4
    assert roofline.gpu_peak("cpu", "float32") is None

import pytest

from hourglass_jax.diagnosis import timing


def test_spread_is_median_and_quartiles_in_any_order():
    found = {"median": 3.0, "lower_quartile": 2.0, "upper_quartile": 4.0}
    assert timing.spread([5, 1, 4, 2, 3]) == found
    assert timing.spread([7.0]) == dict.fromkeys(found, 7.0)


def test_the_fastest_is_found_in_turns(monkeypatch):
    now, order = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def take(name, seconds):
        order.append(name)
        now[0] += seconds

    ways = {"slow": lambda: take("slow", 0.3), "fast": lambda: take("fast", 0.2)}
    best, medians = timing.fastest(ways, 3)
    assert best == "fast"
    assert medians == {"slow": pytest.approx(300), "fast": pytest.approx(200)}
    assert order == ["slow", "fast"] * 3

"""Means and intervals over trainings, against tables of Student's t."""

import pytest
from ablation_report import make_differences, make_table
from seeds import above, interval

T_95_OF_3 = 4.302653  # two degrees of freedom


def run(seed, value, variant="2 stacks", dataset="lspet", half=1.5):
    score = {"value": value, "low": value - half, "high": value + half}
    return {
        **{"variant": variant, "dataset": dataset, "seed": seed},
        **{"parameters": 1234, "multiply_adds": 5_600_000, "minutes": 20.0},
        "scores": {"PCK@0.2": score, "PCK@0.1": score},
    }


def test_seeds_have_students_interval():
    runs = [run(seed, value) for seed, value in enumerate([10.0, 11.0, 12.0])]
    mean, half = interval(runs, "PCK@0.2")
    assert mean == 11
    assert half == pytest.approx(T_95_OF_3 * 1 / 3**0.5)


def test_one_seed_has_the_interval_over_people():
    assert interval([run(0, 10.0, half=2.0)], "PCK@0.2") == (10, 2)


def test_differences_are_paired_by_seed_whatever_the_order():
    base = [run(0, 10.0), run(1, 20.0), run(2, 30.0)]
    better = [run(2, 33.0), run(0, 11.0), run(1, 22.0)]
    # 1, 2 and 3 above: the seeds' own spread of 10 is not in the interval.
    assert above(better, base, "PCK@0.2") == f"+2.0 ± {T_95_OF_3 / 3**0.5:.1f}"
    assert above(better[:1], base, "PCK@0.2") == "+3.0"
    assert above([run(7, 1.0)], base, "PCK@0.2") == ""


def test_a_table_has_a_row_a_variant_and_says_what_is_not_measured():
    runs = [run(0, 10.0), run(0, 12.0, "4 stacks"), run(0, 9.0, dataset="drawn")]
    head, _, two, four, _, note, *_ = make_table(runs).splitlines()
    assert "lspet PCK@0.2 | @0.1 | drawn PCK@0.2 | @0.1" in head
    numbers = "10.0 ± 1.5 | 10.0 ± 1.5 | 9.0 ± 1.5 | 9.0 ± 1.5"
    assert two == f"| 2 stacks | 1,234 | 6 M | {numbers} |"
    assert four.endswith("| 12.0 ± 1.5 | 12.0 ± 1.5 | not measured |  |")
    assert note == "3 trainings, 1.0 hours."


def test_the_differences_leave_out_the_reference():
    runs = [run(0, 10.0), run(0, 12.0, "4 stacks")]
    rows = make_differences(runs).splitlines()
    assert not any(row.startswith("| 2 stacks |") for row in rows)
    assert "| 4 stacks | +2.0 | +2.0 |" in rows

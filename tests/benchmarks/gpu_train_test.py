import argparse
import dataclasses
import json
import subprocess
import sys

import gpu_train
import pytest
from gpu_train import Case

CASES = (Case(stacks=2, batch=16), Case(stacks=8, batch=16))
FIGURES = {
    **{"images_per_second": 100.0, "milliseconds": 160.0, "share_of_peak": 0.25},
    **{"peak_bytes": 2**30, "compile_seconds": 7.0},
}


@pytest.fixture
def report():
    about = {"device": "NVIDIA L4", "platform": "gpu", "versions": {"jax": "0.0"}}
    return {**about, "results": []}


def given(seconds):
    return argparse.Namespace(seconds=seconds, trace=None, small=False)


def measure(monkeypatch, report, out, answers, seconds=480.0):
    """Measure with the given answers in place of processes; how many are left."""
    monkeypatch.setattr(gpu_train, "_in_a_process", lambda *_: next(answers))
    return gpu_train.measure_all(CASES, report, out, given(seconds))


def test_what_failed_is_tried_again_after_what_was_not_tried(
    monkeypatch, report, tmp_path
):
    out = tmp_path / "kept.json"
    slow = {"failed": "took more than 240 s"}
    assert measure(monkeypatch, report, out, iter([slow, None])) == 1
    tried = []
    monkeypatch.setattr(gpu_train, "_in_a_process", lambda case, *_: tried.append(case))
    gpu_train.measure_all(CASES, report, out, given(480.0))
    assert tried == [CASES[1]]


def test_what_is_measured_is_kept_at_once_and_not_measured_again(
    monkeypatch, report, tmp_path
):
    out = tmp_path / "kept.json"
    # The second one is cut off by the clock.
    assert measure(monkeypatch, report, out, iter([FIGURES, None])) == 1
    kept = json.loads(out.read_text())
    assert [entry["case"] for entry in kept["results"]] == [
        dataclasses.asdict(CASES[0])
    ]
    failed = {"failed": "out of memory"}
    assert measure(monkeypatch, kept, out, iter([failed])) == 0
    assert json.loads(out.read_text())["results"][1]["failed"] == "out of memory"


def test_what_failed_by_something_else_is_tried_again(monkeypatch, report, tmp_path):
    out = tmp_path / "kept.json"
    failures = iter([{"failed": "the device was busy"}, {"failed": "out of memory"}])
    assert measure(monkeypatch, report, out, failures) == 0
    kept = json.loads(out.read_text())
    assert measure(monkeypatch, kept, out, iter([FIGURES])) == 0
    ends = [each.get("failed") for each in json.loads(out.read_text())["results"]]
    assert ends == ["out of memory", None]


def test_results_of_other_versions_are_left_alone(monkeypatch, report, tmp_path):
    out = tmp_path / "kept.json"
    out.write_text(json.dumps(report))
    here = {"device": report["device"], "platform": "gpu", "versions": {"jax": "0.1"}}
    monkeypatch.setattr(gpu_train, "_device", lambda: here)
    monkeypatch.setattr(sys, "argv", ["gpu_train.py", "--out", str(out)])
    with pytest.raises(SystemExit, match="is of versions .*0.0.*, not .*0.1"):
        gpu_train.main()
    assert json.loads(out.read_text()) == report


def test_where_there_is_no_gpu_the_large_cases_are_not_begun(monkeypatch):
    monkeypatch.setattr(
        gpu_train, "_device", lambda: {"device": "cpu", "platform": "cpu"}
    )
    monkeypatch.setattr(sys, "argv", ["gpu_train.py"])
    with pytest.raises(SystemExit, match="no GPU: JAX computes on cpu"):
        gpu_train.main()


def test_nothing_begins_that_cannot_end_in_time(monkeypatch, report, tmp_path):
    assert measure(monkeypatch, report, tmp_path / "out", iter([]), seconds=30.0) == 2


@pytest.mark.parametrize(
    ("code", "stdout", "stderr", "expected"),
    [
        (0, 'noise\n{"a": 1}\n', "", {"a": 1}),
        (
            1,
            "",
            "...\nXlaRuntimeError: RESOURCE_EXHAUSTED: 9 GiB\nend",
            "out of memory",
        ),
        (1, "", "Traceback\nValueError: no\n", "ValueError: no"),
        (-9, "", "", "status -9"),
    ],
)
def test_a_process_answers_or_says_why_not(code, stdout, stderr, expected):
    answer = gpu_train.read_answer(
        subprocess.CompletedProcess([], code, stdout, stderr)
    )
    assert answer == (expected if code == 0 else {"failed": expected})


def test_the_table_has_a_row_a_measurement_and_a_cell_a_column(
    monkeypatch, report, tmp_path
):
    answers = iter([FIGURES, {"failed": "out of memory"}])
    measure(monkeypatch, report, tmp_path / "out.json", answers)
    lines = [line for line in gpu_train.table(report).splitlines() if "|" in line]
    head, _, first, second = ([c.strip() for c in x.split("|")[1:-1]] for x in lines)
    assert len(first) == len(second) == len(head)
    assert first[head.index("images/s")] == "100"
    assert first[head.index("of peak")] == "25.0 %"
    assert second[head.index("images/s")] == "out of memory"

"""What reports are made of, and what they leave alone."""

import json

import pytest
from against_torch import make_table
from pages import put_table
from trials import read_results


def test_results_that_are_kept_stay_until_they_are_made_anew(tmp_path):
    def run(variant, seed, score):
        return {"variant": variant, "seed": seed, "score": score}

    kept = tmp_path / "results.json"
    kept.write_text(json.dumps([run("a", 0, 1), run("a", 1, 2), run("b", 0, 3)]))
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "result.json").write_text(json.dumps(run("a", 1, 4)))
    found = read_results(tmp_path / "runs", kept)
    assert sorted(found, key=str) == [run("a", 0, 1), run("a", 1, 4), run("b", 0, 3)]
    assert read_results(tmp_path / "nothing", tmp_path / "nothing.json") == []


def test_the_comparison_is_a_table_that_says_what_is_missing():
    ratio = {"median": 1.036, "lower_quartile": 1.0, "upper_quartile": 1.057}
    case = {"ratio": ratio, "ours_ms": {"median": 49.91}, "torch_ms": {"median": 1234}}
    head, _, *rows = make_table({"inference:2:1:float32": case}).splitlines()
    assert head == "| | 1 stack | 2 stacks | 8 stacks |"
    assert len(rows) == 6  # of inference, as no training was measured
    (row,) = (row for row in rows if "49.9" in row)
    assert row == (
        "| inference, float32, 1 image | not measured "
        "| **1.04** (1.00 to 1.06); 49.9 : 1,234 | not measured |"
    )


def test_a_table_goes_between_its_marks_and_nowhere_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- x -->\nold\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n")
    put_table(page, "new\n", "x")
    assert page.read_text() == (
        "a\n<!-- x -->\nnew\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n"
    )
    with pytest.raises(SystemExit, match="has no place for it"):
        put_table(page, "new\n", "z")

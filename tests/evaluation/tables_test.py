import pytest

from hourglass_jax.evaluation import (
    compare_files,
    format_markdown,
    format_table,
    score_files,
)

from .conftest import coco_labels, coco_results, write_json

FIELD = "Head Shoulder Elbow Wrist Hip Knee Ankle Mean Mean@0.1 AUC"


@pytest.fixture(scope="module")
def scored(mpii_files):
    files = mpii_files / "worse.mat", mpii_files / "valid.h5"
    return score_files(*files, "pckh", rounds=50)


@pytest.fixture(scope="module")
def compared(mpii_files):
    files = (mpii_files / name for name in ("worse.mat", "better.mat", "valid.h5"))
    return compare_files(*files, "pckh", rounds=200)


def cells(text, label):
    """The numbers of the line that starts with a label."""
    line = next(line for line in text.splitlines() if line.startswith(label))
    return line.removeprefix(label).split()


def test_columns_are_in_the_fields_order(scored):
    text = format_table(scored)
    assert " ".join(cells(text, "PCKh@0.5")) == FIELD
    shown = cells(text, "all")
    at_half, at_a_tenth, area = scored["scores"].values()
    names = ("Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")
    expected = [at_half[name]["value"] for name in names]
    expected += [row["pooled over 14 joints"]["value"] for row in (at_half, at_a_tenth)]
    expected.append(area["pooled over 14 joints"]["value"])
    assert shown == [f"{value:.2f}" for value in expected]


def test_every_mean_has_its_name_beside_it(scored):
    text = format_table(scored)
    for name, entry in list(scored["scores"]["PCKh@0.5"].items())[7:]:
        assert f"{entry['value']:.2f}" in cells(text, name)
    assert "pooled over 14 joints (above: Mean)" in text


def test_a_table_says_what_was_counted(scored):
    text = format_table(scored)
    assert "PCKh of worse.mat on valid.h5" in text
    assert "40 people" in text
    assert "up to (<=) 0.5 of the head size" in text
    assert "95 % interval over people (50 bootstrap rounds, seed 0)" in text


def test_markdown_holds_the_same_cells(scored):
    text = format_markdown(scored)
    header = "| PCKh@0.5 | " + " | ".join(FIELD.split()) + " |"
    lines = text.splitlines()
    assert header in lines
    assert lines[lines.index(header) + 1].count("---:") == 10
    row = "| all | " + " | ".join(cells(format_table(scored), "all")) + " |"
    assert row in lines


def test_a_comparison_says_by_how_much(compared):
    text = format_table(compared)
    entry = compared["difference"]["scores"]["PCKh@0.5"]["pooled over 14 joints"]
    half = (entry["high"] - entry["low"]) / 2
    assert f"B is better by {entry['value']:.2f} ± {half:.2f}." in text
    assert f"{entry['value']:+.2f}" in cells(text, "B - A")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"value": -2.0, "low": -3.0, "high": -1.0}, "B is worse by 2.00 ± 1.00."),
        ({"value": 0.5, "low": -0.1, "high": 1.1}, "no clear difference, +0.50 ± 0.60"),
        ({"value": None, "low": None, "high": None}, "nothing to compare"),
    ],
)
def test_a_difference_is_claimed_only_where_the_interval_shows_one(
    compared, entry, said
):
    rows = compared["difference"]["scores"]
    changed = {**rows, "PCKh@0.5": rows["PCKh@0.5"] | {"pooled over 14 joints": entry}}
    difference = compared["difference"] | {"scores": changed}
    assert said in format_table(compared | {"difference": difference})


def test_files_of_one_name_are_told_apart(mpii_files, tmp_path):
    other = tmp_path / "worse.mat"
    other.write_bytes((mpii_files / "worse.mat").read_bytes())
    files = mpii_files / "worse.mat", other, mpii_files / "valid.h5"
    text = format_table(compare_files(*files, "pckh", rounds=5))
    assert f"A, {files[0]}, and B, {other}" in text


def test_pck_has_the_skeletons_columns(mpii_files):
    files = mpii_files / "worse.mat", mpii_files / "valid.h5"
    text = format_table(score_files(*files, "pck", rounds=5))
    assert " ".join(cells(text, "PCK@0.2")) == FIELD
    assert "of the torso" in text


def test_oks_has_its_ten_numbers(tmp_path):
    labels = coco_labels([(1, 10.0), (2, 50.0)])
    truth = write_json(tmp_path / "labels.json", labels)
    results = write_json(tmp_path / "r.json", coco_results(labels, [0.0, 2.0]))
    found = score_files(results, truth, "oks", rounds=5)
    text = format_table(found)
    assert text.startswith("OKS-AP of r.json on labels.json")
    assert "2 people in 2 photographs" in text
    assert [len(cells(text, label)) for label in ("all", "±")] == [10, 10]
    assert cells(text, "all")[4] == "-"  # nobody is large
    both = compare_files(results, results, truth, "oks", rounds=5)
    assert "AP: no clear difference, +0.00 ± 0.00 holds 0." in format_table(both)

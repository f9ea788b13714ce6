import json
import os
from pathlib import Path

import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference.inputs import Input, find_inputs, name_results


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "B.JPG", "odd[1].png", "c.mp4", "notes.md"):
        (tmp_path / "in" / name).write_text("")
    return tmp_path / "in"


def found(*given):
    return [each.path.name for each in find_inputs(given)]


def test_folders_patterns_and_files_are_found_once_each(folder, capsys):
    everything = found(folder / "B.JPG", folder, str(folder / "*.png"))
    assert everything == ["B.JPG", "a.png", "c.mp4", "odd[1].png"]
    said = capsys.readouterr().err
    assert "1 other files left out" in said
    assert "named twice, left out: 3\n" in said
    assert found(folder / "odd[1].png") == ["odd[1].png"]


def test_two_names_of_one_file_are_two_photographs(folder, capsys):
    (folder / "a.png").rename(folder.parent / "kept.png")
    for name in ("a.png", "z.png"):
        (folder / name).symlink_to("../kept.png")
    assert found(str(folder / "?.png")) == ["a.png", "z.png"]
    assert found(folder / "a.png", folder / "../in/a.png") == ["a.png"]
    assert capsys.readouterr().err == "inputs that were named twice, left out: 1\n"


@pytest.mark.parametrize("turn", [1, -1])
def test_one_file_with_two_ids_is_two_photographs(folder, turn, capsys):
    """Which stand for the file without an id, too."""
    images = [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "a.png"}]
    path = folder / "coco.json"
    path.write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    inputs = find_inputs([path, folder / "a.png"][::turn])
    assert inputs == [Input(folder / "a.png", key) for key in (7, 8)]
    assert "named twice, left out: 1\n" in capsys.readouterr().err


def test_films_are_told_by_their_names(folder):
    films = {i.path.name for i in find_inputs([folder]) if i.is_film}
    assert films == {"c.mp4"}


def test_a_list_names_files_from_here_or_from_where_it_lies(folder):
    listed = folder / "list.txt"
    listed.write_text(f"# people\na.png\n\n{folder / 'B.JPG'}\ngone.jpg\n")
    paths = [each.path for each in find_inputs([listed])]
    assert paths == [folder / "a.png", folder / "B.JPG", Path("gone.jpg")]


@pytest.mark.parametrize("where", ["coco.json", "annotations/coco.json"])
def test_coco_annotations_name_photographs_with_their_ids(folder, where):
    images = [{"id": 7, "file_name": "a.png"}, {"id": "x", "file_name": "gone.jpg"}]
    path = folder / where
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    assert find_inputs([path]) == [
        Input(folder / "a.png", 7),
        Input(folder / "gone.jpg", "x"),
    ]


@pytest.mark.parametrize("where", ["val2017", "images/val"])
def test_cocos_own_layout_is_found(folder, where):
    path = folder / "annotations" / "person_keypoints_val2017.json"
    images = [{"id": 7, "file_name": "a.png"}]
    for place in (path.parent, folder / where, folder / "train2017"):
        place.mkdir(parents=True, exist_ok=True)
    (folder / "a.png").rename(folder / where / "a.png")
    path.write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    assert find_inputs([path]) == [Input(folder / where / "a.png", 7)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("empty", "folder without photographs"),
        ("*.bmp", "nothing matches"),
        ("empty.txt", "names no photograph"),
        ("binary.txt", "is no list of names"),
        ("bad.json", "not JSON"),
    ],
)
def test_an_input_without_photographs_is_refused(tmp_path, given, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("\n# none\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(InputError, match=message):
        find_inputs([tmp_path / given])
    with pytest.raises(InputError, match="no photograph"):
        find_inputs([])


def test_results_have_names_of_their_own():
    paths = [Path(name) for name in ("x/a.png", "y/a.png", "y/a-2.png", "y/a.jpg")]
    inputs = [*map(Input, paths), Input(paths[0], 7)]
    names = name_results(inputs, {})
    assert [names[each] for each in inputs] == ["a", "a-3", "a-2", "a-4", "a-5"]


def test_names_that_were_given_before_stay():
    old, new = Input(Path("y/a.png")), Input(Path("x/a.png"))
    names = name_results([new, old], {old: "a"})
    assert (names[old], names[new]) == ("a", "a-2")


@pytest.mark.parametrize("letter", ["a", "ä", "家"])
def test_long_names_are_made_short_enough_for_what_is_put_to_them(letter):
    stem = letter * (240 // len(letter.encode()))
    inputs = [Input(Path(f"x{i}/{stem}.png")) for i in range(11)]
    names = list(name_results(inputs, {}).values())
    assert len(set(names)) == 11
    for name in names:
        assert stem.startswith(name.split("-")[0])
        assert 200 < len(os.fsencode(f".{name}_heatmaps_1000.png.partial")) <= 255

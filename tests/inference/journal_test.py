import json

import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference.journal import CannotWriteError, Journal

SETTINGS = {"model": "m", "scales": (1.0,), "flip": False}


def test_what_was_written_is_there_on_a_second_start(tmp_path):
    with Journal(tmp_path, SETTINGS, resume=False) as journal:
        journal.add({"photograph": "ä.jpg"})
        journal.add({"photograph": "b.jpg"})
    with Journal(tmp_path, SETTINGS, resume=True) as journal:
        assert journal.earlier == [{"photograph": "ä.jpg"}, {"photograph": "b.jpg"}]
        journal.add({"photograph": "c.jpg"})
    lines = (tmp_path / "poses.jsonl").read_text().splitlines()
    assert len(list(map(json.loads, lines))) == 4


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_line_that_was_cut_off_is_as_good_as_none(tmp_path, cut):
    with Journal(tmp_path, SETTINGS, resume=False) as journal:
        journal.add({"photograph": "ä.jpg"})
        journal.add({"photograph": "ö.jpg"})
    path = tmp_path / "poses.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(tmp_path, SETTINGS, resume=True) as journal:
        assert journal.earlier == [{"photograph": "ä.jpg"}]
        journal.add({"photograph": "c.jpg"})
    with Journal(tmp_path, SETTINGS, resume=True) as journal:
        assert [e["photograph"] for e in journal.earlier] == ["ä.jpg", "c.jpg"]


def test_nothing_is_left_of_a_line_that_was_cut_off(tmp_path):
    with Journal(tmp_path, SETTINGS, resume=False) as journal:
        journal.add({"photograph": "x" * 200})
    path = tmp_path / "poses.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    with Journal(tmp_path, SETTINGS, resume=True) as journal:
        journal.add({"photograph": "c.jpg"})
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[1:] == [{"photograph": "c.jpg"}]


def test_a_new_start_begins_anew_after_one_that_came_to_its_end(tmp_path):
    for _ in range(2):
        with Journal(tmp_path, SETTINGS, resume=False) as journal:
            assert journal.earlier == []
            journal.add({"photograph": "a.jpg"})
            journal.finish()
    assert len((tmp_path / "poses.jsonl").read_text().splitlines()) == 3


def test_a_new_start_never_loses_what_was_stopped(tmp_path):
    with Journal(tmp_path, SETTINGS, resume=False) as journal:
        journal.add({"photograph": "a.jpg"})
        journal.finish()
    with Journal(tmp_path, SETTINGS, resume=True) as journal:
        assert journal.earlier == [{"photograph": "a.jpg"}]
        journal.add({"photograph": "b.jpg"})
    content = (tmp_path / "poses.jsonl").read_bytes()
    message = r"poses\.jsonl holds 2 answers .* --resume, give another --out, or delete"
    with pytest.raises(InputError, match=message):
        Journal(tmp_path, SETTINGS, resume=False)
    assert (tmp_path / "poses.jsonl").read_bytes() == content


def test_what_was_stopped_before_an_answer_is_nothing_to_lose(tmp_path):
    with Journal(tmp_path, SETTINGS, resume=False):
        pass
    with (tmp_path / "poses.jsonl").open("a") as file:
        file.write('{"photogr')
    with Journal(tmp_path, SETTINGS | {"flip": True}, resume=False) as journal:
        assert journal.earlier == []


def test_going_on_where_nothing_was_begun_is_a_new_start(tmp_path):
    with Journal(tmp_path, SETTINGS, resume=True) as journal:
        assert journal.earlier == []


def test_other_settings_are_refused_by_name(tmp_path):
    with Journal(tmp_path, SETTINGS, resume=False):
        pass
    with pytest.raises(
        InputError, match="flip was False when .* and is True now; .* another --out"
    ):
        Journal(tmp_path, SETTINGS | {"flip": True}, resume=True)


@pytest.mark.parametrize("content", ["{]\n", "5\n", "{}\n", "\xff\xfe\n"])
def test_a_damaged_journal_is_refused(tmp_path, content):
    (tmp_path / "poses.jsonl").write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=r"poses\.jsonl"):
        Journal(tmp_path, SETTINGS, resume=True)


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    with (
        Journal(tmp_path, SETTINGS, resume=False) as journal,
        open("/dev/full", "wb", buffering=0) as full,
    ):
        monkeypatch.setattr(journal, "_file", full)
        with pytest.raises(CannotWriteError, match="No space left .* --resume"):
            journal.add({"photograph": "a.jpg"})
        monkeypatch.undo()


def test_a_disk_that_is_full_at_the_start_is_one_line(tmp_path):
    (tmp_path / "poses.jsonl").symlink_to("/dev/full")
    with pytest.raises(InputError, match="cannot be written"):
        Journal(tmp_path, SETTINGS, resume=False)

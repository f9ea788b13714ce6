import threading
from pathlib import Path

import pytest

from hourglass_jax.config import DataConfig
from hourglass_jax.data import datasets, schema
from hourglass_jax.data.datasets import data_dir, open_dataset
from hourglass_jax.errors import InputError


@pytest.fixture
def config(raw_folder, tmp_path):
    return DataConfig(dataset="lspet", raw_dir=raw_folder, data_dir=tmp_path / "kept")


def test_an_unknown_data_set_names_the_known_ones():
    with pytest.raises(InputError, match="'mpi'; expected one of synthetic_people, l"):
        open_dataset(DataConfig(dataset="mpi"))


def test_the_folder_is_the_configs_then_the_environments_then_the_cache(monkeypatch):
    monkeypatch.setenv("HOURGLASS_DATA_DIR", "/from/environment")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert data_dir(DataConfig(data_dir=Path("/given"))) == Path("/given")
    assert data_dir(DataConfig()) == Path("/from/environment")
    monkeypatch.delenv("HOURGLASS_DATA_DIR")
    assert data_dir(DataConfig()) == Path("/cache/hourglass_jax")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert data_dir(DataConfig()) == Path.home() / ".cache" / "hourglass_jax"


def test_a_folder_that_cannot_be_made_is_named(config, tmp_path):
    (tmp_path / "kept").touch()
    with pytest.raises(InputError, match=r"data_dir: .*kept.* --data.data-dir"):
        open_dataset(config)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_preparation_leaves_nothing(config, monkeypatch, error):
    def interrupted(path):
        if path.name == "im00006.jpg":
            raise error
        return real(path)

    real = schema.read_photograph
    with monkeypatch.context() as patch:
        patch.setattr(schema, "read_photograph", interrupted)
        with pytest.raises(error):
            open_dataset(config)
    assert not list(config.data_dir.rglob("*array_record*"))
    assert len(open_dataset(config).split("train")) == 8


def test_what_a_killed_process_left_is_removed(config):
    open_dataset(config)
    (finished,) = config.data_dir.glob("lspet/*/1.1.0")
    left = finished.rename(finished.with_name("incomplete.ABCDEF_1.1.0"))
    (left / "dataset_info.json").unlink()
    assert len(open_dataset(config).split("train")) == 8
    assert finished.exists()
    assert not left.exists()


def test_only_one_of_several_starts_prepares(config, monkeypatch, capsys):
    read, answers = [], []
    first_is_at_it = threading.Event()

    def counted(path):
        read.append(path.name)
        first_is_at_it.set()
        return real(path)

    def start():
        answers.append(len(open_dataset(config).split("train")))

    real = schema.read_photograph
    monkeypatch.setattr(schema, "read_photograph", counted)
    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [8, 8, 8]
    assert len(read) == len(set(read)) == 12


def test_a_second_start_says_that_it_waits(config, capsys):
    with datasets._only_one(config.data_dir.parent / "lock"):
        waiting = threading.Thread(target=_hold, args=(config.data_dir.parent,))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
    waiting.join()
    assert "waiting for another process" in capsys.readouterr().err


def _hold(folder):
    with datasets._only_one(folder / "lock"):
        pass


def test_preparing_tells_its_progress_and_nothing_else(config, capfd):
    open_dataset(config)
    told = capfd.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("lspet ") for line in lines)


def test_a_second_opening_only_reads_and_is_silent(config, capfd, monkeypatch):
    open_dataset(config)
    capfd.readouterr()
    monkeypatch.setattr(datasets, "_prepare", None)  # the folder may be read-only
    open_dataset(config)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "dataset_info.json").unlink(),
        lambda folder: next(folder.glob("*validation.array_record*")).unlink(),
        lambda folder: _halve(next(folder.glob("*train.array_record*"))),
    ],
    ids=["no information", "no records", "half the records"],
)
def test_prepared_records_that_are_damaged_say_what_to_remove(config, damage):
    open_dataset(config)
    (folder,) = config.data_dir.glob("lspet/*/1.1.0")
    damage(folder)
    with pytest.raises(
        InputError, match=r"prepared data: .*1\.1\.0 is damaged .*remov"
    ):
        open_dataset(config)


def _halve(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def test_parts_of_an_older_version_are_not_taken_for_this_ones(config, monkeypatch):
    def interrupted(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(schema, "read_photograph", interrupted)
        with pytest.raises(KeyboardInterrupt):
            open_dataset(config)
    (home,) = config.data_dir.glob("lspet/*")
    older = home / "parts.1.0.0" / "train"
    older.mkdir(parents=True)
    (older / "000000000.npz").write_text("other fields")
    assert len(open_dataset(config).split("train")) == 8

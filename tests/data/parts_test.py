import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from hourglass_jax.data import parts
from hourglass_jax.data.schema import make_record
from hourglass_jax.errors import InputError


def make(number):
    """A picture that tells the number; every tenth is refused."""
    if number % 10 == 7:
        raise InputError(f"number {number}: is bad")
    return make_record(
        np.full((8, 6 + number % 3, 3), number % 256, np.uint8),
        keypoints_img=np.full((2, 2), number, np.float32),
        visibility=np.array([1, 2], np.uint8),
        center_img=np.array([3.0, 4.0]),
        side_img=5.0,
        file=f"{number}.jpg",
        person=number,
    )


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "PEOPLE", 4)


def same(a, b):
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    return a.keys() == b.keys() and all(
        np.array_equal(a[field], b[field]) for field in a
    )


def expected(number):
    try:
        return make(number)
    except InputError as error:
        return str(error)


def test_records_come_back_as_they_were_made_in_order(tmp_path, small_parts):
    made = list(parts.make_records("x", make, range(3, 31), folder=tmp_path))
    assert len(made) == 28
    assert all(same(a, expected(n)) for a, n in zip(made, range(3, 31), strict=True))


def test_a_part_of_refusals_alone_is_a_part(tmp_path, small_parts):
    made = list(parts.make_records("x", make, [7, 17, 27], folder=tmp_path))
    assert made == [f"number {n}: is bad" for n in (7, 17, 27)]


def test_the_number_of_processes_changes_no_byte(tmp_path, small_parts):
    for processes in (0, 2):
        folder = tmp_path / str(processes)
        list(
            parts.make_records("x", make, range(20), folder=folder, processes=processes)
        )
    one, two = (sorted((tmp_path / name).iterdir()) for name in "02")
    assert [path.name for path in one] == [path.name for path in two]
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_parts_that_are_there_are_not_made_again(tmp_path, small_parts):
    def stops(number):
        if number == 13:
            raise KeyboardInterrupt
        return make(3)

    with pytest.raises(KeyboardInterrupt):
        list(parts.make_records("x", stops, range(20), folder=tmp_path))
    kept = {path.name for path in tmp_path.iterdir()}
    assert {"000000000.npz", "000000004.npz", "000000008.npz"} <= kept
    again = []

    def counted(number):
        again.append(number)
        return make(3)

    made = list(parts.make_records("x", counted, range(20), folder=tmp_path))
    assert len(made) == 20
    assert not set(again) & set(range(12))
    assert 13 in again


def test_parts_with_refusals_are_made_again(tmp_path, small_parts):
    list(parts.make_records("x", make, range(5, 13), folder=tmp_path))

    def mended(number):
        return make(8 if number == 7 else number)

    made = list(parts.make_records("x", mended, range(5, 13), folder=tmp_path))
    assert [record["person"] for record in made] == [5, 6, 8, 8, 9, 10, 11, 12]


@pytest.mark.slow
def test_a_killed_preparation_goes_on(tmp_path):
    script = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from hourglass_jax.config import DataConfig
        from hourglass_jax.data.datasets import open_dataset
        if __name__ == "__main__":
            data = DataConfig(people=600, data_dir=Path({str(tmp_path)!r}))
            print(len(open_dataset(data).split("train")))
        """
    )
    (tmp_path / "prepare.py").write_text(script)
    command = [sys.executable, str(tmp_path / "prepare.py")]
    environment = os.environ | {"PYTHONPATH": str(Path(parts.__file__).parents[2])}
    first = subprocess.Popen(command, env=environment, start_new_session=True)
    while not list(tmp_path.rglob("*.npz")):
        assert first.poll() is None
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert not list(tmp_path.rglob("dataset_info.json"))
    second = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    )
    assert second.stdout == "600\n"
    assert not list(tmp_path.rglob("*.npz"))


@pytest.mark.slow
def test_a_script_without_a_guard_ends_and_says_why(tmp_path):
    """Each process imports the script anew, and with it what prepares the data."""
    (tmp_path / "prepare.py").write_text(
        "from pathlib import Path\n"
        "from hourglass_jax.config import DataConfig\n"
        "from hourglass_jax.data.datasets import open_dataset\n"
        f"open_dataset(DataConfig(people=1000, data_dir=Path({str(tmp_path)!r})))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(parts.__file__).parents[2])}
    ended = subprocess.run(
        [sys.executable, str(tmp_path / "prepare.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode == 1
    assert "if __name__ == '__main__':" in ended.stderr.splitlines()[-1]

"""The mesh: which devices hold what, and what does not fit."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from hourglass_jax.config import Config, DataConfig, MeshConfig, TrainConfig
from hourglass_jax.errors import InputError
from hourglass_jax.training.sharding import make_mesh, put_batch

ROOT = Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Device:
    """What a mesh wants to know of a device."""

    process_index: int
    id: int


def config(data=0, space=1, batch_size=16, accumulate=1, input_size=64 * 5):
    return Config(
        mesh=MeshConfig(data=data, space=space),
        data=DataConfig(input_size=input_size),
        train=TrainConfig(batch_size=batch_size, accumulate=accumulate),
    )


@pytest.fixture
def devices(monkeypatch):
    """Two processes of four devices, as a TPU may list them: not by process."""
    listed = [
        Device(process_index=process, id=4 * process + i)
        for i in range(4)
        for process in (1, 0)
    ]
    monkeypatch.setattr(jax, "devices", lambda: listed)


@pytest.mark.usefixtures("devices")
@pytest.mark.parametrize(
    ("wanted", "shape"),
    [((0, 1), (8, 1)), ((0, 2), (4, 2)), ((2, 4), (2, 4)), ((8, 1), (8, 1))],
)
def test_processes_hold_consecutive_rows_and_whole_pictures(wanted, shape):
    mesh = make_mesh(config(*wanted))
    assert mesh.devices.shape == shape
    assert mesh.axis_names == ("data", "space")
    assert [device.id for device in mesh.devices.flat] == list(range(8))


@pytest.mark.usefixtures("devices")
@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"data": 3}, "is 3 x 1; expected the number of devices, 8"),
        ({"data": 8, "space": 2}, "is 8 x 2; expected the number of devices, 8"),
        ({"space": 8}, "mesh.space is 8; expected a divisor of the 4 devices of a"),
        ({"batch_size": 12}, "train.batch_size is 12; expected a multiple of 8, "),
        ({"accumulate": 4}, r"is 16; expected a multiple of 32, .* \(8\) .* \(4\)"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, says):
    with pytest.raises(InputError, match=says):
        make_mesh(config(**wrong))


def test_pictures_whose_height_cannot_be_split_are_refused(monkeypatch):
    listed = [Device(process_index=0, id=i) for i in range(3)]
    monkeypatch.setattr(jax, "devices", lambda: listed)
    with pytest.raises(InputError, match="is 3; expected a divisor of data.input_size"):
        make_mesh(config(space=3))


def test_a_batch_arrives_as_it_was():
    batch = {
        "image": np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3),
        "visibility": np.eye(2, dtype=np.uint8),
    }
    put = put_batch(batch, make_mesh(config()))
    for name, array in batch.items():
        np.testing.assert_array_equal(put[name], array)


@pytest.mark.slow
def test_on_eight_devices_what_needs_several_holds():
    """One process has as many devices as it started with: hence another one."""
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *("tests/training/eight_devices_test.py", "tests/models/hourglass_test.py"),
        *("-k", "eight_devices or sharded"),
    ]
    flags = "--xla_force_host_platform_device_count=8"
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"XLA_FLAGS": flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout

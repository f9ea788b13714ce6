"""Several processes train the network that one process trains."""

import os
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.training import processes
from hourglass_jax.training.checkpoints import read_workdir
from hourglass_jax.training.processes import (
    ProcessLostError,
    joined,
    on_first,
    require_same,
)

from .runs import assert_same_end, finish, scalars, start, wait_for, write_config


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((None, 2, 0), "--processes and --process-id need --coordinator"),
        (("host:1234", None, 0), "needs --processes N and --process-id I"),
        (("host:1234", 2, None), "needs --processes N and --process-id I"),
        (("auto", 2, None), "--coordinator auto takes neither"),
        (("host", 2, 0), "'host'; expected HOST:PORT"),
        (("8080", 2, 0), "'8080'; expected HOST:PORT"),
        (("127.0.0.1:1", 2, 2), "--process-id is 2; expected 0 to 1"),
    ],
)
def test_options_that_do_not_fit_together_are_one_line(options, said):
    with pytest.raises(InputError, match=said) as caught, joined(*options):
        pass
    assert "\n" not in str(caught.value)


def test_processes_that_a_launcher_started_do_not_train_alone(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "8")
    with pytest.raises(InputError, match="8 processes .*pass --coordinator auto"):
        joined().__enter__()


def test_one_process_is_the_first_and_agrees_with_itself():
    with joined():
        assert on_first(lambda: 7) == 7
        require_same("anything")


def test_what_jax_says_of_a_lost_process_is_said_in_one_line(monkeypatch):
    """And the process ends with 1 at once instead of waiting for the lost one."""
    at_exit = []
    monkeypatch.setattr(processes, "_connect", lambda *_: None)
    monkeypatch.setattr(processes.atexit, "register", lambda *a: at_exit.append(a))
    with (
        pytest.raises(ProcessLostError, match="process 0 of 1 cannot go on") as caught,
        joined("127.0.0.1:1234", 2, 0),
    ):
        raise jax.errors.JaxRuntimeError("Connection closed by peer\nand much more")
    assert "Connection closed by peer. Unless" in str(caught.value)
    assert "Start all of them again" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [status for _, status in at_exit] == [1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_pair(config, workdir):
    """Two processes of four devices each."""
    where = ("--coordinator", f"127.0.0.1:{free_port()}", "--processes", "2")
    return [
        start(config, workdir, *where, "--process-id", str(i), devices=4)
        for i in range(2)
    ]


def start_pair_as_slurm_does(config, workdir, *options):
    """The same with what `srun` says in the environment."""
    port = str(free_port())
    step = {
        "SLURM_JOB_ID": "7",
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": "2",
    }
    return [
        start(
            *(config, workdir, "--coordinator", "auto", *options),
            devices=4,
            **step,
            **{"SLURM_PROCID": str(i), "SLURM_LOCALID": str(i)},
            JAX_COORDINATOR_PORT=port,
        )
        for i in range(2)
    ]


@pytest.fixture(scope="module")
def config(plain, tmp_path_factory):
    path = tmp_path_factory.mktemp("pair") / "config.py"
    return write_config(path, plain, batch_size=8, steps=12, evaluate_every=4)


@pytest.fixture(scope="module")
def undisturbed(config):
    """What a pair leaves, and what its processes said."""
    workdir = config.parent / "pair"
    ends = [finish(process) for process in start_pair(config, workdir)]
    assert [status for status, _ in ends] == [0, 0], ends
    return workdir, [said for _, said in ends]


@pytest.mark.slow
def test_two_processes_see_what_one_process_sees(config, undisturbed):
    """Eight devices either way: everybody is in the same place of the same batch.

    Losses differ by the rounding of sums that are taken in another order, which AdamW
    makes larger from step to step; a person twice or left out changes the third digit.
    """
    workdir, said = undisturbed
    alone = config.parent / "alone"
    assert finish(start(config, alone, devices=8))[0] == 0
    found, expected = (
        [s["loss"] for s in scalars(w) if "loss" in s] for w in (workdir, alone)
    )
    assert len(found) == 12
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    names = [{p.name for p in w.iterdir()} for w in (workdir, alone)]
    assert names[0] == names[1]
    assert "validation PCK" in said[0]
    assert "validation PCK" not in said[1]
    assert len(list((workdir / "tensorboard").iterdir())) == 1


def wait_for_step_9(first, workdir):
    """Until it is among the steps after the second checkpoint."""
    written = workdir / "metrics.jsonl"
    # A line that is just being written counts from its first words on.
    while not (written.is_file() and '{"step": 9, ' in written.read_text()):
        assert first.poll() is None, finish(first)
        time.sleep(0.01)


@pytest.mark.slow
def test_a_pair_of_which_one_is_killed_ends_and_goes_on(config, undisturbed):
    """Its end is then that of a pair that was not disturbed, bit for bit."""
    workdir = config.parent / "disturbed"
    first, second = start_pair(config, workdir)
    wait_for_step_9(first, workdir)
    second.kill()
    status, said = finish(first, seconds=120)
    # What it waits for decides whether an error reaches it, or JAX ends it after 60 s.
    if status == -signal.SIGABRT:
        assert "another task died" in said
    else:
        assert status == 1, said
        assert "process 0 of 2 cannot go on" in said
    assert finish(second)[0] == -9

    pair = start_pair(config, workdir)
    wait_for(pair[0], "going on from step 8")
    ends = [finish(process) for process in pair]
    assert [status for status, _ in ends] == [0, 0], ends
    assert_same_end(workdir, undisturbed[0])


@pytest.mark.slow
def test_a_pair_whose_first_is_killed_ends_and_goes_on(config, undisturbed):
    """The first one is who the others find each other by: JAX ends them itself."""
    workdir = config.parent / "headless"
    first, second = start_pair(config, workdir)
    wait_for_step_9(first, workdir)
    first.kill()
    status, said = finish(second, seconds=120)
    assert status != 0, said
    assert "another task died" in said
    assert finish(first)[0] == -9

    ends = [finish(process) for process in start_pair(config, workdir)]
    assert [status for status, _ in ends] == [0, 0], ends
    assert_same_end(workdir, undisturbed[0])


@pytest.mark.slow
def test_sigterm_to_one_of_two_saves_and_ends_both(config):
    workdir = config.parent / "terminated"
    pair = start_pair_as_slurm_does(config, workdir, "--train.steps", "5000")
    wait_for(pair[0], "step 4: ")
    pair[1].terminate()
    ends = [finish(process, seconds=120) for process in pair]
    assert [status for status, _ in ends] == [143, 143], ends
    assert "which is saved; the same command goes on" in ends[0][1]
    assert "which is saved" not in ends[1][1]


OTHER_DEVICES = """
import dataclasses, sys
from pathlib import Path
from hourglass_jax.config import MeshConfig
from hourglass_jax.config_files import load_config
from hourglass_jax.training.loop import train

config, workdir = load_config(sys.argv[1]), Path(sys.argv[2])
more = dataclasses.replace(config.train, steps=config.train.steps + 2)
mesh = MeshConfig(space=2)
train(dataclasses.replace(config, train=more, mesh=mesh), workdir)
"""


@pytest.mark.slow
def test_a_run_goes_on_on_other_devices_and_another_mesh(config, undisturbed, tmp_path):
    """Eight devices of two processes, then one process, as 4 x 2 and at last alone."""
    workdir = tmp_path / "moved"
    subprocess.run(["cp", "-r", undisturbed[0], workdir], check=True)
    for devices, parts, begun in (
        (8, "8 parts, and now into 4", 12),
        (2, "4 parts, and now into 1", 14),
    ):
        now = write_config(tmp_path / "config.py", read_workdir(workdir)[0])
        done = subprocess.run(
            [sys.executable, "-c", OTHER_DEVICES, now, workdir],
            env=os.environ
            | {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert f"going on from step {begun}" in done.stderr
        assert f"split into {parts}" in done.stderr
    assert [s["step"] for s in scalars(workdir) if "loss" in s] == [*range(1, 17)]

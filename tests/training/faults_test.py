"""What ends a run from outside, and that nothing is lost but what was not yet saved."""

import dataclasses
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from hourglass_jax import cli
from hourglass_jax.config_files import load_config
from hourglass_jax.errors import InputError
from hourglass_jax.training import checkpoints as checkpoints_module
from hourglass_jax.training import command, loop, run, validation
from hourglass_jax.training.checkpoints import Checkpoints, SaveError, with_sharding
from hourglass_jax.training.preemption import PreemptedError, Preemption

from .runs import (
    ROOT,
    assert_same_end,
    assert_same_scalars,
    finish,
    start,
    wait_for,
    write_config,
)

TREES = {"variables": {"a": jnp.arange(5.0)}}


def newest(workdir):
    return Checkpoints(workdir / "checkpoints", 2).steps()[0]


def send_once(monkeypatch, module, name, times, number=signal.SIGTERM):
    """A signal comes while a function is called for the n-th time."""
    function, calls = getattr(module, name), []

    def interrupted(*args, **kwargs):
        calls.append(name)
        if len(calls) == times:
            os.kill(os.getpid(), number)
        return function(*args, **kwargs)

    monkeypatch.setattr(module, name, interrupted)


@pytest.mark.parametrize(
    ("module", "name", "times", "saved"),
    [
        (loop, "put_batch", 3, 3),  # in a step after which nothing else is due
        (validation, "evaluation_batches", 3, 4),  # in an evaluation
        # In a step that is to be evaluated, and while saving.
        pytest.param(loop, "put_batch", 4, 4, marks=pytest.mark.slow),
        pytest.param(run.Run, "save", 1, 3, marks=pytest.mark.slow),
    ],
)
def test_after_sigterm_the_steps_are_saved_and_the_end_is_the_same(
    finished, tiny, tmp_path, monkeypatch, module, name, times, saved
):
    workdir = tmp_path / "run"
    with monkeypatch.context() as patched:
        send_once(patched, module, name, times)
        with pytest.raises(PreemptedError, match=f"SIGTERM after step {saved}, which"):
            loop.train(tiny, workdir)
    assert newest(workdir) == saved
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    loop.train(tiny, workdir)
    assert_same_end(workdir, finished)
    assert_same_scalars(workdir, finished)
    assert [p.name for p in sorted((workdir / "pictures").iterdir())] == [
        p.name for p in sorted((finished / "pictures").iterdir())
    ]
    best = Checkpoints(workdir / "best", 1), Checkpoints(finished / "best", 1)
    assert best[0].steps() == best[1].steps()


def test_ctrl_c_saves_too_and_a_second_one_ends_at_once(
    finished, tiny, tmp_path, monkeypatch, capfd, request
):
    workdir = tmp_path / "run"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with monkeypatch.context() as patched:
        send_once(patched, loop, "put_batch", 3, signal.SIGINT)
        with pytest.raises(PreemptedError, match="SIGINT after step 3, which"):
            loop.train(tiny, workdir)
    assert "Ctrl-C again ends at once" in capfd.readouterr().err
    assert newest(workdir) == 3
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    with monkeypatch.context() as patched:
        send_once(patched, loop, "put_batch", 2, signal.SIGINT)
        send_once(patched, run.Run, "save", 1, signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            loop.train(tiny, workdir)
    loop.train(tiny, workdir)
    assert_same_end(workdir, finished)
    assert_same_scalars(workdir, finished)


def test_ctrl_c_stays_ignored_where_the_process_was_started_so(request):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with Preemption() as preemption:
        preemption.listen()
        os.kill(os.getpid(), signal.SIGINT)
        assert not preemption.asked()
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


@pytest.mark.parametrize(("number", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_the_exit_status_tells_the_signal(
    tmp_path, monkeypatch, capsys, number, status
):
    def end(*_):
        raise PreemptedError("saved", signal.Signals[number])

    monkeypatch.setattr(command, "train", end)
    config = tmp_path / "config.py"
    config.write_text("from hourglass_jax import Config as get_config")
    arguments = ["train", "--config", str(config), "--workdir", str(tmp_path / "run")]
    assert cli.main(arguments) == status
    assert capsys.readouterr().err == "saved\n"


class KilledError(BaseException):
    """Stands for SIGKILL: nothing that the project has catches it."""


@pytest.fixture
def abstract():
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return with_sharding(jax.eval_shape(lambda: TREES), device)


@pytest.mark.parametrize("name", ["_clear", "_finish", "_checksums"])
@pytest.mark.parametrize("keep", [1, 2])
def test_killed_at_any_moment_of_a_save_the_one_before_is_whole(
    tmp_path, monkeypatch, abstract, name, keep
):
    checkpoints = Checkpoints(tmp_path, keep)
    checkpoints.save(1, TREES, {"step": 1})

    def kill(*_):
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, name, kill)
        with pytest.raises(KilledError):
            checkpoints.save(2, TREES, {"step": 2})
    assert checkpoints.load_newest(abstract)[0] == 1
    checkpoints.save(2, TREES, {"step": 2})
    assert checkpoints.load_newest(abstract)[0] == 2
    assert len(checkpoints.steps()) == keep


def test_killed_while_the_oldest_is_removed_the_newest_is_whole(
    tmp_path, monkeypatch, abstract
):
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(1, TREES, {"step": 1})

    def kill(*_):
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints_module.shutil, "rmtree", kill)
        with pytest.raises(KilledError):
            checkpoints.save(2, TREES, {"step": 2})
    assert checkpoints.load_newest(abstract)[0] == 2


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path, abstract):
    """Files larger than a limit cannot be written, as on a disk that is full."""
    large = {"variables": {"a": jax.random.normal(jax.random.key(0), (1 << 16,))}}
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(1, TREES, {"step": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, limits[1]))
    try:
        with pytest.raises(
            SaveError, match=r"step 2: .* not written .*that of step 1 is kept. Make"
        ):
            checkpoints.save(2, large, {"step": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert checkpoints.load_newest(abstract)[0] == 1
    checkpoints.save(2, large, {"step": 2})
    assert {p.name for p in tmp_path.iterdir()} == {"2", "2.sha256.json"}


def test_a_full_disk_is_one_line_and_status_1(
    finished, tiny, tmp_path, monkeypatch, capsys
):
    workdir = tmp_path / "run"
    subprocess.run(["cp", "-r", finished, workdir], check=True)
    shutil.rmtree(workdir / "checkpoints" / "6")
    config = write_config(tmp_path / "config.py", tiny)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoints_module.ocp, "save_checkpointables", full)
    arguments = ["train", "--config", str(config), "--workdir", str(workdir)]
    assert cli.main(arguments) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("failed: SaveError: step 6: the checkpoint was not written")
    assert "No space left on device); that of step 4 is kept" in said
    assert newest(workdir) == 4


def test_another_batch_size_is_refused_on_the_way(finished, tiny):
    settings = dataclasses.replace(tiny.train, batch_size=6)
    with pytest.raises(InputError, match="train.batch_size is 4 there and 6 now"):
        loop.train(dataclasses.replace(tiny, train=settings), finished)


KILLS = 20
# One process imports everything once; each run is a child of its own, which starts JAX.
KILL_OFTEN = """
import os, random, signal, sys, time
from pathlib import Path
from hourglass_jax.config_files import load_config
from hourglass_jax.progress import console
from hourglass_jax.training.loop import train

config, workdir = load_config(sys.argv[1]), Path(sys.argv[2])
kills, chance = int(sys.argv[3]), random.Random(0)

def start():
    child = os.fork()
    if not child:
        console.quiet = True
        train(config, workdir)
        os._exit(0)
    return child

def written():
    path = workdir / "metrics.jsonl"
    return path.stat().st_size if path.is_file() else 0

for kill in range(kills):
    child, before, lines = start(), written(), chance.randint(0, 5)
    for _ in range(lines):
        before = written()
        while written() <= before:
            assert os.waitpid(child, os.WNOHANG) == (0, 0), "it ended by itself"
            time.sleep(0.001)
    # Without a line it is killed while it starts, restores or compiles.
    time.sleep(chance.uniform(0, 0.2 if lines else 5))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
assert os.waitpid(start(), 0)[1] == 0
"""


@pytest.mark.slow
def test_killed_twenty_times_a_run_ends_on_the_same_bits(plain, tmp_path):
    """SIGKILL, which nothing can catch, at any moment from its start on."""
    config = write_config(tmp_path / "config.py", plain, steps=100)
    loop.train(load_config(config), tmp_path / "undisturbed")
    done = subprocess.run(
        [sys.executable, "-c", KILL_OFTEN, config, tmp_path / "run", str(KILLS)],
        cwd=ROOT,
        env=os.environ
        | {
            "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert_same_end(tmp_path / "run", tmp_path / "undisturbed")
    assert_same_scalars(tmp_path / "run", tmp_path / "undisturbed")


@pytest.mark.slow
def test_a_terminated_command_saves_says_so_and_goes_on(plain, tmp_path):
    config = write_config(tmp_path / "config.py", plain, steps=1000)
    process = start(config, tmp_path / "run")
    wait_for(process, "step 2: ")
    process.send_signal(signal.SIGTERM)
    status, said = finish(process, seconds=60)
    assert status == 143
    assert "which is saved; the same command goes on from there" in said
    assert f"after step {newest(tmp_path / 'run')}," in said

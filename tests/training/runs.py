"""What runs left behind, to compare; and runs in processes of their own."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np

from hourglass_jax.config_files import to_json
from hourglass_jax.training import restore_variables

ROOT = Path(__file__).resolve().parents[2]
STARTED = []
"""Processes that `start` began: what ends before them is to end them."""
TIMES = ("images_per_second", "data_wait")


def leaves(workdir):
    variables, step, _, _ = restore_variables(workdir / "checkpoints")
    return step, [np.asarray(leaf) for leaf in jax.tree.leaves(variables)]


def assert_same_end(workdir, other):
    (step, found), (end, expected) = leaves(workdir), leaves(other)
    assert step == end
    assert all(map(np.array_equal, found, expected))


def scalars(workdir):
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def assert_same_scalars(workdir, other):
    """The same lines, but for the times in them."""
    assert [*map(without_times, scalars(workdir))] == [
        *map(without_times, scalars(other))
    ]


def without_times(line):
    return {
        name: value
        for name, value in line.items()
        if name not in TIMES and not name.endswith("_seconds")
    }


def write_config(path, config, **settings):
    """A config file of `config`, but for the `settings` of its loop."""
    train = dataclasses.replace(config.train, **settings)
    text = to_json(dataclasses.replace(config, train=train))
    path.write_text(
        "from hourglass_jax.config_files import from_json\n"
        f"def get_config():\n    return from_json({text!r}, 'it')\n"
    )
    return path


def start(config, workdir, *options, devices=1, **environment):
    """The training command in a process of its own, with as many devices."""
    command = [sys.executable, "train.py", "--config", str(config)]
    command += ["--workdir", str(workdir), *options]
    flags = f"--xla_force_host_platform_device_count={devices}"
    # What the first one compiled serves all.
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(config.parent / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    }
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"XLA_FLAGS": flags} | cache | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    STARTED.append(process)
    return process


def finish(process, seconds=300):
    """Wait for its end; gives its exit status and what it said."""
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, said


def wait_for(process, text):
    """Read until a line holds `text`; gives what was said."""
    said = []
    for line in process.stdout:
        said.append(line)
        if text in line:
            return "".join(said)
    raise AssertionError("".join(said))

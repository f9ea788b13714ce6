import json
import resource

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog

from hourglass_jax.training.writer import Writer


def lines(workdir):
    text = (workdir / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_steps_that_are_done_again_are_written_once(tmp_path):
    with Writer(tmp_path, 0) as writer:
        for step in (1, 2, 3):
            writer.scalars(step, {"loss": 1.0 / step})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')  # killed while writing
    with Writer(tmp_path, 2) as writer:
        writer.scalars(3, {"loss": 9.0})
    assert [(line["step"], line["loss"]) for line in lines(tmp_path)] == [
        (1, 1.0),
        (2, 0.5),
        (3, 9.0),
    ]


def test_what_is_not_a_number_is_written_as_null(tmp_path):
    with Writer(tmp_path, 0) as writer:
        writer.scalars(1, {"loss": float("nan"), "score": None, "empty": True})
    assert lines(tmp_path) == [{"step": 1, "loss": None, "score": None, "empty": True}]


def test_tensorboard_events_are_written(tmp_path):
    with Writer(tmp_path, 0) as writer:
        writer.scalars(1, {"loss": 1.0})
    assert list((tmp_path / "tensorboard").glob("events*"))


def events(workdir):
    """Every event of a TensorBoard folder: an independent reading of its records."""
    found = []
    for path in sorted((workdir / "tensorboard").iterdir()):
        content = path.read_bytes()
        while content:
            length = int.from_bytes(content[:8], "little")
            found.append(Event.FromString(content[12 : 12 + length]))
            content = content[16 + length :]
    return found


def test_tensorboard_shows_scalars_and_pictures_by_step(tmp_path):
    with Writer(tmp_path, 5) as writer:
        writer.scalars(6, {"loss": 0.5, "score": None})
        writer.picture(7, "people", np.zeros((4, 3, 3), np.uint8))
    start, scalar, picture = events(tmp_path)[-3:]
    assert (start.step, start.session_log.status) == (5, SessionLog.START)
    (value,) = scalar.summary.value
    assert (scalar.step, value.tag, value.simple_value) == (6, "loss", 0.5)
    (value,) = picture.summary.value
    assert (picture.step, value.image.height, value.image.width) == (7, 4, 3)


def test_a_process_that_is_not_the_first_writes_nothing(tmp_path):
    with Writer(tmp_path, 0, active=False) as writer:
        writer.scalars(1, {"loss": 1.0})
        writer.picture(1, "people", np.zeros((4, 3, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_that_says_what_stays_and_never_a_hang(tmp_path):
    """Files larger than a limit cannot be written, as on a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = Writer(tmp_path, 0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(OSError, match="newest checkpoint stays.*metrics.jsonl"):
            writer.scalars(1, {f"loss{i}": 1.0 for i in range(1000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        writer.__exit__(None, None, None)

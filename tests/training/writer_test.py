import json

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

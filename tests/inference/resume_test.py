"""Starts that are stopped, and starts that go on from there."""

import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference import photograph_files
from hourglass_jax.inference.options import Options

from .results_folder import answers, names


def fail_from(letter, monkeypatch, error):
    """Let the writing of pictures that are called so, or later, raise an error."""
    original = photograph_files.write_picture

    def write(path, picture):
        if path.name >= letter:
            raise error
        original(path, picture)

    monkeypatch.setattr(photograph_files, "write_picture", write)


def test_a_full_disk_leaves_no_half_file(run, write, tmp_path, monkeypatch):
    def fail(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(InputError, match="No space left on device.*--resume"):
        run([write("in/a.png")])
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), InputError("disk full")])
def test_a_stopped_start_goes_on_where_it_stopped(
    run, predictor, write, tmp_path, monkeypatch, error
):
    inputs = [write(f"in/{name}.png") for name in "abcde"]
    run(inputs, out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        fail_from("c", patch, error)
        with pytest.raises(type(error)):
            run(inputs)
    finished = answers(tmp_path / "out")
    assert finished.keys() == {"a.json", "b.json"}
    seen = []
    start = type(predictor).start

    def watched(images, options):
        seen.append(len(images))
        return start(predictor, images, options)

    monkeypatch.setattr(predictor, "start", watched, raising=False)
    assert run(inputs, resume=True) == 0
    assert sum(seen) == 3
    assert names(tmp_path / "out") == names(tmp_path / "whole")
    for name, (expected,) in answers(tmp_path / "whole").items():
        (person,) = answers(tmp_path / "out")[name]
        np.testing.assert_allclose(
            person["keypoints"], expected["keypoints"], atol=1e-3
        )
    seen.clear()
    assert run(inputs, resume=True) == 0
    assert seen == []


def test_what_failed_is_tried_again_and_other_options_are_refused(run, write, tmp_path):
    good, bad = write("in/a.png"), tmp_path / "in/b.png"
    assert run([good, bad]) == 2
    write("in/b.png")
    assert run([good, bad], resume=True) == 0
    assert set(answers(tmp_path / "out")) == {"a.json", "b.json"}
    with pytest.raises(InputError, match="flip was False .* True now"):
        run([good, bad], resume=True, options=Options(flip=True))


def test_an_interrupted_start_leaves_csv_of_what_was_finished(
    run, write, tmp_path, monkeypatch
):
    fail_from("b", monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run([write(f"in/{name}.png") for name in "abc"], format="csv")
    assert len((tmp_path / "out/poses.csv").read_text().splitlines()) == 2

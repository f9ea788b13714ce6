"""The comparison itself, in the terms of two contenders that only pretend."""

import contextlib
import json
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from hourglass_jax.diagnosis import against_torch
from hourglass_jax.diagnosis.against_torch import (
    DifferentError,
    check_answers,
    compare,
    require_torch,
)
from hourglass_jax.diagnosis.cases import parse_case
from hourglass_jax.diagnosis.contenders import ContenderError, contender
from hourglass_jax.errors import InputError

CASE = parse_case("inference:1:1:float32")


def test_another_process_prepares_and_is_timed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    (tmp_path / "pretender.py").write_text(
        "import numpy as np\n"
        "from hourglass_jax.diagnosis.contenders import Prepared\n"
        "def prepare(case, folder):\n"
        "    if case.stacks == 9: raise ValueError('no such network')\n"
        "    return Prepared(lambda: None, np.arange(case.batch), {'best': 'plain'})\n"
    )
    with contender("pretender", parse_case("train:1:3:float32"), tmp_path) as found:
        assert found.about == {"best": "plain"}
        assert found.answer.tolist() == [0, 1, 2]
        assert len(found.time(4)) == 4
    with (
        pytest.raises(ContenderError, match="ValueError: no such network"),
        contender("pretender", parse_case("train:9:1:float32"), tmp_path),
    ):
        pass


BUSY = """
import time
def prepare(case, folder):
    while True:
        (folder / "beat").touch()
        time.sleep(0.05)
"""
RACE = """
import sys
from pathlib import Path
from hourglass_jax.diagnosis.cases import parse_case
from hourglass_jax.diagnosis.contenders import contender
sys.path.append(sys.argv[1])
if __name__ == "__main__":
    with contender("busy", parse_case("train:1:3:float32"), Path(sys.argv[1])):
        pass
"""


def test_a_contender_does_not_outlive_a_killed_parent(tmp_path):
    (tmp_path / "busy.py").write_text(BUSY)
    (tmp_path / "race.py").write_text(RACE)
    beat = tmp_path / "beat"
    with subprocess.Popen([sys.executable, tmp_path / "race.py", tmp_path]) as race:
        wait_until(beat.is_file)
        race.kill()
    wait_until(lambda: time.time() - beat.stat().st_mtime > 2)


def wait_until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_answers_that_differ_are_not_timed():
    answer = np.linspace(-1, 2, 12).reshape(3, 4)
    assert check_answers(CASE, answer, answer, "float32") == 0
    assert check_answers(CASE, answer + 1e-5, answer, "float32") == pytest.approx(5e-6)
    for wrong in (answer + 1e-4, answer.T, answer * np.nan):
        with pytest.raises(DifferentError, match="here|differ"):
            check_answers(CASE, wrong, answer, "float32")


def test_loss_and_gradient_have_bounds_of_their_own():
    case, exact = parse_case("train:2:4:float32"), np.array([0.5, 20.0])
    rounded = np.array([0.5, 20.02])
    assert check_answers(case, rounded, exact, "float32") == pytest.approx(1e-3)
    for wrong in (np.array([0.5001, 20.0]), np.array([0.5, 20.2])):
        with pytest.raises(DifferentError, match=r"more than 1e-05 and 0\.003"):
            check_answers(case, wrong, exact, "float32")


@pytest.mark.parametrize(("device", "passes"), [("cpu", False), ("cuda", True)])
def test_on_a_gpu_products_of_float32_are_rounded(monkeypatch, device, passes):
    """Off by 2e-3: as much as some factors of TF32 give, far more than float32 does."""

    @contextlib.contextmanager
    def pretend(module, case, folder, *, keep):
        theirs = module == against_torch.THEIRS
        answer = np.ones(2) + (2e-3 if theirs else 0)
        yield SimpleNamespace(answer=answer, about={"device": device})

    monkeypatch.setattr(against_torch, "contender", pretend)
    monkeypatch.setattr(against_torch, "_race", lambda *sides: [(1.0, 1.0)])
    if passes:
        assert against_torch.race(CASE, 2)["deviation"] == 2e-3
    else:
        with pytest.raises(DifferentError):
            against_torch.race(CASE, 2)


def test_a_cpu_does_not_race_a_gpu(monkeypatch):
    @contextlib.contextmanager
    def pretend(module, case, folder, *, keep):
        device = "cuda" if module == against_torch.THEIRS else "cpu"
        yield SimpleNamespace(answer=np.ones(2), about={"device": device})

    monkeypatch.setattr(against_torch, "contender", pretend)
    with pytest.raises(InputError, match="JAX computes on cpu, PyTorch on cuda"):
        against_torch.race(CASE, 2)


def test_every_case_is_kept_as_soon_as_it_is_known(tmp_path, monkeypatch):
    spread = {"median": 1.0, "lower_quartile": 1.0, "upper_quartile": 1.0}
    side = {"best": "plain", "device": "cpu"}
    result = {"ratio": spread, "ours_ms": spread, "torch_ms": spread, "date": "today"}
    result |= {"ours": side, "torch": side}

    def race(case, rounds, *, keep):
        if case.stacks == 8:
            raise KeyboardInterrupt
        return dict(result)

    monkeypatch.setattr(against_torch, "race", race)
    monkeypatch.setattr(against_torch, "require_torch", lambda: None)
    out = tmp_path / "kept.json"
    names = ["train:1:1:float32", "train:2:1:float32", "train:8:1:float32"]
    with pytest.raises(KeyboardInterrupt):
        compare(map(parse_case, names), 2, out)
    assert list(json.loads(out.read_text())["cases"]) == names[:2]
    compare([parse_case("train:4:1:float32")], 2, out)
    kept = json.loads(out.read_text())["cases"]
    assert len(kept) == 3
    assert "earlier" not in kept["train:4:1:float32"]
    result["ratio"] = spread | {"median": 0.5}
    for _ in range(2):
        compare([parse_case("train:4:1:float32")], 2, out)
    again = json.loads(out.read_text())["cases"]["train:4:1:float32"]
    assert [was["median"] for was in again["earlier"]] == [1.0, 0.5]
    result["torch"] = side | {"device": "NVIDIA H100"}
    with pytest.raises(InputError, match="measured on cpu, and this is NVIDIA H100"):
        compare([CASE], 2, out)
    with monkeypatch.context() as elsewhere:
        another = {"processor": "Another 9000", "cores": 3}
        elsewhere.setattr(against_torch, "host", lambda: another)
        with pytest.raises(InputError, match="this is 3 cores of Another 9000"):
            compare([CASE], 2, out)
    out.write_text("[]")
    with pytest.raises(InputError, match="not a file of this comparison"):
        compare([], 2, out)


def test_one_case_of_other_answers_does_not_end_the_rest(tmp_path, monkeypatch, capsys):
    spread = {"median": 1.0, "lower_quartile": 1.0, "upper_quartile": 1.0}
    side = {"best": "plain", "device": "cpu", "failed": {"graphs": "no memory"}}

    def race(case, rounds, *, keep):
        if case.stacks == 1:
            raise DifferentError("the answers differ")
        if case.stacks == 8:
            raise ContenderError("a contender died")
        times = {"ratio": spread, "ours_ms": spread, "torch_ms": spread}
        return {**times, "date": "today", "ours": side, "torch": side}

    monkeypatch.setattr(against_torch, "race", race)
    monkeypatch.setattr(against_torch, "require_torch", lambda: None)
    out = tmp_path / "kept.json"
    cases = [CASE, *(parse_case(f"inference:{n}:1:float32") for n in (8, 2))]
    with pytest.raises(DifferentError, match="1:1:float32: the answers differ\n.*8:1"):
        compare(cases, 2, out)
    assert list(json.loads(out.read_text())["cases"]) == ["inference:2:1:float32"]
    said = " ".join(capsys.readouterr().err.split())
    assert "inference:1:1:float32: the answers differ" in said
    assert "inference:8:1:float32: a contender died" in said
    assert "(plain; failed: graphs)" in said
    with pytest.raises(InputError, match="measured where malloc gives back"):
        compare([], 2, out, keep=True)


def test_without_pytorch_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(against_torch.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install torch"):
        require_torch()

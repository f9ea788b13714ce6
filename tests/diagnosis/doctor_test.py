import importlib.metadata

import jax.numpy as jnp
import pytest

from hourglass_jax.diagnosis import doctor, self_test


def test_what_is_missing_is_said_with_the_way_to_get_it(monkeypatch):
    def version(name):
        if name in ("torch", "jax"):
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.2.3"

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert dict(doctor.optional())["torch"].endswith("pip install torch")
    assert dict(doctor.optional())["onnx"] == "1.2.3, for export to ONNX"
    assert dict(doctor.versions())["jax"] == "MISSING; pip install jax"


def test_all_is_well_here(capsys, tmp_path, monkeypatch):
    checks = {"heatmaps": self_test.render_and_decode}
    monkeypatch.setattr(self_test, "CHECKS", checks)
    monkeypatch.setenv("HOURGLASS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HOURGLASS_COMPILE_CACHE", "off")
    assert doctor.run([]) == 0
    said = capsys.readouterr().out
    assert "cpu" in said
    assert "off (HOURGLASS_COMPILE_CACHE)" in said
    assert "FAILED" not in said


@pytest.mark.slow
def test_a_tiny_network_learns_here():
    assert self_test.CHECKS["training"]().startswith("loss")


def test_a_wrong_answer_fails(monkeypatch, capsys):
    render = self_test.render

    def shifted(*given):
        return jnp.roll(render(*given), 1, axis=2)

    monkeypatch.setattr(self_test, "render", shifted)
    with pytest.raises(self_test.WrongAnswerError, match=r"off by 1\.0"):
        self_test.render_and_decode()
    monkeypatch.setattr(self_test, "CHECKS", {"heatmaps": self_test.render_and_decode})
    assert doctor.self_test() == 1
    assert "FAILED heatmaps" in capsys.readouterr().out

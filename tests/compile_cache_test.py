import os

import jax
import pytest

from hourglass_jax.compile_cache import (
    cache_folder,
    enable_compile_cache,
    forget_oldest,
)

OPTIONS = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
)


@pytest.fixture
def no_cache(monkeypatch):
    """JAX without a cache, as it starts; what was set comes back afterwards."""
    before = {name: getattr(jax.config, name) for name in OPTIONS}
    jax.config.update("jax_compilation_cache_dir", None)
    yield monkeypatch
    for name, value in before.items():
        jax.config.update(name, value)


def test_the_cache_lies_in_the_users_cache_folder(no_cache, tmp_path):
    no_cache.delenv("HOURGLASS_COMPILE_CACHE", raising=False)
    no_cache.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = enable_compile_cache()
    assert folder.parent == tmp_path / "hourglass_jax" / "xla"
    assert folder.is_dir()
    assert jax.config.jax_compilation_cache_dir == str(folder)


@pytest.mark.parametrize("said", ["off", "OFF", "0"])
def test_it_can_be_turned_off(no_cache, said):
    no_cache.setenv("HOURGLASS_COMPILE_CACHE", said)
    assert enable_compile_cache() is None
    assert jax.config.jax_compilation_cache_dir is None


def test_a_folder_can_be_named(tmp_path):
    named = cache_folder({"HOURGLASS_COMPILE_CACHE": str(tmp_path / "mine")})
    assert named.parent == tmp_path / "mine"


def test_a_cache_of_jaxs_own_is_left_alone(no_cache, tmp_path):
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    assert enable_compile_cache() == tmp_path
    assert jax.config.jax_compilation_cache_dir == str(tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_no_error(no_cache, tmp_path):
    (tmp_path / "file").touch()
    no_cache.setenv("HOURGLASS_COMPILE_CACHE", str(tmp_path / "file" / "inside"))
    assert enable_compile_cache() is None
    assert jax.config.jax_compilation_cache_dir is None


def test_the_oldest_programs_go_first(tmp_path):
    for age, name in enumerate(["new", "middle", "old"]):
        path = tmp_path / name
        path.write_bytes(bytes(10))
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    forget_oldest(tmp_path, 20)
    assert {path.name for path in tmp_path.iterdir()} == {"new", "middle"}


def test_a_folder_in_the_cache_stays(tmp_path):
    (tmp_path / "autotune").mkdir()
    (tmp_path / "program").write_bytes(bytes(10))
    forget_oldest(tmp_path, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["autotune"]

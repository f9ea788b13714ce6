import os

import pytest

from hourglass_jax.files import checksums, write_whole


def test_a_file_is_made_with_its_folders_and_replaced(tmp_path):
    path = tmp_path / "a" / "b.json"
    write_whole(path, "old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["b.json"]


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "it"
    write_whole(path, "precious")

    def fail(source, target):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "half")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["precious"]


def test_checksums_are_sha256_by_path(tmp_path):
    write_whole(tmp_path / "sub" / "empty", b"")
    # The digest of nothing, from FIPS 180-4's test vectors.
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert checksums(tmp_path) == {"sub/empty": digest}

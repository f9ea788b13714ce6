import dataclasses
import functools
import hashlib
import http.server
import io
import shutil
import tarfile
import threading
import zipfile
from pathlib import Path
from typing import ClassVar

import pytest

from hourglass_jax.config import DataConfig
from hourglass_jax.data import leeds
from hourglass_jax.data.datasets import open_dataset
from hourglass_jax.data.downloads import Archive, fetch
from hourglass_jax.errors import InputError

from .conftest import write_raw_folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; honours Range, and cuts the first answer off where asked."""

    asked: ClassVar[list[str]] = []
    cut_off_once = False

    def do_GET(self):
        Quiet.asked.append(self.headers["Range"])
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        data = path.read_bytes()
        start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        end = len(data) // 2 if Quiet.cut_off_once else len(data)
        Quiet.cut_off_once = False
        self.wfile.write(data[start:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path):
    """A folder on a server of this machine, and its address."""
    (tmp_path / "served").mkdir()
    Quiet.asked.clear()
    handler = functools.partial(Quiet, directory=tmp_path / "served")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield tmp_path / "served", f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def write_zip(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def write_tar(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))


CONTENT = {"set/a.txt": b"a" * 5000, "set/b/c.txt": b"c"}


@pytest.mark.parametrize(
    ("name", "write"), [("x.zip", write_zip), ("x.tgz", write_tar)]
)
def test_an_archive_is_fetched_once_and_unpacked(served, tmp_path, name, write):
    folder, address = served
    write(folder / name, CONTENT)
    archives = [Archive(url=f"{address}/{name}")]
    for _ in range(2):
        unpacked = fetch("set", archives, tmp_path / "kept")
        for file, content in CONTENT.items():
            assert (unpacked / file).read_bytes() == content
    assert len(Quiet.asked) == 1
    assert not list((tmp_path / "kept").glob("*.partial"))


def test_a_download_that_was_cut_off_goes_on(served, tmp_path, monkeypatch):
    folder, address = served
    write_zip(folder / "x.zip", CONTENT)
    size = (folder / "x.zip").stat().st_size
    archives = [Archive(url=f"{address}/x.zip")]
    monkeypatch.setattr(Quiet, "cut_off_once", True)
    with pytest.raises(InputError, match=f"cut off after {size // 2} of {size} bytes"):
        fetch("set", archives, tmp_path / "kept")
    fetch("set", archives, tmp_path / "kept")
    assert Quiet.asked == ["bytes=0-", f"bytes={size // 2}-"]


def test_a_checksum_that_differs_is_refused_and_the_file_removed(served, tmp_path):
    folder, address = served
    write_zip(folder / "x.zip", CONTENT)
    data = (folder / "x.zip").read_bytes()
    right = "md5:" + hashlib.md5(data).hexdigest()
    wrong = Archive(url=f"{address}/x.zip", checksum="sha256:" + "0" * 64)
    with pytest.raises(InputError, match="has the sha256 .*; expected 000"):
        fetch("set", [wrong], tmp_path / "kept")
    assert not [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    fetch("set", [dataclasses.replace(wrong, checksum=right)], tmp_path / "kept")


@pytest.mark.parametrize("member", ["../out.txt", "/out.txt", "a/../../out.txt"])
@pytest.mark.parametrize(
    ("name", "write"), [("x.zip", write_zip), ("x.tgz", write_tar)]
)
def test_paths_that_climb_out_are_refused(served, tmp_path, name, write, member):
    folder, address = served
    write(folder / name, {"good.txt": b"g", member: b"bad"})
    with pytest.raises(InputError, match="leads out of the archive; do not use it"):
        fetch("set", [Archive(url=f"{address}/{name}")], tmp_path / "kept")
    assert not list(tmp_path.rglob("*.txt"))


def test_what_is_no_archive_is_refused_whole(served, tmp_path):
    folder, address = served
    write_zip(folder / "x.zip", CONTENT)
    (folder / "x.zip").write_bytes((folder / "x.zip").read_bytes()[:-40])
    with pytest.raises(InputError, match=r"(?s)x.zip is not a whole .* remove it"):
        fetch("set", [Archive(url=f"{address}/x.zip")], tmp_path / "kept")
    assert not (tmp_path / "kept" / "set").exists()


def test_nobody_answering_asks_for_a_folder(served, tmp_path):
    with pytest.raises(InputError, match=r"cannot be downloaded .*404.* --data.raw"):
        fetch("set", [Archive(url=served[1] + "/gone.zip")], tmp_path)


def test_data_sets_without_an_archive_ask_for_a_folder(tmp_path):
    with pytest.raises(InputError, match="coco_json: its files are your own; pass"):
        fetch("coco_json", [], tmp_path)


def test_records_are_made_from_the_archive(served, tmp_path, small_splits, monkeypatch):
    write_raw_folder(tmp_path / "raw")
    shutil.make_archive(str(served[0] / "lspet"), "zip", tmp_path / "raw")
    reader = dataclasses.replace(
        leeds.SOURCES["lspet"], archives=(Archive(url=served[1] + "/lspet.zip"),)
    )
    monkeypatch.setitem(leeds.SOURCES, "lspet", reader)
    config = DataConfig(dataset="lspet", data_dir=tmp_path / "prepared")
    assert len(open_dataset(config).split("train")) == 8
    shutil.rmtree(config.data_dir / "downloads")  # records are enough
    assert len(open_dataset(config).split("train")) == 8

"""Official archives: fetched once, checked, unpacked inside their own folder."""

import dataclasses
import hashlib
import http.client
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from hourglass_jax.errors import InputError
from hourglass_jax.progress import Bar, console

_SECONDS_TO_ANSWER = 20
_BLOCK = 1 << 20
_OPTION = "--raw-dir (train: --data.raw-dir)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Archive:
    """A file of a data set's official release, zip or tar.

    Attributes:
      url: where it is.
      checksum: such as ``md5:...`` or ``sha256:...``; None where none is known.
    """

    url: str
    checksum: str | None = None


def fetch(name: str, archives: Sequence[Archive], folder: Path) -> Path:
    """Download and unpack ``archives``; returns the folder that they are in.

    What is there already is used again, and a download that was cut off goes on.

    Raises:
      InputError: there is nothing to download, nobody answers, a checksum differs, or
        an archive is damaged or holds paths that climb out of it.
    """
    if not archives:
        raise InputError(
            f"{name}: its files are your own; pass {_OPTION} with their folder"
        )
    unpacked = folder / name
    for archive in archives:
        done = unpacked / f".{Path(archive.url).name}.unpacked"
        if not done.exists():
            path = _download(name, archive, folder)
            _unpack(name, path, unpacked)
            done.touch()
            path.unlink()
    return unpacked


def _download(name: str, archive: Archive, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(archive.url).name
    partial = path.with_name(path.name + ".partial")
    if not path.exists():
        console.print(f"{name}: downloading {archive.url}")
        try:
            _receive(archive.url, partial)
        except (OSError, http.client.HTTPException) as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise InputError(
                f"{name}: {archive.url} cannot be downloaded ({reason}); pass "
                f"{_OPTION} with a folder that holds the data set"
            ) from error
        _check(archive, partial)
        partial.rename(path)
    return path


def _receive(url: str, path: Path) -> None:
    """Append to ``path`` what is missing of it; begins anew where that is refused."""
    start = path.stat().st_size if path.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"})
    try:
        answer = urllib.request.urlopen(request, timeout=_SECONDS_TO_ANSWER)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            return  # nothing is missing
        raise
    with answer:
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
            start = 0
        total = start + int(answer.headers.get("Content-Length") or 0)
        with (
            path.open("ab" if start else "wb") as file,
            Bar(path.stem, total, unit="bytes", start=start) as bar,
        ):
            while block := answer.read(_BLOCK):
                file.write(block)
                bar.advance(len(block))
    if total and path.stat().st_size < total:
        raise OSError(f"cut off after {path.stat().st_size} of {total} bytes")


def _check(archive: Archive, path: Path) -> None:
    if archive.checksum is None:
        return
    kind, expected = archive.checksum.split(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, kind).hexdigest()
    if found != expected:
        path.unlink()
        raise InputError(
            f"{archive.url}: what came has the {kind} {found}; expected {expected}; "
            "it was removed, try again or fetch it by hand"
        )


def _unpack(name: str, path: Path, folder: Path) -> None:
    """Unpack into ``folder``; nothing of an archive that is refused is left."""
    unfinished = folder.with_name(f"{folder.name}.incomplete")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                _refuse_climbing(name, path, archive.namelist())
                archive.extractall(unfinished)
        else:
            with tarfile.open(path) as archive:
                _refuse_climbing(name, path, archive.getnames())
                archive.extractall(unfinished, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        reason = " ".join(str(error).split())
        raise InputError(
            f"{name}: {path} is not a whole zip or tar archive ({reason}); remove it "
            f"and try again, or pass {_OPTION}"
        ) from error
    shutil.copytree(unfinished, folder, dirs_exist_ok=True, copy_function=shutil.move)
    shutil.rmtree(unfinished)


def _refuse_climbing(name: str, path: Path, members: Sequence[str]) -> None:
    for member in members:
        parts = PurePosixPath(member.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts:
            raise InputError(
                f"{name}: {path} holds {member!r}, which leads out of the archive; "
                "do not use it"
            )

"""What was answered so far, a line each: where `--resume` goes on from."""

import contextlib
import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hourglass_jax.errors import InputError

NAME = "poses.jsonl"

Entry = dict[str, Any]

_END: Entry = {"finished": True}


class CannotWriteError(InputError):
    """Nothing more can be written: there is no use in going on."""


class Journal:
    """A file that grows by a whole line for each photograph, or frame of a film.

    The first line says how the answers were made. The others hold what the results of
    any format are put together from; a line that was cut off is as good as none. The
    last one of a start that came to its end says so.

    Use as a context manager.

    Attributes:
      path: the file.
      earlier: what an earlier start wrote, where this one goes on.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any], resume: bool) -> None:
        """Begin, or go on.

        Args:
          out: the folder of the results.
          settings: what a start that goes on must have in common with this one.
          resume: keep what is there.

        Raises:
          InputError: the file cannot be written, is damaged, or is of other settings;
            or it holds answers that would be lost, as ``resume`` is not given.
        """
        self.path = out / NAME
        self.earlier: list[Entry] = []
        kept = self._read(settings) if resume else b""
        if not resume:
            self._refuse_to_lose()
        with writing(self.path):
            # Without a buffer, of which nothing is left over when the disk is full.
            self._file = self.path.open("r+b" if kept else "wb", buffering=0)
        if kept:
            self._file.truncate(len(kept))
            self._file.seek(len(kept))
            return
        try:
            self.add(dict(settings))
        except CannotWriteError:
            self._file.close()
            raise

    def add(self, entry: Entry) -> None:
        """Write an answer down.

        Raises:
          CannotWriteError: the disk is full, for example.
        """
        line = json.dumps(entry).encode() + b"\n"
        with writing(self.path):
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def finish(self) -> None:
        """Write down that all inputs were tried: a new start may begin anew."""
        self.add(_END)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def _read(self, settings: Mapping[str, Any]) -> bytes:
        """The whole lines that are there; empty if there are none."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise InputError(
                f"predict: {self.path} cannot be read ({error}); give another --out"
            ) from error
        whole = _whole_lines(content)
        if not whole:
            return b""
        try:
            stored, *answers = map(json.loads, whole.splitlines())
        except ValueError as error:
            raise InputError(
                f"predict: {self.path} is damaged ({error}); give another --out"
            ) from error
        self.earlier = [answer for answer in answers if answer != _END]
        self._compare(stored, json.loads(json.dumps(settings)))
        return whole

    def _compare(self, stored: Any, settings: Mapping[str, Any]) -> None:
        if not isinstance(stored, dict):
            raise InputError(f"predict: {self.path} is no journal; give another --out")
        for key, value in settings.items():
            if stored.get(key) != value:
                raise InputError(
                    f"predict: --resume: {key} was {stored.get(key)} when {self.path} "
                    f"was begun and is {value} now; give the same again, or another "
                    "--out"
                )

    def _refuse_to_lose(self) -> None:
        with writing(self.path):  # it may be a device, which has no end
            content = self.path.read_bytes() if self.path.is_file() else b""
        _, *answers = _whole_lines(content).splitlines() or [b""]
        end = json.dumps(_END).encode()
        if answers and answers[-1] != end:
            count = len(answers) - answers.count(end)
            raise InputError(
                f"predict: {self.path} holds {count} answers of a start that was "
                "interrupted; go on from them with --resume, give "
                "another --out, or delete the file"
            )


def _whole_lines(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what keeps a file from being written into one line for the user."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # of this one file
            raise InputError(
                f"predict: {path} cannot be written ({error.strerror}); give a shorter "
                "name to what it is of"
            ) from error
        raise CannotWriteError(
            f"predict: {path} cannot be written ({error.strerror}); what was finished "
            "is kept: make room or give rights, and start again with --resume"
        ) from error

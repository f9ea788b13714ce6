"""Files that are written whole or not at all, and checksums that tell whether they are.

A reader never sees half a file, whenever the writer is killed: content goes to a name
of its own beside the target, which is then renamed.
"""

import hashlib
import json
import os
from pathlib import Path


def write_whole(path: Path, content: bytes | str) -> None:
    """Make or replace a file, and the folders it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    data = content.encode() if isinstance(content, str) else content
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def is_partial(path: Path) -> bool:
    """Whether it is what a killed `write_whole` left behind."""
    return path.name.startswith(".") and path.name.endswith(".partial")


def write_json(path: Path, content: object) -> None:
    """Make or replace a JSON file."""
    write_whole(path, json.dumps(content, indent=2) + "\n")


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a folder, by its path inside of it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _checksum(path) for path in files}


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

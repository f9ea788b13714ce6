"""Leeds Sports Pose Extended (Johnson and Everingham, CVPR 2011), and its relatives.

`joints.mat` comes in two layouts, and its third row means opposite things:

- LSP-extended: ``(14, 3, N)``, flag 1 where a joint is *labelled*; coordinates are
  rubbish elsewhere. It does not tell which joints are hidden.
- LSP: ``(3, 14, N)``, flag 1 where a joint is *occluded*; every joint is labelled.

Coordinates are taken as pixel centres at integers, as they stand. A few labelled joints
lie at 0, below 0 or just outside the photograph; they are kept.
"""

import hashlib
import shutil
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.io
import tensorflow_datasets as tfds

from hourglass_jax.config import DataConfig
from hourglass_jax.data.builder import PeopleBuilder, name_all
from hourglass_jax.data.photographs import read_photograph
from hourglass_jax.data.schema import BOX_PADDING, Record, make_record
from hourglass_jax.errors import InputError
from hourglass_jax.geometry import square_box
from hourglass_jax.progress import console
from hourglass_jax.skeleton import LSP

ARCHIVE = "http://sam.johnson.io/research/lspet_dataset.zip"
_SECONDS_TO_ANSWER = 20
SPLITS = {
    "train": range(0, 8000),
    "validation": range(8000, 9000),
    "test": range(9000, 10000),
}

Convention = Literal["labelled", "occluded"]
_LAYOUTS = {"labelled": (14, 3), "occluded": (3, 14)}
_DATA_SETS = {"labelled": "LSP-extended", "occluded": "LSP"}


def read_joints(path: Path, convention: Convention) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints float32 ``[n 14 2]`` in photograph pixels, visibility uint8 ``[n 14]``.

    ``convention`` says what flag 1 means: "labelled" as in LSP-extended (visibility 2,
    or 0 elsewhere) or "occluded" as in LSP (visibility 1, or 2 elsewhere). Raises
    InputError if the file is missing, is no MAT file, or has the other one's layout.
    """
    joints = _load_joints(path)
    if joints.shape[:2] != _LAYOUTS[convention]:
        raise InputError(_explain_layout(path, joints.shape, convention))
    axes = (2, 0, 1) if convention == "labelled" else (2, 1, 0)
    people = joints.transpose(axes).astype(np.float32)
    keypoints, flags = people[..., :2], people[..., 2]
    if not np.isin(flags, (0, 1)).all() or not np.isfinite(people).all():
        raise InputError(
            f"{path}: joints holds flags other than 0 and 1, or coordinates that are "
            "not finite; fetch the file again"
        )
    if convention == "occluded":
        return keypoints, (2 - flags).astype(np.uint8)
    visibility = (2 * flags).astype(np.uint8)
    return np.where(visibility[..., None] > 0, keypoints, 0), visibility


def _load_joints(path: Path) -> np.ndarray:
    if not path.is_file():
        raise InputError(f"{path} does not exist; expected the data set's joints.mat")
    try:
        joints = scipy.io.loadmat(path)["joints"]
    except KeyError as error:
        raise InputError(f"{path}: no variable `joints` in it") from error
    except Exception as error:  # scipy raises many kinds for what is no MAT file
        raise InputError(f"{path}: not a MAT file ({error})") from error
    # MATLAB drops trailing axes of length one.
    return joints[..., None] if joints.ndim == 2 else joints


def _explain_layout(path: Path, shape: tuple[int, ...], convention: Convention) -> str:
    found = [name for name, layout in _LAYOUTS.items() if shape[:2] == layout]
    guess = f", which looks like {_DATA_SETS[found[0]]}" if found else ""
    rows, columns = _LAYOUTS[convention]
    return (
        f"{path}: joints has shape {shape}{guess}; expected ({rows}, {columns}, N) "
        f"as in {_DATA_SETS[convention]}, where flag 1 means {convention}"
    )


def photograph_name(person: int) -> str:
    """The file of a person, counted from 0: ``im00001.jpg`` and so on."""
    return f"im{person + 1:05d}.jpg"


def check_folder(folder: Path) -> None:
    """Raise InputError unless ``folder`` holds images/ and joints.mat that match."""
    expected = "expected images/im00001.jpg ... and joints.mat of LSP-extended"
    if not folder.is_dir():
        raise InputError(f"raw_dir: {folder} is not a folder; {expected}")
    for part in ("joints.mat", "images"):
        if not (folder / part).exists():
            raise InputError(f"raw_dir: {folder} has no {part}; {expected}")
    _, visibility = read_joints(folder / "joints.mat", "labelled")
    wanted = {photograph_name(person) for person in range(len(visibility))}
    there = {path.name for path in (folder / "images").glob("im*.jpg")}
    for what, names in (
        ("photographs missing for annotated people", wanted - there),
        ("photographs without annotation in joints.mat", there - wanted),
    ):
        if names:
            raise InputError(f"{folder}: " + name_all(what, sorted(names)))


def fingerprint(folder: Path) -> str:
    """Digest of joints.mat, and of the names and sizes of the photographs."""
    digest = hashlib.sha256((folder / "joints.mat").read_bytes())
    for path in sorted((folder / "images").glob("im*.jpg")):
        digest.update(f"{path.name}:{path.stat().st_size}\n".encode())
    return digest.hexdigest()[:12]


class Lspet(PeopleBuilder):
    """10,000 sportspeople, one a photograph, 14 joints, labels by untrained people."""

    SKELETON = LSP
    SUMMARY = "Leeds Sports Pose Extended: sportspeople, one a photograph, 14 joints."
    HOMEPAGE = "http://sam.johnson.io/research/lspet.html"
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "A folder with images/im00001.jpg ... and joints.mat, as in the public archive."
    )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, Record]]]:
        if self.builder_config.name == _FROM_ARCHIVE:
            folder = _download(dl_manager)
        else:
            folder = Path(dl_manager.manual_dir)
        check_folder(folder)
        people = read_joints(folder / "joints.mat", "labelled")
        _check_people(folder, *people)
        splits = {
            name: range(numbers.start, min(numbers.stop, len(people[0])))
            for name, numbers in SPLITS.items()
        }
        return {
            name: self._generate_examples(name, folder, people, numbers)
            for name, numbers in splits.items()
            if numbers
        }

    def _generate_examples(
        self,
        split: str,
        folder: Path,
        people: tuple[np.ndarray, np.ndarray],
        numbers: range,
    ) -> Iterator[tuple[int, Record]]:
        def make(person: int) -> Record:
            keypoints_img, visibility = people[0][person], people[1][person]
            box_img = _tight_box(keypoints_img, visibility)
            center_img, side_img = square_box(box_img, BOX_PADDING)
            path = folder / "images" / photograph_name(person)
            return make_record(
                read_photograph(path),
                keypoints_img=keypoints_img,
                visibility=visibility,
                center_img=center_img,
                side_img=side_img,
                file=path.name,
                person=person,
            )

        return self._records(split, make, numbers)


_FROM_ARCHIVE = "archive"


def make_builder(config: DataConfig, data_dir: Path) -> tuple[Lspet, dict[str, Any]]:
    """The builder, keyed by what it reads, and its `tfds.download.DownloadConfig`.

    Without ``config.raw_dir`` the public archive is downloaded.
    """
    if config.raw_dir is None:
        name, download = _FROM_ARCHIVE, {}
    else:
        folder = Path(config.raw_dir).expanduser().resolve()
        check_folder(folder)
        name, download = fingerprint(folder), {"manual_dir": folder}
    kind = tfds.core.BuilderConfig(name=name)
    return Lspet(data_dir=data_dir, config=kind, file_format="array_record"), download


def _download(dl_manager: tfds.download.DownloadManager) -> Path:
    console.print(f"lspet: downloading {ARCHIVE}")
    try:
        # tfds tries for minutes before it gives up; whether anybody answers shows now.
        urllib.request.urlopen(ARCHIVE, timeout=_SECONDS_TO_ANSWER).close()
        archive = Path(dl_manager.download(ARCHIVE))
    except Exception as error:  # whatever the network answers
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(
            f"lspet: {ARCHIVE} cannot be downloaded ({reason}); pass --data.raw-dir "
            "with a folder that holds images/ and joints.mat"
        ) from error
    folder = _extract(archive)
    found = sorted(folder.rglob("joints.mat"))
    return found[0].parent if found else folder


def _extract(archive: Path) -> Path:
    # tfds itself extracts by means of TensorFlow only.
    folder, unfinished = archive.with_suffix(""), archive.with_suffix(".incomplete")
    if not folder.exists():
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            with zipfile.ZipFile(archive) as file:
                file.extractall(unfinished)
        except zipfile.BadZipFile as error:
            raise InputError(
                f"lspet: {archive} is not a whole zip archive ({error}); remove it "
                "and try again, or pass --data.raw-dir"
            ) from error
        unfinished.rename(folder)
    return folder


def _tight_box(keypoints_img: np.ndarray, visibility: np.ndarray) -> np.ndarray:
    labelled = keypoints_img[visibility > 0]
    return np.concatenate([labelled.min(0), labelled.max(0)])


def _check_people(
    folder: Path, keypoints_img: np.ndarray, visibility: np.ndarray
) -> None:
    bad = []
    for person, (keypoints, seen) in enumerate(
        zip(keypoints_img, visibility, strict=True)
    ):
        labelled = keypoints[seen > 0]
        if len(labelled) == 0 or not np.ptp(labelled, axis=0).any():
            bad.append(f"{photograph_name(person)} has {len(labelled)}")
    if bad:
        what = (
            f"{folder / 'joints.mat'}: people whose labelled joints span no box; "
            "expected two or more joints in different places"
        )
        raise InputError(name_all(what, bad))

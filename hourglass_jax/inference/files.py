"""Many photographs, from files to files: what `hourglass predict` does."""

import glob
import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import cv2

from hourglass_jax.data.photographs import Picture, read_photograph
from hourglass_jax.errors import InputError
from hourglass_jax.files import write_whole
from hourglass_jax.inference.boxes import BoxFile
from hourglass_jax.inference.predictor import Predictor, check_scales
from hourglass_jax.inference.results import Pose, draw_poses
from hourglass_jax.progress import Bar, console

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


def predict_files(
    model: Predictor,
    inputs: Sequence[str | Path],
    out: str | Path,
    boxes: str | Path | None = None,
    flip: bool = False,
    scales: tuple[float, ...] = (1.0,),
) -> int:
    """Draw the poses of photographs, and write them down as JSON.

    For each ``photo.jpg`` there will be ``OUT/photo_pose.jpg`` (``.png`` for a PNG) and
    ``OUT/photo.json``, each written whole or not at all. A photograph that cannot be
    used is named, and the others go on.

    Args:
      model: finds the poses.
      inputs: photographs, folders of photographs, or patterns such as ``a/*.jpg``.
      out: the folder to write to; made if need be.
      boxes: file for `BoxFile`; None takes each whole photograph as one person's.
      flip: average with the mirrored picture.
      scales: average over crops of these sizes, as multiples of the box's own.

    Returns:
      The exit status: 0, or 2 if a photograph could not be used.

    Raises:
      InputError: nothing was started: the inputs name no photograph, the box file
        cannot be read, a scale is none, or ``out`` cannot be written to.
    """
    check_scales(scales)
    photographs = find_photographs(inputs)
    box_file = None if boxes is None else BoxFile(boxes)
    out = _make_folder(Path(out), photographs)
    predict = partial(model.predict, flip=flip, scales=scales)
    people, failed = 0, 0
    with Bar("predict", len(photographs), unit="photographs") as bar:
        for photograph, name in zip(photographs, _names(photographs), strict=True):
            try:
                people += _predict_file(predict, photograph, out / name, box_file)
            except InputError as error:
                failed += 1
                console.print(f"error: {error}", markup=False)
            bar.advance()
    _report(len(photographs) - failed, people, failed, out, box_file)
    return 2 if failed else 0


def find_photographs(inputs: Iterable[str | Path]) -> list[Path]:
    """The files that are meant, each once, in the order given; folders are sorted.

    Raises InputError for a folder or a pattern without photographs. A file that is
    named and does not exist stays in the list.
    """
    found: dict[Path, Path] = {}
    for given in map(Path, inputs):
        for path in _expand(given):
            found.setdefault(path.resolve(), path)
    if not found:
        raise InputError("predict: no photograph; give files, folders or patterns")
    return list(found.values())


def _expand(given: Path) -> list[Path]:
    if given.is_dir():
        files = sorted(path for path in given.iterdir() if path.is_file())
        chosen = [path for path in files if path.suffix.lower() in SUFFIXES]
        if not chosen:
            raise InputError(
                f"predict: {given} is a folder without photographs; expected files "
                f"that end in {', '.join(SUFFIXES)}"
            )
        if len(chosen) < len(files):
            left = len(files) - len(chosen)
            console.print(f"{given}: {left} other files left out", markup=False)
        return chosen
    if given.exists() or not glob.has_magic(str(given)):
        return [given]
    matches = sorted(Path(match) for match in glob.glob(str(given), recursive=True))
    if not matches:
        raise InputError(f"predict: nothing matches {given}; check the pattern")
    return [path for path in matches if path.is_file()]


def _make_folder(out: Path, photographs: Iterable[Path]) -> Path:
    """Make ``out``; it may not be where photographs and their own JSON files lie."""
    inside = next((p for p in photographs if p.resolve().parent == out.resolve()), None)
    if inside is not None:
        raise InputError(
            f"predict: --out {out} is the folder of {inside}; give another, where "
            "nothing of yours can be overwritten"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"predict: --out {out} cannot be made ({error.strerror}); give another"
        ) from error
    return out


def _names(photographs: Sequence[Path]) -> list[str]:
    """A name for each photograph's results: its stem, numbered if it comes again."""
    stems = {path.stem for path in photographs}
    names: dict[str, None] = {}
    for stem in (path.stem for path in photographs):
        numbered = (f"{stem}-{number}" for number in itertools.count(2))
        free = (name for name in numbered if name not in stems | names.keys())
        names[next(free) if stem in names else stem] = None
    return list(names)


def _predict_file(
    predict: Callable[..., list[Pose]],
    photograph: Path,
    target: Path,
    box_file: BoxFile | None,
) -> int:
    """Predict one photograph, write both files; returns the number of people."""
    picture = read_photograph(photograph)
    size = picture.shape[0], picture.shape[1]
    boxes = None if box_file is None else box_file.of(photograph, size)
    poses = predict(picture, boxes)
    suffix = ".png" if photograph.suffix.lower() == ".png" else ".jpg"
    drawn = _encode(draw_poses(picture, poses), suffix)
    write_whole(target.with_name(f"{target.name}_pose{suffix}"), drawn)
    text = json.dumps(_describe(photograph, size, poses)) + "\n"
    write_whole(target.with_name(f"{target.name}.json"), text)
    return len(poses)


def _describe(
    photograph: Path, size: tuple[int, int], poses: Iterable[Pose]
) -> dict[str, object]:
    return {
        "photograph": str(photograph),
        "height": size[0],
        "width": size[1],
        "people": [pose.to_dict() for pose in poses],
    }


def _encode(picture: Picture, suffix: str) -> bytes:
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95] if suffix == ".jpg" else []
    _, data = cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)
    return data.tobytes()


def _report(
    done: int, people: int, failed: int, out: Path, box_file: BoxFile | None
) -> None:
    if box_file is not None and box_file.unused:
        some = ", ".join(box_file.unused[:5])
        console.print(
            f"{box_file.path}: entries that were not used: {len(box_file.unused)} "
            f"({some}{', ...' if len(box_file.unused) > 5 else ''})",
            markup=False,
        )
    failures = f", {failed} failed (named above)" if failed else ""
    console.print(
        f"photographs: {done} done{failures}; people: {people}; pictures and JSON are "
        f"in {out}",
        markup=False,
    )

"""Films in and out, frame by frame, through PyAV; times are kept."""

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from hourglass_jax.data.photographs import Picture
from hourglass_jax.errors import InputError
from hourglass_jax.extras import import_extra

if TYPE_CHECKING:
    import av

_DEFAULT_RATE = Fraction(25)
_MISSING_SHARE = 0.02
"""Frames that a header may count too many: players leave some at the start out."""
_THREADS = 4
"""Of the decoder, whatever the processor has."""


class Frame(NamedTuple):
    """A picture of a film.

    Attributes:
      number: from 0.
      ticks: when it is shown, in units of `Film.tick`.
      time: the same in seconds.
      picture: RGB, upright.
    """

    number: int
    ticks: int
    time: float
    picture: Picture


class Film:
    """A film to read, from its start, as often as is wanted.

    Attributes:
      path: the file.
      frames: how many the file says it has; 0 where it does not.
      likely_frames: the same, or else by its length; 0 where that is not known, either.
      tick: seconds.
      rate: frames a second, on average.

    Raises:
      InputError: it cannot be read, is no film, or PyAV is missing.
    """

    def __init__(self, path: str | Path) -> None:
        """Look at the head of the file."""
        self.path = Path(path)
        with self._open() as container:
            stream = container.streams.video[0]
            self.frames = int(stream.frames)
            self.tick = stream.time_base or 1 / _DEFAULT_RATE
            self.rate = stream.average_rate or _DEFAULT_RATE
            self._seconds = _seconds(container, stream)
        self.likely_frames = self.frames or round(self._seconds * float(self.rate))

    def read(self) -> Iterator[Frame]:
        """Its frames; times rise, if need be by a tick, where the file's own do not.

        Raises:
          InputError: after the last frame that could be read, if the film is cut off or
            damaged.
        """
        damaged, number, time = 0, 0, 0.0
        last: int | None = None
        with self._open() as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            # How much is left of a film that is cut off depends on their number.
            stream.codec_context.thread_count = _THREADS
            for frame in _decode(container, stream):
                if frame is None:
                    damaged += 1
                    continue
                ticks = frame.pts
                if ticks is None:  # a stream without times
                    ticks = round(number / (self.rate * self.tick))
                # Players cope with times that stand still; encoders refuse them.
                last = int(ticks) if last is None else max(int(ticks), last + 1)
                time = float(last * self.tick)
                yield Frame(number, last, time, _picture(frame))
                number += 1
        self._check_end(number, time, damaged)

    def _check_end(self, number: int, time: float, damaged: int) -> None:
        if damaged:
            raise InputError(
                f"film: {self.path} is damaged: {damaged} parts could not be decoded; "
                f"the {number} frames that could are used"
            )
        missing = number < (1 - _MISSING_SHARE) * self.frames
        late = self._seconds - time > 1 + 2 / float(self.rate)
        if missing or (late and not self.frames):
            whole = f" of {self.frames}" if self.frames else ""
            raise InputError(
                f"film: {self.path} is cut off after {number} frames{whole}; those are "
                "used; copy it again"
            )

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        library = _av()
        try:
            with library.open(str(self.path)) as container:
                if not container.streams.video:
                    raise InputError(f"film: {self.path} has no pictures, only sound")
                yield container
        except FileNotFoundError:
            message = f"film: {self.path} does not exist; check its name"
            raise InputError(message) from None
        except (library.error.FFmpegError, OSError) as error:
            raise InputError(
                f"film: {self.path} cannot be read ({error.strerror}); it is cut off, "
                "damaged, or no film"
            ) from error


class FilmWriter:
    """Writes an H.264 film, whole or not at all. Use as a context manager.

    Raises:
      InputError: the encoder refuses the film.
      OSError: it cannot be written.
    """

    def __init__(self, path: Path, film: Film) -> None:
        """Write to ``path``, an .mp4, in the times of ``film``."""
        self._path, self._film = path, film
        self._partial = path.with_name(f".{path.name}.partial")
        self._container = _av().open(str(self._partial), "w", format="mp4")
        self._stream: Any = None

    def write(self, picture: Picture, ticks: int) -> None:
        """Add an RGB picture that is shown from ``ticks`` on."""
        height, width = picture.shape[:2]
        # The colours of H.264 are stored at half the resolution: sides are even.
        even = cv2.copyMakeBorder(
            picture, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE
        )
        frame = _av().VideoFrame.from_ndarray(even, format="rgb24")
        frame.pts, frame.time_base = ticks, self._film.tick
        with self._encoding():
            if self._stream is None:
                self._stream = self._begin(even.shape[1], even.shape[0])
            self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> "FilmWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            with self._encoding():
                if self._stream is not None and kind is None:
                    self._container.mux(self._stream.encode())
                self._container.close()
            if self._stream is not None and kind is None:
                os.replace(self._partial, self._path)
        finally:
            self._partial.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _encoding(self) -> Iterator[None]:
        try:
            yield
        except OSError:  # some of the library's errors are both
            raise
        except _av().error.FFmpegError as error:
            raise InputError(
                f"film: {self._film.path} cannot be drawn: the encoder says "
                f"{error.strerror}; give --no-draw, or convert the film"
            ) from error

    def _begin(self, width: int, height: int) -> Any:
        available = _av().codecs_available
        codec = "libx264" if "libx264" in available else "mpeg4"
        stream = self._container.add_stream(codec, rate=self._film.rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = self._film.tick
        if codec == "libx264":
            stream.options = {"crf": "18", "preset": "fast"}
        return stream


def read_film(path: str | Path) -> Iterator[Picture]:
    """The pictures of a film, as `Predictor.predict` takes them; see `Film.read`."""
    return (frame.picture for frame in Film(path).read())


def _decode(container: Any, stream: Any) -> Iterator[Any]:
    """Frames, and None for what cannot be decoded."""
    error = _av().error.InvalidDataError
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except error:  # nothing can be read behind it
            yield None
            return
        if packet is None:
            return
        try:
            frames = packet.decode()
        except error:
            frames = [None]
        yield from frames


def _picture(frame: "av.VideoFrame") -> Picture:
    picture = frame.to_ndarray(format="rgb24")
    turns = round(getattr(frame, "rotation", 0) / 90)  # a phone held upright
    return np.ascontiguousarray(np.rot90(picture, turns))


def _seconds(container: Any, stream: Any) -> float:
    """How long the film is by its head; 0 where that does not say."""
    if stream.duration:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base)
    return container.duration / 1e6 if container.duration else 0.0


def _av() -> Any:
    return import_extra("av", "to read and write films: pip install av")

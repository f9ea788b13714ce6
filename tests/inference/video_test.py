import sys

import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference import video
from hourglass_jax.inference.video import Film, FilmWriter, read_film

from .film_forms import TICKS, make, pictures


def test_frames_come_with_their_numbers_and_times(tmp_path):
    film = Film(make(tmp_path / "a.mp4"))
    frames = list(film.read())
    assert film.frames == len(TICKS)
    assert [frame.number for frame in frames] == list(range(len(TICKS)))
    np.testing.assert_allclose([f.time for f in frames], np.array(TICKS) / 1000)
    for frame, expected in zip(frames, pictures(), strict=True):
        assert np.abs(frame.picture.astype(int) - expected).mean() < 4


STILL = (0, 40, 40, 40, 160, 161, 161, 162, 400, 440, 440, 520)


def test_times_rise_where_those_of_the_file_stand_still(tmp_path):
    film = Film(make(tmp_path / "a.mkv", shown=STILL))
    ticks = [frame.ticks for frame in film.read()]
    assert ticks == [0, 40, 41, 42, 160, 161, 162, 163, 400, 440, 441, 520]
    with FilmWriter(tmp_path / "b.mp4", film) as writer:
        for frame in film.read():
            writer.write(frame.picture, frame.ticks)
    written = [frame.time for frame in Film(tmp_path / "b.mp4").read()]
    np.testing.assert_allclose(written, np.array(ticks) / 1000)


def test_what_the_encoder_refuses_is_one_line_about_the_film(tmp_path):
    film = Film(make(tmp_path / "a.mkv"))

    def write_backwards():
        with FilmWriter(tmp_path / "b.mp4", film) as writer:
            for frame in film.read():
                writer.write(frame.picture, -frame.ticks)

    with pytest.raises(InputError, match=r"a\.mkv cannot be drawn: .*--no-draw"):
        write_backwards()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


def test_a_full_disk_is_no_fault_of_the_film(tmp_path):
    """It is an error of the library's, too."""
    film = Film(make(tmp_path / "a.mkv"))
    (tmp_path / ".b.mp4.partial").symlink_to("/dev/full")

    def write():
        with FilmWriter(tmp_path / "b.mp4", film) as writer:
            for frame in film.read():
                writer.write(frame.picture, frame.ticks)

    with pytest.raises(OSError, match="No space left"):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


def test_frames_are_expected_by_the_length_where_a_file_has_no_count(tmp_path):
    film = Film(make(tmp_path / "a.mkv"))
    assert film.frames == 0
    assert film.likely_frames == 14  # of 0.56 s at 25 a second: it has 12
    assert Film(make(tmp_path / "a.mp4")).likely_frames == len(TICKS)


def test_a_film_is_an_iterator_of_photographs(tmp_path):
    found = read_film(make(tmp_path / "a.mp4"))
    assert next(found).shape == (48, 64, 3)


@pytest.mark.parametrize("size", [(48, 64), (47, 65)])
def test_what_is_written_has_the_times_of_what_was_read(tmp_path, size):
    film = Film(make(tmp_path / "a.mkv"))
    with FilmWriter(tmp_path / "b.mp4", film) as writer:
        for picture, frame in zip(pictures(size), film.read(), strict=True):
            writer.write(picture, frame.ticks)
    written = list(Film(tmp_path / "b.mp4").read())
    assert {path.name for path in tmp_path.iterdir()} == {"a.mkv", "b.mp4"}
    np.testing.assert_allclose([f.time for f in written], np.array(TICKS) / 1000)
    for frame, expected in zip(written, pictures(size), strict=True):
        height, width = size
        found = frame.picture[:height, :width].astype(int)
        assert np.abs(found - expected).mean() < 4


def test_a_film_held_upright_is_read_upright(tmp_path):
    plain = next(read_film(make(tmp_path / "a.mp4")))
    turned = next(read_film(make(tmp_path / "b.mp4", turned=90)))
    np.testing.assert_array_equal(turned, np.rot90(plain))


def test_a_film_cut_off_gives_what_is_left_and_says_so(tmp_path):
    path = make(tmp_path / "a.mp4", movflags="faststart")
    content = path.read_bytes()
    path.write_bytes(content[:-400])
    numbers = []

    def read():
        for frame in Film(path).read():
            numbers.append(frame.number)

    with pytest.raises(InputError, match=r"a\.mp4 is cut off after 5 frames of 12"):
        read()
    assert numbers == list(range(len(numbers)))
    assert 0 < len(numbers) < len(TICKS)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_film_without_its_end_cannot_be_read_where_its_index_is_there(
    tmp_path, share
):
    path = make(tmp_path / "a.mp4")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"a\.mp4 cannot be read .*cut off"):
        Film(path)


def test_what_is_no_film_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_text("nothing")
    with pytest.raises(InputError, match="cannot be read"):
        Film(tmp_path / "a.mp4")
    with pytest.raises(InputError, match="does not exist"):
        Film(tmp_path / "b.mp4")


def test_a_failure_leaves_no_film(tmp_path):
    film = Film(make(tmp_path / "a.mkv"))

    def fail():
        with FilmWriter(tmp_path / "b.mp4", film) as writer:
            writer.write(next(film.read()).picture, 0)
            raise OSError(28, "full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


def test_without_pyav_it_is_told_how_to_get_it(tmp_path, monkeypatch):
    path = make(tmp_path / "a.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match="pip install av"):
        video.Film(path)

"""Many photographs through one predictor."""

import itertools
import weakref

import jax
import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference import stream
from hourglass_jax.inference.forward import BATCH_SIZES
from hourglass_jax.inference.lookahead import THREADS
from hourglass_jax.inference.options import Options

BOX = [[0.0, 0, 20, 30]]


def pictures(count, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (24, 32, 3), np.uint8) for _ in range(count)]


def same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.keypoints, b.keypoints, atol=1e-4)
        np.testing.assert_allclose(a.scores, b.scores, atol=1e-5)
        np.testing.assert_array_equal(a.box, b.box)


def test_a_list_a_batch_and_a_generator_answer_as_one_by_one(predictor, tmp_path):
    given = pictures(5)
    boxes = [BOX, [], BOX * 3, None, [[2.0, 2, 30, 20]]]
    expected = [predictor.predict(p, b) for p, b in zip(given, boxes, strict=True)]
    assert [len(poses) for poses in expected] == [1, 0, 3, 1, 1]
    generated = predictor.predict(iter(given), iter(boxes))
    assert iter(generated) is generated
    for found in (
        predictor.predict(given, boxes),
        predictor.predict(np.stack(given), boxes),
        list(generated),
    ):
        for one, other in zip(found, expected, strict=True):
            same(one, other)


def test_many_answers_are_the_same_bits_every_time(predictor):
    given = pictures(40)
    first, second = predictor.predict(given), predictor.predict(given)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one[0].keypoints, other[0].keypoints)
        np.testing.assert_array_equal(one[0].scores, other[0].scores)


def test_files_and_arrays_mix_and_a_bad_one_is_numbered(predictor, tmp_path):
    with pytest.raises(InputError, match=r"gone\.jpg does not exist.*number 2 of"):
        predictor.predict([*pictures(1), tmp_path / "gone.jpg"])
    with pytest.raises(InputError, match=r"shape \(3,\).*number 1 of"):
        predictor.predict([np.zeros(3, np.uint8)])


@pytest.mark.parametrize(
    ("boxes", "message"), [([BOX], "fewer lists of boxes"), ([BOX] * 3, "more lists")]
)
def test_boxes_and_photographs_must_pair_up(predictor, boxes, message):
    with pytest.raises(InputError, match=message):
        predictor.predict(pictures(2), boxes)


def test_a_generator_s_options_are_checked_at_once(predictor):
    with pytest.raises(InputError, match="stacks of 3; this model has 2"):
        predictor.predict(iter(pictures(1)), stacks=3)


def test_a_thousand_crops_compile_nothing_after_warm_up(predictor, compilations):
    for size in BATCH_SIZES:
        predictor.predict(pictures(1), [BOX * size])
    compilations.clear()
    counts = itertools.cycle([1, 7, 0, 33, 12, 2])
    boxes = [BOX * count for count, _ in zip(counts, range(120), strict=False)]
    found = list(predictor.predict(iter(pictures(120)), boxes))
    assert sum(map(len, found)) == sum(map(len, boxes)) > 1000
    assert compilations == []


def test_memory_is_flat_however_many_photographs_come(predictor):
    alive, most = weakref.WeakSet(), 0

    class Photograph(np.ndarray):
        """An array that can be hashed, to be watched."""

        __hash__ = object.__hash__

    def camera():
        nonlocal most
        for picture in itertools.islice(itertools.cycle(pictures(8)), 400):
            picture = picture.copy().view(Photograph)
            alive.add(picture)
            most = max(most, len(alive))
            yield picture
            del picture

    warm = len(jax.live_arrays())
    for poses in predictor.predict(camera()):
        assert len(poses) == 1
        assert len(jax.live_arrays()) <= warm + 3 * (2 + stream.IN_FLIGHT)
    assert most <= 2 * THREADS + 3
    assert len(jax.live_arrays()) <= warm + 2


def test_a_photograph_is_let_go_of_once_its_people_are_cut_out(predictor):
    picture = pictures(1)[0]
    watched = weakref.ref(picture)
    people = stream.People(None)
    task = stream.open_task(predictor, "a", picture, people, Options())
    del picture
    assert watched() is None
    (done,) = stream.find_poses(predictor, [task], Options())
    assert (done.source, len(done.poses)) == ("a", 1)


def test_ten_thousand_boxes_are_cut_out_a_batch_at_a_time(predictor, monkeypatch):
    """On a photograph of their own; what is ahead of the answers stays bounded."""
    cut, answered, most = 0, 0, 0
    crop_people = stream.crop_people

    def counted(*arguments):
        nonlocal cut
        for crop in crop_people(*arguments):
            cut += 1
            yield crop

    def answer(images, options):
        nonlocal answered, most
        most = max(most, cut - answered)
        answered += len(images)
        count = len(images)
        return np.zeros((count, 14, 2), np.float32), np.ones((count, 14), np.float32)

    monkeypatch.setattr(stream, "crop_people", counted)
    monkeypatch.setattr(predictor, "start", answer, raising=False)
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 20, (10_000, 2))
    boxes = np.concatenate([low, low + rng.uniform(1, 9, (10_000, 2))], axis=1)
    poses = predictor.predict(pictures(1)[0], boxes)
    np.testing.assert_array_equal([pose.box for pose in poses], boxes)
    assert most <= 2 * stream.MOST_CROPS


def test_photographs_that_show_nobody_do_not_pile_up(predictor):
    """One person in a hundred photographs: answers come all the same."""
    given = 0

    def camera():
        nonlocal given
        for picture in itertools.islice(itertools.cycle(pictures(4)), 1_000):
            given += 1
            yield picture

    boxes = [BOX if number % 100 == 50 else [] for number in range(1_000)]
    found = []
    for answered, poses in enumerate(predictor.predict(camera(), boxes)):
        found.append(len(poses))
        assert given - answered <= stream.MOST_WAITING + 2 * THREADS + 3
    assert found == [len(each) for each in boxes]


def test_larger_crops_share_smaller_batches(predictor, monkeypatch):
    shapes = []
    start = type(predictor).start

    def watched(images, options):
        shapes.append(images.shape)
        return start(predictor, images, options)

    monkeypatch.setattr(predictor, "start", watched, raising=False)
    predictor.predict(pictures(6), input_size=(64, 96))
    pixels = [np.prod(shape[:-1]) for shape in shapes]
    assert max(pixels) <= 32 * 32 * 32
    assert sum(shape[0] for shape in shapes) == 6
    assert {shape[2:4] for shape in shapes} == {(64, 96)}


def test_photographs_of_unlike_aspects_come_back_in_order(predictor):
    tall, wide = np.zeros((40, 20, 3), np.uint8), np.zeros((20, 40, 3), np.uint8)
    given = [tall, wide, wide, tall]
    found = predictor.predict(given, input_size="auto")
    for picture, poses in zip(given, found, strict=True):
        height, width = picture.shape[:2]
        np.testing.assert_array_equal(
            poses[0].box, [-0.5, -0.5, width - 0.5, height - 0.5]
        )

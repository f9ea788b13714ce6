import threading
import weakref

import pytest

from hourglass_jax.inference.lookahead import ahead, in_background


def test_results_come_in_order_whatever_is_done_first():
    late = threading.Event()

    def work(number):
        if number == 0:
            assert late.wait(10)
        if number == 3:
            late.set()
        return number

    assert list(ahead(work, range(9), threads=4, depth=4)) == list(range(9))


def test_no_more_is_taken_than_the_depth():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = ahead(str, items(), threads=2, depth=5)
    next(results)
    assert len(taken) == 6
    results.close()


def test_an_error_comes_in_its_turn():
    def work(number):
        return 1 / number

    results = ahead(work, [2, 0, 1], threads=2, depth=5)
    assert next(results) == 0.5
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_closing_drops_what_was_not_begun():
    gate, begun = threading.Event(), []

    def work(number):
        begun.append(number)
        if number > 0:
            gate.wait(10)

    results = ahead(work, range(50), threads=1, depth=10)
    next(results)
    threading.Timer(0.2, gate.set).start()
    results.close()
    assert len(begun) <= 2


def test_a_background_reader_is_a_bounded_step_ahead():
    class Item:
        pass

    alive = weakref.WeakSet()

    def items():
        for _ in range(50):
            item = Item()
            alive.add(item)
            yield item
            del item

    most, count = 0, 0
    for item in in_background(items(), depth=4):
        most, count = max(most, len(alive)), count + 1
        del item
    assert count == 50
    assert most <= 8


def test_a_background_reader_s_error_follows_its_items():
    def items():
        yield 1
        raise OSError("gone")

    found = in_background(items(), depth=3)
    assert next(found) == 1
    with pytest.raises(OSError, match="gone"):
        next(found)

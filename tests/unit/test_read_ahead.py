"""Does work that is done ahead come in order, with its errors, and end with whoever uses it?"""

import threading
from collections.abc import Iterator

import pytest

from stage1.operations.read_ahead import read_ahead


def test_items_come_in_order_and_all_of_them() -> None:
    with read_ahead(range(1000)) as items:
        assert list(items) == list(range(1000))


def test_no_more_is_made_than_was_allowed() -> None:
    made: list[int] = []
    third = threading.Event()

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            if number == 3:
                third.set()
            yield number

    with read_ahead(numbers(), depth=2) as items:
        assert next(items) == 0
        assert third.wait(5), "two are kept and the next is in the maker's hand"
        assert len(made) == 4


def test_an_error_is_raised_where_its_item_is_awaited() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise ValueError("the second")

    with read_ahead(numbers()) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="the second"):
            next(items)


@pytest.mark.parametrize("taken", [0, 1])
def test_who_leaves_early_ends_the_thread_and_closes_the_source(taken: int) -> None:
    closed = threading.Event()

    def numbers() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    with pytest.raises(RuntimeError, match="enough"), read_ahead(numbers()) as items:
        for _ in range(taken):
            next(items)
        raise RuntimeError("enough")
    assert closed.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == "read ahead"]

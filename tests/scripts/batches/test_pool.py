import threading
from collections.abc import Sequence

import pytest

from scripts.batches.calls import Reply
from scripts.batches.pool import Pool
from scripts.batches.sources import Item

ITEM = Item("s3://photos/a.jpg")


def replies(pool: Pool, count: int) -> None:
    for _ in range(count):
        pool.send([ITEM])
        assert pool.receive(5)


def test_calls_in_flight_grow_with_success_up_to_the_limit() -> None:
    pool = Pool(lambda items: Reply(items), 6)
    allowed = []
    for _ in range(6):
        allowed.append(int(pool.allowed))
        replies(pool, 1)
    assert allowed == [2, 3, 4, 5, 6, 6]


def test_throttling_lowers_them_once_for_the_calls_that_were_in_flight_together() -> None:
    throttles = 0
    pool = Pool(lambda items: Reply(items, throttles=throttles), 100)
    replies(pool, 18)
    assert pool.allowed == 20
    throttles = 1
    replies(pool, 1)
    assert pool.allowed == pytest.approx(14)
    replies(pool, 10)
    assert pool.allowed == pytest.approx(14)
    throttles = 0
    replies(pool, 14)
    assert 14.9 < pool.allowed < 15, "one more in the time of one round of calls"


def test_number_never_falls_below_one() -> None:
    pool = Pool(lambda items: Reply(items, throttles=3), 8)
    replies(pool, 50)
    assert pool.is_free


def test_calls_run_at_the_same_time() -> None:
    barrier = threading.Barrier(2, timeout=5)

    def call(items: Sequence[Item]) -> Reply:
        barrier.wait()
        return Reply(items)

    pool = Pool(call, 2)
    pool.send([ITEM])
    pool.send([ITEM])
    assert not pool.is_free
    assert pool.receive(5)
    assert pool.receive(5)


def test_error_of_a_call_is_raised_where_its_response_is_received() -> None:
    def call(_: Sequence[Item]) -> Reply:
        raise ValueError("of a thread")

    pool = Pool(call, 2)
    pool.send([ITEM])
    with pytest.raises(ValueError, match="of a thread"):
        pool.receive(5)

from collections.abc import Iterator

import pytest

from scripts.batches.backlog import PAGE, Backlog
from scripts.batches.sources import Item


@pytest.fixture
def backlog() -> Iterator[Backlog]:
    with Backlog() as backlog:
        yield backlog


def test_items_come_once_in_their_order_over_several_pages(backlog: Backlog) -> None:
    items = [Item(f"s3://photos/{number % (2 * PAGE + 3)}.jpg", None) for number in range(3 * PAGE)]
    assert [backlog.add(item) for item in items].count(True) == 2 * PAGE + 3
    assert list(backlog.items(0)) == items[: 2 * PAGE + 3]


def test_failed_items_are_in_the_next_round_with_their_last_error(backlog: Backlog) -> None:
    for name in ("b", "a", "c"):
        backlog.add(Item(name, name.encode()))
    backlog.fail(Item("c"), {"error": "1"}, 0)
    backlog.fail(Item("b"), {"error": "2"}, 0)
    backlog.fail(Item("b"), {"error": "3"}, 0)
    assert list(backlog.items(1)) == [Item("b", b"b"), Item("c", b"c")]
    assert list(backlog.rows(1)) == [{"error": "3"}, {"error": "1"}]
    assert (backlog.failures(1), backlog.failures(2)) == (2, 0)

"""Calls at the same time, whose results come as they are finished."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def run(call: Callable[[Item], Result], items: Sequence[Item], concurrency: int) -> Iterator[tuple[int, Result]]:
    """Yield the index of each item with the result of its call, in the order in which the calls end.

    After an interruption nothing waits for the calls in progress: the threads end with the process.

    Args:
        call: called with one item, in a thread.
        items: of all calls.
        concurrency: calls at the same time.

    Raises:
        BaseException: that of a call; no further call begins.
    """
    done: queue.SimpleQueue[tuple[int, Result | BaseException]] = queue.SimpleQueue()
    indexes, lock, is_stopped = iter(range(len(items))), threading.Lock(), threading.Event()

    def work() -> None:
        while not is_stopped.is_set():
            with lock:
                index = next(indexes, None)
            if index is None:
                return
            try:
                done.put((index, call(items[index])))
            except BaseException as error:  # noqa: BLE001  (it is raised in the thread that reads the results)
                done.put((index, error))
                return

    for _ in range(min(concurrency, len(items))):
        threading.Thread(target=work, daemon=True).start()
    try:
        for _ in items:
            index, result = done.get()
            if isinstance(result, BaseException):
                raise result
            yield index, result
    finally:
        is_stopped.set()

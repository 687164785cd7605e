"""Calls at the same time: more while they succeed, fewer when Lambda throttles.

The number begins at 2 and grows by one with each call that succeeds, as in the slow start of TCP. A throttled call
lowers it to 0.7 times, and then it grows by one in the time of one round of calls. boto3's adaptive mode delays the
calls themselves.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence

from scripts.batches.calls import Reply
from scripts.batches.sources import Item

START, DECREASE = 2, 0.7
Call = Callable[[Sequence[Item]], Reply]


class Pool:
    """Threads that call the function. They are daemons: a call in flight does not delay the end of the process.

    Attributes:
        in_flight: calls without a response.
        allowed: calls that may be in flight now.
    """

    def __init__(self, call: Call, concurrency: int) -> None:
        """Make a pool without threads.

        Args:
            call: sends images and returns the response.
            concurrency: calls at the same time, at most.
        """
        self.in_flight, self.allowed = 0, float(min(START, concurrency))
        self._call, self._concurrency = call, concurrency
        self._is_slow_start, self._threads = True, 0
        self._since_decrease = concurrency  # replies
        self._tasks: queue.SimpleQueue[Sequence[Item]] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[Reply | Exception] = queue.SimpleQueue()

    @property
    def is_free(self) -> bool:
        """Whether another call may be sent now."""
        return self.in_flight < int(self.allowed)

    def send(self, items: Sequence[Item]) -> None:
        """Send a call."""
        self.in_flight += 1
        if self._threads < self.in_flight:
            self._threads += 1
            threading.Thread(target=self._work, daemon=True).start()
        self._tasks.put(items)

    def receive(self, timeout: float) -> Reply | None:
        """Return the next response; None if there is none within `timeout` seconds.

        Raises:
            Exception: the call raised it.
        """
        try:
            reply = self._replies.get(timeout=timeout)
        except queue.Empty:
            return None
        self.in_flight -= 1
        if isinstance(reply, Exception):
            raise reply
        self._adjust(reply.throttles > 0)
        return reply

    def _adjust(self, is_throttled: bool) -> None:
        self._since_decrease += 1
        if is_throttled:
            if self._since_decrease > self.allowed:  # one decrease for the calls that were in flight together
                self.allowed = max(1.0, self.allowed * DECREASE)
                self._since_decrease = 0
            self._is_slow_start = False
        else:
            growth = 1.0 if self._is_slow_start else 1 / self.allowed
            self.allowed = min(self.allowed + growth, float(self._concurrency))

    def _work(self) -> None:
        while True:
            items = self._tasks.get()
            try:
                reply: Reply | Exception = self._call(items)
            except Exception as error:  # noqa: BLE001  (raised again by `receive`)
                reply = error
            self._replies.put(reply)

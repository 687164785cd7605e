"""Threads that wait for the function, one for each environment, and whether all have work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class Workers(ThreadPoolExecutor):
    """Executor that counts the calls that have not ended; those above its size wait."""

    def __init__(self, size: int) -> None:
        """Make the executor of `size` threads."""
        super().__init__(size)
        self._size, self._count = size, 0
        self._lock = threading.Lock()

    @property
    def are_busy(self) -> bool:
        """Whether a further call would wait."""
        return self._count >= self._size

    def submit(self, call: Callable[..., Any], /, *args: Any, **keywords: Any) -> Future[Any]:
        """Call in a thread, or wait for a free one."""
        future = super().submit(call, *args, **keywords)
        with self._lock:
            self._count += 1
        future.add_done_callback(self._ended)
        return future

    def _ended(self, _: Future[Any]) -> None:
        with self._lock:
            self._count -= 1

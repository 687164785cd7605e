"""Execution environments of one function: each has one invocation at a time, and a free one is used again.

As on Lambda, an environment starts when a request finds no free one. Above the limit, requests wait.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from scripts.local_lambda import other_system
from scripts.local_lambda.emulator import LocalLambda
from scripts.local_lambda.invocation import Invocation


class _Place(NamedTuple):
    """Place for one environment: free, or with an environment of the zips in `dist`."""

    dist: Path | None
    function: LocalLambda | None


FREE = _Place(None, None)


class Measured(NamedTuple):
    """Invocation, and the peak of resident memory of its environment so far, in bytes."""

    invocation: Invocation
    peak_rss_bytes: int


class Pool:
    """Environments of the zips in a folder. All methods may be called from any thread."""

    def __init__(self, dist: Path, size: int, settings: Mapping[str, Any]) -> None:
        """Make a pool; environments start when they are needed.

        Args:
            dist: folder with the zips.
            size: most environments at a time.
            settings: as for `other_system.open_function`.
        """
        self._dist, self._settings = dist, settings
        self._places: queue.LifoQueue[_Place] = queue.LifoQueue()  # the last one that was used is the first to be used
        for _ in range(size):
            self._places.put(FREE)
        self._size = size
        self._busy: set[LocalLambda] = set()
        self._lock = threading.Lock()

    def start(self) -> LocalLambda:
        """Start an environment, so that the first request finds a warm one, and return it.

        Raises:
            NotRunnable: this machine cannot run the zips.
            InitFailed: the function failed before it requested an event.
        """
        with self._environment() as function:
            function.start()
            return function

    def invoke(self, event: Any) -> Invocation:
        """Invoke the function in a free environment; wait for one if all are busy.

        Raises:
            LocalLambdaError: see `LocalLambda.invoke`.
        """
        with self._environment() as function:
            return function.invoke(event)

    def measure(self, event: Any) -> Measured:
        """Invoke the function as `invoke` does, and measure the memory of its environment.

        Raises:
            LocalLambdaError: see `LocalLambda.invoke`.
        """
        with self._environment() as function:
            return Measured(function.invoke(event), function.peak_rss_bytes)

    def replace(self, dist: Path) -> None:
        """Use the zips of another folder from the next invocation on; running invocations end first."""
        self._dist = dist

    def close(self) -> None:
        """End all environments, running invocations too."""
        with self._lock:
            busy = list(self._busy)
        for function in busy:
            function.stop()  # its invocation ends with an error, and its place becomes free
        for _ in range(self._size):
            place = self._places.get()
            if place.function:
                place.function.close()

    @contextlib.contextmanager
    def _environment(self) -> Iterator[LocalLambda]:
        """Take an environment of the present zips, and give it back."""
        place, dist = self._places.get(), self._dist
        try:
            if place.function and place.dist != dist:
                outdated, place = place.function, FREE
                outdated.close()
            function = place.function or other_system.open_function(dist, **self._settings)
            place = _Place(dist, function)
            with self._lock:
                self._busy.add(function)
            try:
                yield function
            finally:
                with self._lock:
                    self._busy.discard(function)
        finally:
            self._places.put(place)

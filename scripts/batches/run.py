"""The run: images in groups through the pool, their rows into the file, failures into later rounds."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from scripts.aws.prices import S3_GET, lambda_usd
from scripts.batches.backlog import Backlog
from scripts.batches.calls import Caller, Reply, error_row
from scripts.batches.errors import FAILED, BatchError, is_transient
from scripts.batches.pool import Pool
from scripts.batches.results_file import ResultsFile
from scripts.batches.sources import Item

ROUNDS = 5  # the first, and those for images that failed
ROUND_WAITS = (0, 1, 2, 5, 10)  # seconds before a round
WAIT = 0.2  # seconds between two looks at Ctrl-C
GRACE = 10  # seconds in which calls in flight may end after Ctrl-C
FAILURES_IN_A_ROW = 40  # calls, and at least three for each one that may be in flight
GROUP_BYTES = 2_000_000  # of an event with several files of a folder: those of all calls are in memory
DEFAULT_MEMORY_MB = 1769
TOO_LARGE = (
    "an image of a folder must be at most about 4.5 MB, the limit of an event, got {size:.1f} MB; copy it to S3, or "
    "use an upload of the HTTP API"
)


class Totals:
    """Counts of this run.

    Attributes:
        images: rows that were written.
        errors: those of them that are errors, by type.
        detections: in all rows.
        calls: responses, also those of failed calls.
        throttles: calls that were sent again.
        usd: price of the calls, and of reading the images from S3.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.images = self.detections = self.calls = self.throttles = 0
        self.errors: Counter[str] = Counter()
        self.usd = 0.0

    def add(self, results: ResultsFile | None, row: dict[str, Any]) -> None:
        """Write a row to the file and count it, unless its image has one; without a file, count it."""
        if results is not None and not results.append(row):
            return
        self.images += 1
        self.detections += int(row.get("detection_count", 0))
        if "error" in row:
            self.errors[str(row.get("type"))] += 1


class Run:
    """Images that go through the function into a file.

    Attributes:
        totals: of this run.
        per_call: images in one call, at most; lowered if the function refuses them.
    """

    def __init__(
        self, caller: Caller, backlog: Backlog, results: ResultsFile | None, per_call: int,
        is_interrupted: Callable[[], bool], report: Callable[[Reply], None],
    ) -> None:  # fmt: skip
        """Prepare a run.

        Args:
            caller: calls the function.
            backlog: the images that are not done.
            results: gets the rows; None: they are only counted, for an estimate.
            per_call: images in one call, at most.
            is_interrupted: returns whether to stop.
            report: is called after each response.
        """
        self.totals, self.per_call = Totals(), per_call
        self._caller, self._backlog, self._results = caller, backlog, results
        self._is_interrupted, self._report = is_interrupted, report
        self._round = 0
        self._failed_in_a_row, self._failure_limit = 0, FAILURES_IN_A_ROW

    def is_done(self, item: Item) -> bool:
        """Return whether an image has its row."""
        return self._results is not None and self._results.done(item.source)

    def all(self, concurrency: int) -> bool:
        """Call the function for every image; return whether that is done, and was not interrupted.

        Raises:
            BatchError: many calls in a row failed, or the function cannot be called.
            DeployError: credentials are missing or expired.
            OSError: the file cannot be written.
        """
        pool = Pool(self._caller.call, concurrency)
        self._failure_limit = max(FAILURES_IN_A_ROW, 3 * concurrency)
        for self._round in range(ROUNDS):
            if self._round and not self._backlog.failures(self._round):
                return True
            if not self._wait(ROUND_WAITS[self._round]):
                return False
            size = max(1, self.per_call // 2) if self._round == 1 else 1 if self._round else self.per_call
            if not self._send_all(pool, self.groups(size)):
                return False
        for row in self._backlog.rows(ROUNDS):
            self._write(row)
        return True

    def receive(self, reply: Reply) -> None:
        """Write the rows of a response; keep its images for the next round if it failed.

        Raises:
            BatchError: many calls in a row failed.
        """
        totals, function = self.totals, self._caller.function
        totals.calls += 1
        totals.throttles += reply.throttles
        memory = reply.memory_mb or function.memory_mb or DEFAULT_MEMORY_MB
        totals.usd += lambda_usd(reply.billed_s, memory, function.architecture, 1)
        totals.usd += S3_GET * sum(item.path is None for item in reply.items)
        rows = reply.rows or [error_row(item, *reply.error) for item in reply.items]
        for item, row in zip(reply.items, rows, strict=True):
            if is_transient(row) or (not reply.rows and len(reply.items) > 1):
                self._backlog.fail(item, row, self._round)
            else:
                self._write(row)
        if reply.is_too_large and len(reply.items) > 1:
            self.per_call = min(self.per_call, max(1, len(reply.items) // 2))
        self._count_failures(reply)
        self._report(reply)

    def _count_failures(self, reply: Reply) -> None:
        """Stop if nothing succeeds any more: the images are not lost, and calls are not made in vain."""
        is_failure = not reply.rows and not reply.is_final
        self._failed_in_a_row = self._failed_in_a_row + 1 if is_failure else 0
        if self._failed_in_a_row >= self._failure_limit:
            kind, message = reply.error
            raise BatchError(
                f"{self._failed_in_a_row} calls in a row failed, the last one with {kind}: {message}", FAILED
            )

    def _write(self, row: dict[str, Any]) -> None:
        self.totals.add(self._results, row)

    def _send_all(self, pool: Pool, groups: Iterator[Sequence[Item]]) -> bool:
        """Send the groups and receive every response; return False after an interruption."""
        while not self._is_interrupted():
            while pool.is_free and (group := next(groups, None)):
                pool.send(group)
            if not pool.in_flight:
                return True
            if reply := pool.receive(WAIT):
                self.receive(reply)
        self._finish(pool)
        return False

    def _finish(self, pool: Pool) -> None:
        """Receive the responses of calls in flight for some seconds; the others are sent again by the next run."""
        ends = time.monotonic() + GRACE
        while pool.in_flight and time.monotonic() < ends:
            if reply := pool.receive(WAIT):
                self.receive(reply)

    def _wait(self, seconds: float) -> bool:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not self._is_interrupted():
            time.sleep(WAIT)
        return not self._is_interrupted()

    def groups(self, size: int) -> Iterator[Sequence[Item]]:
        """Yield the images of the round for one call each: `size` of them at most, which fit into an event."""
        group: list[Item] = []
        total = 0
        for item in self._backlog.items(self._round):
            if self.is_done(item):
                continue
            taken = self._caller.size(item)
            if taken > self._caller.limit():
                self._write(error_row(item, "TooLarge", TOO_LARGE.format(size=taken * 3 / 4 / 1e6)))
                continue
            if group and (len(group) >= min(size, self.per_call) or total + taken > GROUP_BYTES):
                yield group
                group, total = [], 0
            group.append(item)
            total += taken
        if group:
            yield group

"""Calls of one memory size: cold and warm; their times, memory and price."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from scripts.aws import prices
from scripts.client.images import Image
from scripts.client.report import percentile

MILLION = 1_000_000


class Sample(NamedTuple):
    """One call.

    Attributes:
        error: one line; "" if there is a result.
        duration_ms: of the handler; None if it is not known.
        billed_ms: what Lambda bills; None if it is not known.
        init_ms: of a cold start; None for a warm start.
        memory_mb: largest memory in use so far; None if it is not known.
    """

    error: str
    duration_ms: float | None = None
    billed_ms: float | None = None
    init_ms: float | None = None
    memory_mb: float | None = None


class Row(NamedTuple):
    """Result of one architecture and memory size.

    Attributes:
        architecture: x86_64 or arm64.
        memory: MB.
        p50_ms, p95_ms: duration of the handler in warm calls; None without one.
        init_ms: median duration of the init phase; None without a cold start.
        cold_starts: number of the calls with an init phase.
        max_memory_mb: largest memory in use; None if it is not known.
        usd: price of a million images in warm calls; None without one.
        calls: number of calls.
        errors: number of calls without a result.
        error: why there are none, or that of the first call with an error; "" without one.
    """

    architecture: str
    memory: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    init_ms: float | None = None
    cold_starts: int = 0
    max_memory_mb: float | None = None
    usd: float | None = None
    calls: int = 0
    errors: int = 0
    error: str = ""

    def document(self) -> dict[str, Any]:
        """Return the row for --json."""
        fields = self._asdict()
        fields["usd_per_million"] = fields.pop("usd")
        return fields


def row(architecture: str, memory: int, samples: Iterable[Sample]) -> Row:
    """Return the result of the calls of one memory size."""
    samples = list(samples)
    succeeded = [sample for sample in samples if not sample.error]
    warm = [sample for sample in succeeded if sample.init_ms is None]
    times = sorted(sample.duration_ms for sample in warm if sample.duration_ms is not None)
    billed = [sample.billed_ms for sample in warm if sample.billed_ms is not None]
    inits = sorted(sample.init_ms for sample in succeeded if sample.init_ms is not None)
    memories = [sample.memory_mb for sample in samples if sample.memory_mb is not None]
    errors = Counter(sample.error for sample in samples if sample.error)
    error = next(iter(errors), "")
    if not (times or error):
        error = "no call was warm" if inits else "the log has no REPORT line: the level of system logs must be INFO"
    return Row(
        architecture, memory,
        p50_ms=percentile(times, 50) if times else None,
        p95_ms=percentile(times, 95) if times else None,
        init_ms=percentile(inits, 50) if inits else None,
        cold_starts=len(inits),
        max_memory_mb=max(memories, default=None),
        usd=usd_per_million(billed, memory, architecture) if billed else None,
        calls=len(samples), errors=errors.total(), error=error,
    )  # fmt: skip


def usd_per_million(billed_ms: Sequence[float], memory: int, architecture: str) -> float:
    """Return the price of a million images, one for each call.

    Args:
        billed_ms: at least one; Lambda bills whole milliseconds.
        memory: MB.
        architecture: x86_64 or arm64.
    """
    seconds = sum(math.ceil(ms) for ms in billed_ms) / len(billed_ms) / 1000
    return prices.lambda_usd(seconds * MILLION, memory, architecture, MILLION)


def in_turn(images: Sequence[Image], count: int) -> list[Image]:
    """Return at least `count` images: all of them, again and again."""
    rounds = -(-count // len(images))
    return (list(images) * rounds)[: max(count, len(images))]


def cheapest(rows: Iterable[Row]) -> Row | None:
    """Return the row with the lowest price, of two the faster one; None if no size has a result for every image."""
    return _best(rows, lambda one: (round(one.usd or 0, 3), one.p50_ms or 0))


def fastest(rows: Iterable[Row]) -> Row | None:
    """Return the row with the lowest median, of two the cheaper one; None if no size has a result for every image."""
    return _best(rows, lambda one: (one.p50_ms or 0, one.usd or 0))


def _best(rows: Iterable[Row], key: Callable[[Row], tuple[float, float]]) -> Row | None:
    measured = [one for one in rows if one.usd is not None and one.p50_ms is not None]
    fewest = min((one.errors for one in measured), default=0)  # an image that fails at every size excludes none
    return min((one for one in measured if one.errors == fewest), key=key, default=None)

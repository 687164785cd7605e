"""Times of two calls relative to each other."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

WARM_UPS = 2
PERCENTILES = (10, 50, 90)


class Ratio(NamedTuple):
    """Times after compression relative to those before."""

    low: float  # 10th percentile
    median: float
    high: float  # 90th percentile

    def __str__(self) -> str:
        """Return the median with the range in brackets."""
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(before: Callable[[], object], after: Callable[[], object], times: int) -> Ratio:
    """Run both in turn, so that other load of the machine affects both; the first runs only warm up."""
    ratios = []
    for _ in range(times + WARM_UPS):
        first = _seconds(before)
        ratios.append(_seconds(after) / first)
    low, median, high = np.percentile(ratios[WARM_UPS:], PERCENTILES)
    return Ratio(float(low), float(median), float(high))


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started

"""Statistics of runs: medians, percentiles, ratios and differences of pairs, interval of a median."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

LOW, HIGH = 10, 90  # percentiles of the spread
MIN_PAIRS = 5  # with fewer values, the order statistics give no interval of 90 %


class Spread(NamedTuple):
    """A median with the 10th and the 90th percentile."""

    median: float
    low: float
    high: float


class Interval(NamedTuple):
    """A median with the limits of its confidence interval."""

    median: float
    low: float
    high: float


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile, interpolated between the two nearest values.

    Args:
        values: at least one, in any order.
        percent: 0..100.
    """
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of at least one value."""
    return Spread(statistics.median(values), percentile(values, LOW), percentile(values, HIGH))


def ratios(values: Sequence[float], baseline: Sequence[float]) -> Spread:
    """Return the spread of the ratio value / baseline of each pair: effects of the machine on both cancel out.

    Args:
        values: one for each pair.
        baseline: of the same pairs, in the same order, above 0.

    Raises:
        ValueError: the lengths differ.
    """
    return spread(pair_ratios(values, baseline))


def pair_ratios(values: Sequence[float], baseline: Sequence[float]) -> list[float]:
    """Return the ratio value / baseline of each pair.

    Raises:
        ValueError: the lengths differ.
    """
    return [value / base for value, base in zip(values, baseline, strict=True)]


def differences(values: Sequence[float], baseline: Sequence[float]) -> Spread:
    """Return the spread of the difference value - baseline of each pair.

    Raises:
        ValueError: the lengths differ.
    """
    return spread([value - base for value, base in zip(values, baseline, strict=True)])


def median_interval(values: Sequence[float], confidence: float) -> Interval:
    """Return the median with its confidence interval, from order statistics: valid for any distribution.

    The interval is from the k-th smallest to the k-th largest value, with the largest k whose coverage is at least
    `confidence`. The coverage follows from the binomial distribution with probability 1/2.

    Args:
        values: independent measurements, in any order.
        confidence: least coverage, such as 0.9.

    Raises:
        ValueError: there are too few values for this confidence.

    Source: H. A. David, H. N. Nagaraja, Order Statistics, 3rd edition, section 7.1.
    """
    ordered, count = sorted(values), len(values)
    tail, k = 1, 0  # tail: number of the 2**count outcomes with at most k successes
    while 2 * tail <= (1 - confidence) * 2**count:
        k += 1
        tail += math.comb(count, k)
    if k == 0:
        raise ValueError(f"{count} values give no interval of {confidence:.0%} for a median")
    return Interval(statistics.median(ordered), ordered[k - 1], ordered[count - k])


def medians(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each key over the runs, in the order of first appearance; a missing key counts as 0."""
    keys = dict.fromkeys(key for run in runs for key in run)
    return {key: statistics.median(run.get(key, 0.0) for run in runs) for key in keys}

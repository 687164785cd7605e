"""The arithmetic: medians, percentiles, and ratios of pairs. Numbers in, numbers out."""

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

LOW, HIGH = 10, 90  # percentiles between which the spread is told


class Spread(NamedTuple):
    """A median, and what lies at the 10th and 90th percentile."""

    median: float
    low: float
    high: float


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` percent lie, interpolated between the two nearest.

    Args:
        values: at least one, in any order.
        share: 0..100.
    """
    ordered = sorted(values)
    place = (len(ordered) - 1) * share / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(statistics.median(values), percentile(values, LOW), percentile(values, HIGH))


def ratios(theirs: Sequence[float], ours: Sequence[float]) -> Spread:
    """How many times ours goes into theirs, pair by pair: what both met on the machine cancels.

    Args:
        theirs: of each pair.
        ours: of the same pairs, in the same order, above 0.

    Raises:
        ValueError: they are not pairs.
    """
    return spread([their / our for their, our in zip(theirs, ours, strict=True)])


def differences(theirs: Sequence[float], ours: Sequence[float]) -> Spread:
    """How much more theirs is than ours, pair by pair.

    Raises:
        ValueError: they are not pairs.
    """
    return spread([their - our for their, our in zip(theirs, ours, strict=True)])


def medians(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each key over the runs, in the order in which the keys first come; absent counts as 0."""
    keys = dict.fromkeys(key for run in runs for key in run)
    return {key: statistics.median(run.get(key, 0.0) for run in runs) for key in keys}

"""Statistics of runs."""

import pytest

from benchmarks import memory, stats
from benchmarks.stats import Interval, Spread


def test_percentile_is_interpolated_between_two_values() -> None:
    assert stats.percentile([7.0], 90) == 7.0
    assert stats.percentile([30, 10, 20], 0) == 10
    assert stats.percentile([30, 10, 20], 50) == 20
    assert stats.percentile([30, 10, 20], 100) == 30
    assert stats.percentile([10, 20], 75) == 17.5
    assert stats.percentile(list(range(11)), 10) == 1


def test_ratio_is_that_of_pairs_and_not_of_medians() -> None:
    baseline, values = [1.0, 10.0, 2.0], [3.0, 10.0, 8.0]
    assert stats.ratios(values, baseline).median == 3.0  # of 3, 1 and 4; the ratio of the medians is 4
    assert stats.ratios(values, baseline) == Spread(3.0, pytest.approx(1.4), pytest.approx(3.8))


def test_difference_is_that_of_pairs() -> None:
    assert stats.differences([3.0, 10.0, 8.0], [1.0, 10.0, 2.0]).median == 2.0


def test_runs_of_different_length_are_rejected() -> None:
    with pytest.raises(ValueError, match="zip"):
        stats.ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("count", "rank"), [(5, 1), (8, 2), (10, 2), (20, 6), (60, 24), (100, 42)])
def test_interval_of_a_median_has_the_ranks_of_the_sign_test(count: int, rank: int) -> None:
    values = [float(value) for value in range(count, 0, -1)]  # rank and value are equal
    assert stats.median_interval(values, 0.9) == Interval((count + 1) / 2, rank, count + 1 - rank)


def test_interval_of_a_median_covers_it_as_often_as_required() -> None:
    exact = 1 - 2 * (1 + 10) / 2**10  # of the ranks 2 and 9 of 10 values: all outcomes but 0, 1, 9 and 10 successes
    values = [float(value) for value in range(1, 11)]
    assert stats.median_interval(values, exact) == Interval(5.5, 2, 9)
    assert stats.median_interval(values, exact + 1e-9) == Interval(5.5, 1, 10)


def test_interval_of_a_median_needs_enough_values() -> None:
    stats.median_interval([1.0] * stats.MIN_PAIRS, 0.9)
    with pytest.raises(ValueError, match=r"4 values give no interval of 90%"):
        stats.median_interval([1.0] * (stats.MIN_PAIRS - 1), 0.9)


def test_missing_step_of_a_run_counts_as_0() -> None:
    assert stats.medians([{"a": 1.0}, {"a": 3.0, "b": 6.0}, {"a": 2.0}]) == {"a": 2.0, "b": 0.0}


def test_memory_is_the_mean_of_a_window_of_responses() -> None:
    resident = [100] * memory.WINDOW + [300] * memory.WINDOW
    assert memory.window_mean(resident, memory.WINDOW) == 100
    assert memory.window_mean(resident, memory.WINDOW * 3 // 2) == 200
    assert memory.window_mean(resident, len(resident)) == 300
    assert memory.window_mean(resident, 0) == 100

"""The benchmark's arithmetic, its tables, and its picture."""

from pathlib import Path

import pytest
from PIL import Image

from benchmarks import chart, memory, report, stats
from benchmarks.stats import Spread
from benchmarks.trace import STEPS


def test_a_percentile_lies_between_its_two_neighbors() -> None:
    assert stats.percentile([7.0], 90) == 7.0
    assert stats.percentile([30, 10, 20], 0) == 10
    assert stats.percentile([30, 10, 20], 50) == 20
    assert stats.percentile([30, 10, 20], 100) == 30
    assert stats.percentile([10, 20], 75) == 17.5
    assert stats.percentile(list(range(11)), 10) == 1


def test_a_ratio_is_of_pairs_and_not_of_medians() -> None:
    ours, theirs = [1.0, 10.0, 2.0], [3.0, 10.0, 8.0]
    assert stats.ratios(theirs, ours).median == 3.0  # of 3, 1 and 4; the medians' would be 4
    assert stats.ratios(theirs, ours) == Spread(3.0, pytest.approx(1.4), pytest.approx(3.8))


def test_a_difference_is_of_pairs() -> None:
    assert stats.differences([3.0, 10.0, 8.0], [1.0, 10.0, 2.0]).median == 2.0


def test_runs_that_are_no_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        stats.ratios([1.0, 2.0], [1.0])


def test_a_step_that_a_run_lacks_counts_as_nothing() -> None:
    assert stats.medians([{"a": 1.0}, {"a": 3.0, "b": 6.0}, {"a": 2.0}]) == {"a": 2.0, "b": 0.0}


def test_a_table_aligns_its_columns() -> None:
    assert report.table([["name", "ms"], ["a", "1.0"], ["long name", "1,000"]]) == (
        "name          ms\na            1.0\nlong name  1,000\n"
    )


def test_markdown_has_a_rule_under_the_heading() -> None:
    assert report.markdown([["a", "b"], ["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |\n"


def test_numbers_are_told_as_precisely_as_they_say_something() -> None:
    assert (report.ms(12.34), report.ms(-3.21), report.ms(1234.5)) == ("12.3", "-3.2", "1,234")
    assert (report.mb(1.5 * report.MB), report.mb(1234 * report.MB)) == ("1.5", "1,234")
    assert report.times(Spread(2, 1.5, 3)) == "2.00 (1.50..3.00)"
    assert report.plus_ms(Spread(2, -1.5, 3)) == "+2.0 (-1.5..+3.0)"


def test_a_bar_has_its_steps_side_by_side_and_in_order() -> None:
    found = chart.extents({"numpy": 20.0, "interpreter": 10.0, "session": -0.1, "first run": 5.0}, 100, 2.0)
    assert found == [
        ("interpreter", 100, 120),
        ("numpy", 120, 160),
        ("session", 160, 160),
        ("first run", 160, 170),
    ]


def test_every_step_has_a_color_of_its_own() -> None:
    assert set(chart.COLORS) == set(STEPS)
    assert len(set(chart.COLORS.values())) == len(STEPS)


def test_the_picture_shows_every_step_in_its_color(tmp_path: Path) -> None:
    steps = dict.fromkeys(STEPS, 10.0)
    bars = [chart.Bar("ours", steps, "150 ms, 1.0x"), chart.Bar("other", {"numpy": 300.0}, "300 ms, 2.0x")]
    chart.draw("A start", bars, tmp_path / "start.png")
    with Image.open(tmp_path / "start.png") as drawn:
        middle = chart.HEAD + chart.BAR // 2
        shown = {drawn.getpixel((x, middle)) for x in range(drawn.width)}
        below = {drawn.getpixel((x, middle + chart.BAR + chart.GAP)) for x in range(drawn.width)}
    assert set(chart.COLORS.values()) <= shown
    assert below & set(chart.COLORS.values()) == {chart.COLORS["numpy"]}


def test_memory_is_averaged_over_the_answers_just_before() -> None:
    resident = [100] * memory.WINDOW + [300] * memory.WINDOW
    assert memory.around(resident, memory.WINDOW) == 100
    assert memory.around(resident, memory.WINDOW * 3 // 2) == 200
    assert memory.around(resident, len(resident)) == 300
    assert memory.around(resident, 0) == 100

"""Tables and JSON of the results."""

import json
from typing import Any

from benchmarks import report
from benchmarks.report import Machine
from benchmarks.stats import Spread
from tests.benchmarks.measurements import measurement


def test_tables_compare_with_the_first_contender() -> None:
    result = measurement([100.0, 200.0], [300.0, 800.0])
    assert report.starts(result)[2] == ["other", "2.0", "540", "550", "3.50 (3.10..3.90)", "1.0"]
    assert report.steps(result)[1:] == [["numpy", "150", "550"], ["total", "150", "550"]]
    assert report.warm(result)[1][-3:] == ["12.0", "1.00 (1.00..1.00)", "20%"]


def test_json_contains_every_run() -> None:
    machine = Machine("cpu", 2, "6", 0.0, "2026-01-01")
    settings = report.settings([measurement([1.0, 2.0], [2.0, 6.0])])
    document: dict[str, Any] = json.loads(json.dumps(report.document("start", machine, settings)))
    (setting,) = document["settings"]
    assert setting["cpus"] == 1
    assert setting["contenders"]["other"]["first_response_ms"] == [2.0, 6.0]
    assert setting["contenders"]["other"]["ratio"]["median"] == 2.5


def test_table_aligns_its_columns() -> None:
    assert report.table([["name", "ms"], ["a", "1.0"], ["long name", "1,000"]]) == (
        "name          ms\na            1.0\nlong name  1,000\n"
    )


def test_markdown_table_has_a_rule_under_the_heading() -> None:
    assert report.markdown([["a", "b"], ["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |\n"


def test_numbers_have_the_decimals_of_their_size() -> None:
    assert (report.ms(12.34), report.ms(-3.21), report.ms(1234.5)) == ("12.3", "-3.2", "1,234")
    assert (report.mb(1.5 * report.MB), report.mb(1234 * report.MB)) == ("1.5", "1,234")
    assert report.ratio(Spread(2, 1.5, 3)) == "2.00 (1.50..3.00)"
    assert report.added_ms(Spread(2, -1.5, 3)) == "+2.0 (-1.5..+3.0)"

"""Output of call.py: errors, logs, and the statistics of many calls."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts import call
from scripts.client import report
from scripts.client.connection import Reply
from tests.scripts.client.conftest import Lambda, printed


def test_a_log_has_no_control_characters() -> None:
    assert report.format_log("a", Reply(200, {}, 1.0, None, "b\x1b[2J\r\nc\n")) == "a  | b\\x1b[2J\na  | c\n"


@pytest.mark.parametrize(
    ("status", "body", "line"),
    [
        (415, {"error": "no image", "type": "UnsupportedImage", "request_id": "1"}, "415 UnsupportedImage: no image"),
        (502, {"errorMessage": "a\nb", "errorType": "ValueError", "stackTrace": ["x"]}, "502 ValueError: a b"),
        (403, {"Message": "Forbidden"}, "403 Forbidden"),
        (404, {"error": "unknown model 'x'"}, "404 unknown model 'x'"),
    ],
)
def test_an_error_is_one_line(status: int, body: dict[str, Any], line: str) -> None:
    assert report.format_reply("a.jpg", Reply(status, body, 12.3, None)) == f"a.jpg   {line}   12 ms\n"


@pytest.mark.parametrize("body", ["gateway timeout", ["error"], {"error": {"code": 1}}, None])
def test_a_response_that_is_no_error_of_the_function_is_shown_as_it_is(body: Any) -> None:
    first, second = report.format_reply("a.jpg", Reply(504, body, 12.3, None)).splitlines()
    assert first == "a.jpg   504   12 ms"
    assert second.strip() == (body if isinstance(body, str) else json.dumps(body))


def test_a_load_test_reports_calls_percentiles_and_cold_starts(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--concurrency", "3", "--repeat", "7"]) == 0
    output = printed(capsys)
    assert len(served.requests) == 7
    assert "calls        7, concurrency 3" in output
    assert "responses    7 x 200" in output
    assert "cold starts  1, init 301 to 301 ms" in output
    assert [name for name in ("p50", "p90", "p99", "max") if name not in output] == []


def test_cold_starts_are_not_visible_by_url(served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red), "--url", served.url, "--repeat", "2"]) == 0
    assert "cold starts  not visible by URL" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("percent", "value"), [(50, 5.0), (90, 9.0), (99, 10.0), (100, 10.0)]
)  # fmt: skip
def test_percentiles_use_the_nearest_rank(percent: int, value: float) -> None:
    assert report.percentile([float(value) for value in range(1, 11)], percent) == value


def test_a_load_test_without_responses_has_no_times() -> None:
    statistics = report.summary([Reply(0, "closed", 5.0, None)], 1.0)
    assert (statistics["ms"], statistics["statuses"]) == ({}, {"0": 1})

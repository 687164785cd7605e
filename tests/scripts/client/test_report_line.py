"""The REPORT line of an invocation, as text and as JSON."""

import json

import pytest

from scripts.client.report_line import ReportLine, parse

TEXT = (
    "START RequestId: 1 Version: 3\nDuration: 5 ms\nEND RequestId: 1\nREPORT RequestId: 1\tDuration: 9.10 ms\t"
    "Billed Duration: 311 ms\tMemory Size: 1769 MB\tMax Memory Used: 94 MB\t"
)
METRICS = {"durationMs": 9.1, "billedDurationMs": 311, "memorySizeMB": 1769, "maxMemoryUsedMB": 94}


def as_json(**more: float) -> str:
    record = {"requestId": "1", "metrics": {**METRICS, **more}, "status": "success"}
    line = json.dumps({"time": "2026-11-28T06:00:00.000Z", "type": "platform.report", "record": record})
    return f'{{"level": "INFO", "message": "platform.report"}}\n{line}\n'


@pytest.mark.parametrize("log", [TEXT, as_json()])
def test_a_warm_start_has_no_init(log: str) -> None:
    assert parse(log) == ReportLine(9.1, 311, 94, None)


@pytest.mark.parametrize(
    "log",
    [
        TEXT + "Init Duration: 301.25 ms\t\n",
        TEXT + "Restore Duration: 301.25 ms\tBilled Restore Duration: 4 ms\t\n",
        as_json(initDurationMs=301.25),
        as_json(restoreDurationMs=301.25),
    ],
)
def test_a_cold_start_has_its_init(log: str) -> None:
    assert parse(log) == ReportLine(9.1, 311, 94, 301.25)


@pytest.mark.parametrize("log", ["", "no report", '"platform.report"', '{"type": "platform.report", "record": {"metr'])
def test_a_log_without_the_line_has_no_values(log: str) -> None:
    assert parse(log) == ReportLine()

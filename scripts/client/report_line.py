"""The REPORT line of an invocation, at the end of its log: text, or an object with the log format JSON.

Source: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#platform-report.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

FIELDS = {  # of `metrics` in the object -> in the text
    "durationMs": "Duration",
    "billedDurationMs": "Billed Duration",
    "maxMemoryUsedMB": "Max Memory Used",
    "initDurationMs": "Init Duration",
    "restoreDurationMs": "Restore Duration",  # of SnapStart
}


class ReportLine(NamedTuple):
    """Values of the REPORT line; None: it is missing, or does not have the value.

    Attributes:
        duration_ms: of the handler.
        billed_ms: what Lambda bills.
        max_memory_mb: largest memory in use.
        init_ms: duration of the init phase or of the restore from a snapshot; None for a warm start.
    """

    duration_ms: float | None = None
    billed_ms: float | None = None
    max_memory_mb: float | None = None
    init_ms: float | None = None


def parse(log: str) -> ReportLine:
    """Return the values of the last REPORT line in the log of an invocation."""
    for line in reversed(log.splitlines()):
        values = _of_text(line) if "REPORT RequestId" in line else _of_json(line) if "platform.report" in line else {}
        if values:
            init = values.get("initDurationMs", values.get("restoreDurationMs"))
            return ReportLine(
                values.get("durationMs"), values.get("billedDurationMs"), values.get("maxMemoryUsedMB"), init
            )
    return ReportLine()


def _of_text(line: str) -> dict[str, float]:
    found = {name: re.search(rf"(?:^|\t){label}: ([0-9.]+) ", line) for name, label in FIELDS.items()}
    return {name: float(match[1]) for name, match in found.items() if match}


def _of_json(line: str) -> dict[str, float]:
    try:
        record: Any = json.loads(line)["record"]
        return {name: float(value) for name, value in record["metrics"].items() if name in FIELDS}
    except (ValueError, KeyError, TypeError, AttributeError):  # the line of a log that was cut
        return {}

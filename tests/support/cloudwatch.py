"""CloudWatch as far as the alarms of template.yaml need it: lines of the log, their metrics, and states of alarms.

A property of an alarm that this module does not know is an error.

Sources: docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html (which lines Lambda drops),
docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html and
docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

import json
import operator
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
STATISTICS = {"Sum": sum, "Maximum": max}
COMPARISONS = {"GreaterThanOrEqualToThreshold": operator.ge, "GreaterThanThreshold": operator.gt}
DESCRIPTIVE = {"AlarmDescription", "AlarmActions"}
EVALUATED = {
    *("Namespace", "MetricName", "Dimensions", "Statistic", "Period", "EvaluationPeriods"),
    *("Threshold", "ComparisonOperator", "TreatMissingData"),
}


class Datum(NamedTuple):
    """Value of a metric at a time in seconds since 1970."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]
    value: float
    second: float


def is_kept(line: str, log_level: str) -> bool:
    """Return whether Lambda passes a line on to CloudWatch; without a valid level or time it has the level INFO."""
    try:
        document = json.loads(line)
        datetime.fromisoformat(document["timestamp"])
        level = LEVELS.index(document["level"])
    except (ValueError, TypeError, KeyError):
        level = LEVELS.index("INFO")
    return level >= LEVELS.index(log_level)


def data_of(line: str) -> list[Datum]:
    """Return the values that CloudWatch takes from a line in the embedded metric format."""
    document = json.loads(line)
    second = document["_aws"]["Timestamp"] / 1000
    data = []
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = frozenset((name, document[name]) for name in names)
            for metric in directive["Metrics"]:
                values = document[metric["Name"]]
                data += [
                    Datum(directive["Namespace"], metric["Name"], dimensions, value, second)
                    for value in (values if isinstance(values, list) else [values])
                ]
    return data


def is_in_alarm(alarm: Mapping[str, Any], data: Iterable[Datum], now: float) -> bool:
    """Return whether an alarm, with its references resolved, is in the state ALARM.

    Args:
        alarm: properties of an AWS::CloudWatch::Alarm.
        data: all values of all metrics.
        now: seconds since 1970.
    """
    assert set(alarm) <= EVALUATED | DESCRIPTIVE, f"not evaluated here: {set(alarm) - EVALUATED - DESCRIPTIVE}"
    assert alarm["TreatMissingData"] == "notBreaching"
    metric = (
        alarm["Namespace"],
        alarm["MetricName"],
        frozenset((row["Name"], row["Value"]) for row in alarm["Dimensions"]),
    )
    own = [datum for datum in data if datum[:3] == metric]
    period = alarm["Period"]
    breaches = []
    for number in range(alarm["EvaluationPeriods"]):
        end = now - number * period
        values = [datum.value for datum in own if end - period < datum.second <= end]
        is_over = COMPARISONS[alarm["ComparisonOperator"]]
        breaches.append(bool(values) and is_over(STATISTICS[alarm["Statistic"]](values), float(alarm["Threshold"])))
    return all(breaches)

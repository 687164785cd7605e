"""What an invocation reports: one line of CloudWatch's embedded metric format, from which metrics are made for free.

Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections import Counter
from typing import Any, NamedTuple

from function.arrays import Ints
from function.errors import FunctionError
from function.results import Classification, Inference, Prediction, Result

NAMESPACE = "YoloLambda"
MAX_VALUES = 100  # of one metric in one line; the specification
MAX_NAMES = 40  # of classes, and of kinds of error; the specification has 100 metrics in a line
PIXELS_PER_MEGAPIXEL = 1_000_000

Values = int | list[float]


class InvocationInfo(NamedTuple):
    """The invocation that a line is about."""

    source: str
    function_name: str
    request_id: str
    init_ms: float | None  # None: a warm one
    now_ms: int  # since 1970


def line(occasion: InvocationInfo, results: list[Result | Inference]) -> str:
    """One JSON text without a line break.

    Args:
        occasion: what was invoked, and how.
        results: what became of every picture that was looked at, or of every request of tensors; none gives the
            counts alone.
    """
    found = [result for result in results if isinstance(result, Prediction | Classification)]
    errors = Counter(type(result).__name__ for result in results if isinstance(result, FunctionError))
    metrics: list[tuple[str, str, Values]] = [
        ("Invocations", "Count", 1),
        ("ColdStarts", "Count", int(occasion.init_ms is not None)),
        ("Pictures", "Count", len(found)),
        ("Errors", "Count", errors.total()),
        ("Detections", "Count", sum(_class_ids(one).size for one in found)),
        *(("InitMs", "Milliseconds", [round(ms, 1)]) for ms in [occasion.init_ms] if ms is not None),
        *((f"Errors.{kind}", "Count", count) for kind, count in errors.most_common(MAX_NAMES)),
        *((f"Detections.{name}", "Count", count) for name, count in _by_class(found).most_common(MAX_NAMES)),
        *_of_pictures(found),
        *_of_tensors([result for result in results if isinstance(result, Inference)]),
    ]
    return json.dumps(_document(occasion, metrics), allow_nan=False, separators=(",", ":"))


def _by_class(found: list[Prediction | Classification]) -> Counter[str]:
    return Counter(one.metadata.names[class_id] for one in found for class_id in _class_ids(one).tolist())


def _class_ids(one: Prediction | Classification) -> Ints:
    """Of everything that was found; of a whole picture its best class."""
    return one.class_ids if isinstance(one, Prediction) else one.class_ids[:1]


def _of_pictures(found: list[Prediction | Classification]) -> list[tuple[str, str, Values]]:
    """What is measured of each picture."""
    seen = found[:MAX_VALUES]
    if not seen:
        return []
    timings = zip(*(one.timing for one in seen), strict=True)  # by step
    steps = zip(("ReadMs", "PreprocessMs", "InferenceMs", "PostprocessMs"), timings, strict=True)
    megapixels = [round(one.size_wh[0] * one.size_wh[1] / PIXELS_PER_MEGAPIXEL, 3) for one in seen]
    return [
        *((name, "Milliseconds", [round(ms, 2) for ms in values]) for name, values in steps),
        ("Megapixels", "None", megapixels),
    ]


def _of_tensors(found: list[Inference]) -> list[tuple[str, str, Values]]:
    """What is measured of each request of tensors, under the names that pictures have."""
    if not found:
        return []
    timings = zip(*(one.timing for one in found[:MAX_VALUES]), strict=True)  # by step
    steps = zip(("ReadMs", "InferenceMs", "PostprocessMs"), timings, strict=True)
    times = ((name, "Milliseconds", [round(ms, 2) for ms in values]) for name, values in steps)
    return [("Inferences", "Count", len(found)), *times]


def _document(occasion: InvocationInfo, metrics: list[tuple[str, str, Values]]) -> dict[str, Any]:
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["FunctionName"], ["FunctionName", "Source"]],
        "Metrics": [{"Name": name, "Unit": unit} for name, unit, _ in metrics],
    }
    return {
        "_aws": {"Timestamp": occasion.now_ms, "CloudWatchMetrics": [directive]},
        "level": "INFO",  # without one, a log level above it drops the line; so may this, and METRICS=0 says so openly
        "FunctionName": occasion.function_name,
        "Source": occasion.source,
        "requestId": occasion.request_id,
        **{name: values for name, _, values in metrics},
    }

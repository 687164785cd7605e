"""Metrics of an invocation: one line of the log in CloudWatch's embedded metric format.

CloudWatch makes metrics only of the values that the line declares, and each metric has a price. Therefore the line
declares few of them, with one dimension. The other values are fields of the line, which queries of the log read.

Lambda drops lines below the log level of the function. A line has the level that its field `level` names if its field
`timestamp` is valid, and otherwise INFO. The line of metrics has the configured level, so that alarms work with each.

Sources: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html and
docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
"""

import json
import time
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from function.arrays import Ints
from function.errors import Forbidden, FunctionError, InternalError
from function.results import Classification, Inference, Predicted, Prediction, Result

NAMESPACE = "YoloLambda"
DIMENSION = "FunctionName"
CLASS_PREFIX = "Detections."
ERROR_PREFIX = "Errors."
MAX_VALUES = 100  # of one metric in one line; limit of the specification
MAX_CLASSES = 90  # in one line; the specification allows 100 metrics
MAX_METRIC_NAME = 255  # characters; CloudWatch API reference, `MetricDatum`
MAX_SHOWN_NAME = 100  # characters of a class name that is no metric name
SHA256_DIGITS = 12  # of the model, in the line
INFO = "INFO"
ABOVE_INFO = ("WARN", "ERROR", "FATAL")  # levels of Lambda that drop lines of INFO
PIXELS_PER_MEGAPIXEL = 1_000_000

UNITS = {  # the metrics; with METRICS=classes also one for each class
    "Images": "Count",
    "Detections": "Count",
    "Inferences": "Count",
    "Errors": "Count",
    ERROR_PREFIX + InternalError.__name__: "Count",
    ERROR_PREFIX + Forbidden.__name__: "Count",
    "InferenceMs": "Milliseconds",
    "InitMs": "Milliseconds",
}
ONLY_OF_IMAGES = ("Images", "Detections")

Fields = dict[str, Any]


class InvocationInfo(NamedTuple):
    """Invocation that a line of metrics is about."""

    source: str
    function_name: str
    request_id: str
    init_ms: float | None  # None: a warm invocation
    now_ms: int  # since 1970
    model_sha256: str = ""
    takes_images: bool = True  # False: a generic ONNX model
    log_level: str = INFO  # of the function


def line(invocation: InvocationInfo, results: list[Result | Inference], by_class: bool = False) -> str:
    """Return the metrics of an invocation as a JSON text without a line break.

    Args:
        invocation: where the results come from, and the time of the init phase.
        results: predictions and errors of all images, or inferences and errors of a generic ONNX model; empty for an
            invocation without a request.
        by_class: also declare a metric for each class whose name CloudWatch takes.
    """
    predictions = [result for result in results if isinstance(result, Predicted)]
    inferences = [result for result in results if isinstance(result, Inference)]
    classes = _by_class(predictions)
    # Logs Insights finds the first 200 fields of a line by itself, so the longer lists come last.
    fields = {
        **_counts(invocation, results, predictions, inferences),
        **_class_counts(classes),
        **_timings(predictions or inferences),
        **_lists(classes, results),
    }
    declared = {name: unit for name, unit in UNITS.items() if name in fields}
    if not invocation.takes_images:
        declared = {name: unit for name, unit in declared.items() if name not in ONLY_OF_IMAGES}
    if by_class:
        declared |= dict.fromkeys(_class_counts(classes), "Count")
    return json.dumps(_document(invocation, declared, fields), allow_nan=False, separators=(",", ":"))


def _counts(
    invocation: InvocationInfo,
    results: list[Result | Inference],
    predictions: list[Predicted],
    inferences: list[Inference],
) -> Fields:
    errors = _by_type(results)
    pixels = sum(width * height for width, height in (prediction.size_wh for prediction in predictions))
    return {
        "Invocations": 1,
        "ColdStarts": int(invocation.init_ms is not None),
        **({} if invocation.init_ms is None else {"InitMs": [round(invocation.init_ms, 1)]}),
        "Images": len(predictions),
        "Detections": sum(_class_ids(prediction).size for prediction in predictions),
        **({"Inferences": len(inferences)} if inferences else {}),
        **_reading_counts(predictions),
        "Errors": errors.total(),
        **{ERROR_PREFIX + name: count for name, count in errors.items()},
        **({"Megapixels": round(pixels / PIXELS_PER_MEGAPIXEL, 3)} if predictions else {}),
    }


def _reading_counts(predictions: list[Predicted]) -> dict[str, int]:
    """Return the numbers of readings and of those that failed; nothing if no detection was to be read."""
    images = [prediction.readings or () for prediction in predictions if isinstance(prediction, Prediction)]
    outcomes = [outcome for readings in images for outcome in readings if outcome is not None]
    failed = sum(isinstance(outcome, FunctionError) for outcome in outcomes)
    return {"Readings": len(outcomes) - failed, "ReadingErrors": failed} if outcomes else {}


def _by_type(results: list[Result | Inference]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results if isinstance(result, FunctionError))


def _by_class(predictions: list[Predicted]) -> Counter[str]:
    by_id = Counter(class_id for prediction in predictions for class_id in _class_ids(prediction).tolist())
    names = predictions[0].metadata.names if predictions else {}  # all predictions are of one model
    classes: Counter[str] = Counter()
    for class_id, count in by_id.items():  # two ids may have the same name
        classes[names.get(class_id, str(class_id))] += count
    return classes


def _class_ids(prediction: Predicted) -> Ints:
    """Return the class ids of all detections, or the best class of a classification; none of a map."""
    if isinstance(prediction, Prediction):
        return prediction.class_ids
    return prediction.class_ids[:1] if isinstance(prediction, Classification) else np.empty(0, np.int64)


def _class_counts(classes: Counter[str]) -> dict[str, int]:
    """Return a field for each class whose name can be part of a metric's name."""
    return {CLASS_PREFIX + name: count for name, count in _most_common(classes) if _is_metric_name(name)}


def _most_common(classes: Counter[str]) -> list[tuple[str, int]]:
    """Return at most MAX_CLASSES classes and counts, as `Counter.most_common`, which imports heapq."""
    return sorted(classes.items(), key=lambda row: row[1], reverse=True)[:MAX_CLASSES]


def _is_metric_name(class_name: str) -> bool:
    """Return whether CloudWatch takes a class name behind the prefix: printable ASCII that is not blank."""
    printable = class_name.isascii() and class_name.isprintable() and not class_name.isspace()
    return bool(class_name) and printable and len(CLASS_PREFIX + class_name) <= MAX_METRIC_NAME


def _timings(measured: list[Predicted] | list[Inference]) -> Fields:
    """Return the total of each step, and the time of each run of the model."""
    if not measured:
        return {}
    timings = [result.timing for result in measured]
    totals = zip(timings[0]._fields, (sum(times) for times in zip(*timings, strict=True)), strict=True)
    return {
        "TimingMs": {step: round(total, 2) for step, total in totals},
        "InferenceMs": [round(timing.inference, 2) for timing in timings[:MAX_VALUES]],
    }


def _lists(classes: Counter[str], results: list[Result | Inference]) -> Fields:
    """Return the counts by class and by error type as lists, for queries that know no names."""
    errors = _by_type(results)
    shown = _most_common(classes)
    rest = classes.total() - sum(count for _, count in shown)
    return {
        **({"ErrorsByType": [{"name": name, "errors": count} for name, count in errors.items()]} if errors else {}),
        **({"DetectionsOfOtherClasses": rest} if rest else {}),
        **({"DetectionsByClass": [_class_row(name, count) for name, count in shown]} if shown else {}),
    }


def _class_row(name: str, count: int) -> Fields:
    if not _is_metric_name(name):
        name = name[:MAX_SHOWN_NAME].encode("utf-8", "replace").decode("utf-8")  # JSON has no half of a surrogate pair
    return {"name": name, "detections": count}


def _document(invocation: InvocationInfo, declared: dict[str, str], fields: Fields) -> Fields:
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [[DIMENSION]],
        "Metrics": [{"Name": name, "Unit": unit} for name, unit in declared.items()],
    }
    return {
        "_aws": {"Timestamp": invocation.now_ms, "CloudWatchMetrics": [directive]},
        "level": invocation.log_level if invocation.log_level in ABOVE_INFO else INFO,
        "timestamp": _rfc_3339(invocation.now_ms),
        DIMENSION: invocation.function_name,
        "Source": invocation.source,
        "ModelSha256": invocation.model_sha256[:SHA256_DIGITS],
        "requestId": invocation.request_id,
        **fields,
    }


def _rfc_3339(ms: int) -> str:
    """Return a time in milliseconds since 1970 as RFC 3339 text in UTC."""
    seconds, fraction = divmod(ms, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{fraction:03d}Z"

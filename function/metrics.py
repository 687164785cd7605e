"""Metrics of an invocation: one line in CloudWatch's embedded metric format, from which CloudWatch makes metrics.

Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections import Counter
from typing import Any, NamedTuple

from function.arrays import Ints
from function.errors import FunctionError
from function.results import Classification, Inference, Prediction, Result

NAMESPACE = "YoloLambda"
MAX_VALUES = 100  # of one metric in one line; limit of the specification
MAX_NAMES = 40  # of classes and of error types; the specification allows 100 metrics in a line
PIXELS_PER_MEGAPIXEL = 1_000_000

Values = int | list[float]
Metric = tuple[str, str, Values]  # name, unit, values


class InvocationInfo(NamedTuple):
    """Invocation that a line of metrics is about."""

    source: str
    function_name: str
    request_id: str
    init_ms: float | None  # None: a warm invocation
    now_ms: int  # since 1970


def line(invocation: InvocationInfo, results: list[Result | Inference]) -> str:
    """Return the metrics of an invocation as a JSON text without a line break.

    Args:
        invocation: the dimensions, and the time of the init phase.
        results: predictions and errors of all images, or inferences and errors of a generic ONNX model; empty for an
            invocation without a request.
    """
    predictions = [result for result in results if isinstance(result, Prediction | Classification)]
    errors = Counter(type(result).__name__ for result in results if isinstance(result, FunctionError))
    metrics: list[Metric] = [
        ("Invocations", "Count", 1),
        ("ColdStarts", "Count", int(invocation.init_ms is not None)),
        ("Images", "Count", len(predictions)),
        ("Errors", "Count", errors.total()),
        ("Detections", "Count", sum(_class_ids(prediction).size for prediction in predictions)),
        *(("InitMs", "Milliseconds", [round(ms, 1)]) for ms in [invocation.init_ms] if ms is not None),
        *((f"Errors.{name}", "Count", count) for name, count in errors.most_common(MAX_NAMES)),
        *((f"Detections.{name}", "Count", count) for name, count in _by_class(predictions).most_common(MAX_NAMES)),
        *_image_metrics(predictions),
        *_inference_metrics([result for result in results if isinstance(result, Inference)]),
    ]
    return json.dumps(_document(invocation, metrics), allow_nan=False, separators=(",", ":"))


def _by_class(predictions: list[Prediction | Classification]) -> Counter[str]:
    return Counter(
        prediction.metadata.names[class_id]
        for prediction in predictions
        for class_id in _class_ids(prediction).tolist()
    )


def _class_ids(prediction: Prediction | Classification) -> Ints:
    """Return the class ids of all detections, or the best class of a classification."""
    return prediction.class_ids if isinstance(prediction, Prediction) else prediction.class_ids[:1]


def _image_metrics(predictions: list[Prediction | Classification]) -> list[Metric]:
    """Return the times and the size of each image."""
    measured = predictions[:MAX_VALUES]
    if not measured:
        return []
    timings = zip(*(prediction.timing for prediction in measured), strict=True)  # by step
    steps = zip(("ReadMs", "PreprocessMs", "InferenceMs", "PostprocessMs"), timings, strict=True)
    sizes_wh = [prediction.size_wh for prediction in measured]
    megapixels = [round(width * height / PIXELS_PER_MEGAPIXEL, 3) for width, height in sizes_wh]
    return [
        *((name, "Milliseconds", [round(ms, 2) for ms in values]) for name, values in steps),
        ("Megapixels", "None", megapixels),
    ]


def _inference_metrics(inferences: list[Inference]) -> list[Metric]:
    """Return the times of each request to a generic ONNX model, under the names that images have."""
    if not inferences:
        return []
    timings = zip(*(inference.timing for inference in inferences[:MAX_VALUES]), strict=True)  # by step
    steps = zip(("ReadMs", "InferenceMs", "PostprocessMs"), timings, strict=True)
    times = ((name, "Milliseconds", [round(ms, 2) for ms in values]) for name, values in steps)
    return [("Inferences", "Count", len(inferences)), *times]


def _document(invocation: InvocationInfo, metrics: list[Metric]) -> dict[str, Any]:
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["FunctionName"], ["FunctionName", "Source"]],
        "Metrics": [{"Name": name, "Unit": unit} for name, unit, _ in metrics],
    }
    return {
        "_aws": {"Timestamp": invocation.now_ms, "CloudWatchMetrics": [directive]},
        "level": "INFO",  # a log level above INFO drops the line; METRICS=0 is the explicit switch
        "FunctionName": invocation.function_name,
        "Source": invocation.source,
        "requestId": invocation.request_id,
        **{name: values for name, _, values in metrics},
    }

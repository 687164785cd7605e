"""The line of metrics: valid by the specification of CloudWatch, with the right counts."""

import contextlib
import copy
import json
from types import ModuleType
from typing import Any

import jsonschema
import numpy as np
import pytest

from function import metrics, sources, storage
from function.errors import FunctionError, NotFound, TooLarge
from function.metadata import ModelMetadata
from function.metrics import InvocationInfo
from function.results import Prediction, Timing
from tests.conftest import Context
from tests.function.sources.test_http import EVENTS
from tests.function.test_handler import direct
from tests.support.fake_s3 import FakeS3

METADATA = ModelMetadata("detect", {0: "gauge", 1: "clock"}, (320, 320), 32, True, "0" * 64)
WARM = InvocationInfo("http", "yolo", "request-1", None, 1_700_000_000_000)
# Every constraint of the schema in the specification of the embedded metric format. The units are narrowed to those in
# use, and the number of metrics to the limit in the text of the specification.
SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": {"type": "string", "pattern": "^(.*)$", "minLength": 1, "maxLength": 1024},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "items": {"type": "string", "pattern": "^(.*)$", "minLength": 1, "maxLength": 250},
                                    "maxItems": 30,
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "properties": {
                                        "Name": {
                                            "type": "string",
                                            "pattern": "^(.*)$",
                                            "minLength": 1,
                                            "maxLength": 1024,
                                        },
                                        "Unit": {"enum": ["Milliseconds", "Count", "None"]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}


def prediction(*class_ids: int, size_wh: tuple[int, int] = (2000, 1000)) -> Prediction:
    count = len(class_ids)
    boxes, scores = np.zeros((count, 4), dtype=np.float32), np.ones(count, dtype=np.float32)
    return Prediction(
        None, size_wh, boxes, scores, np.array(class_ids, dtype=np.int64), METADATA, Timing(1, 2, 3.456, 4)
    )


def written(results: list[Any], invocation: InvocationInfo = WARM) -> dict[str, Any]:
    text = metrics.line(invocation, results)
    assert "\n" not in text
    document: dict[str, Any] = json.loads(text)
    jsonschema.validate(document, SCHEMA)
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    for metric in directive["Metrics"]:
        value = document[metric["Name"]]
        assert isinstance(value, int | float) or len(value) <= 100
    for dimension in {name for dimensions in directive["Dimensions"] for name in dimensions}:
        assert isinstance(document[dimension], str)
    return document


def test_invocation_without_an_image_counts_itself() -> None:
    document = written([])
    assert (document["Invocations"], document["Images"], document["Errors"], document["ColdStarts"]) == (1, 0, 0, 0)
    assert "InferenceMs" not in document


def test_detections_are_counted_in_total_and_by_class() -> None:
    document = written([prediction(0, 0, 1), prediction(), prediction(1)])
    assert (document["Images"], document["Detections"]) == (3, 4)
    assert (document["Detections.gauge"], document["Detections.clock"]) == (2, 2)
    assert document["InferenceMs"] == [3.46] * 3
    assert document["Megapixels"] == [2.0] * 3


def test_errors_are_counted_in_total_and_by_type() -> None:
    document = written([NotFound("a"), prediction(), TooLarge("b"), NotFound("c")])
    assert (document["Images"], document["Errors"]) == (1, 3)
    assert (document["Errors.NotFound"], document["Errors.TooLarge"]) == (2, 1)


def test_cold_start_has_its_duration() -> None:
    document = written([], WARM._replace(init_ms=123.456))
    assert (document["ColdStarts"], document["InitMs"]) == (1, [123.5])


def test_many_images_and_classes_stay_within_the_limits_of_the_format() -> None:
    names = {class_id: f"class {class_id}" for class_id in range(300)}
    many = prediction(*range(300))._replace(metadata=METADATA._replace(names=names))
    document = written([many] * 500)
    assert document["Detections"] == 150_000
    assert len(document["InferenceMs"]) == 100


def test_request_id_is_not_a_dimension() -> None:
    document = written([prediction(0)])
    assert document["requestId"] == "request-1"
    assert document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["FunctionName"], ["FunctionName", "Source"]]


def test_every_invocation_of_the_handler_writes_one_line(
    handler: ModuleType,
    red_png: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    events = [direct(red_png), {}, direct(b"text"), {"images": [direct(red_png), 5]}, {"warmup": True}, {"body": "{"}]
    for sample in events:
        handler.lambda_handler(sample, Context())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for document in lines:
        jsonschema.validate(document, SCHEMA)
    assert [document["Source"] for document in lines] == ["direct", "unknown", "direct", "direct", "warmup", "direct"]
    assert [document["Images"] for document in lines] == [1, 0, 0, 1, 0, 0]
    assert [document["Errors"] for document in lines] == [0, 1, 1, 1, 0, 1]


def test_a_thousand_invocations_write_a_thousand_valid_lines(
    handler: ModuleType, red_png: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = FakeS3()
    monkeypatch.setattr(storage, "read", s3.read)
    monkeypatch.setattr(storage, "write", s3.write)
    samples = [json.loads(path.read_text()) for path in sorted(EVENTS.glob("*.json"))]
    samples += [direct(red_png), {"images": [direct(red_png), direct(b"text")]}, {}, None, 5]
    sent = [samples[number % len(samples)] for number in range(1000)]
    for sample in sent:
        with contextlib.suppress(FunctionError):  # the platform would deliver these events again
            handler.lambda_handler(copy.deepcopy(sample), Context())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1000
    validator = jsonschema.Draft202012Validator(SCHEMA)
    documents = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    assert all(validator.is_valid(document) for document in documents)
    assert len({document["Source"] for document in documents}) == len(sources.SOURCES) + 1


def test_metrics_can_be_switched_off(
    handler: ModuleType,
    red_png: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handler, "SETTINGS", handler.SETTINGS._replace(metrics=False))
    handler.lambda_handler(direct(red_png), Context())
    assert capsys.readouterr().out == ""

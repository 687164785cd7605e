"""The line of metrics: valid by the specification of CloudWatch, with the right counts."""

import contextlib
import copy
import json
from datetime import datetime
from types import ModuleType
from typing import Any

import jsonschema
import numpy as np
import pytest

from function import metrics, sources
from function.errors import Forbidden, FunctionError, InternalError, NotFound, ReadingFailed, TooLarge
from function.metadata import ModelMetadata
from function.metrics import InvocationInfo
from function.results import UNTIMED, Classification, Inference, InferenceTiming, Prediction, Reading, Timing
from function.settings import Settings
from function.tensors.model import TensorModel
from function.tensors.signature import Signature
from tests.conftest import Context
from tests.function.sources.test_http import EVENTS
from tests.function.test_handler import direct
from tests.support.fake_s3 import FakeS3

METADATA = ModelMetadata("detect", {0: "gauge", 1: "clock"}, (320, 320), 32, True, "0" * 64)
WARM = InvocationInfo("http", "yolo", "request-1", None, 1_700_000_000_000)
# Every constraint of the schema in the specification of the embedded metric format. The units are narrowed to those in
# use, the number of metrics to the limit in the text of the specification, and their names to the limit of CloudWatch.
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
                                            "maxLength": 255,
                                        },
                                        "Unit": {"enum": ["Milliseconds", "Count"]},
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


def prediction_of(*class_names: str) -> Prediction:
    """Return a prediction with one detection for each name."""
    names = list(dict.fromkeys(class_names))
    detections = prediction(*(names.index(name) for name in class_names))
    return detections._replace(metadata=METADATA._replace(names=dict(enumerate(names))))


def declared(document: dict[str, Any]) -> list[str]:
    return [metric["Name"] for metric in document["_aws"]["CloudWatchMetrics"][0]["Metrics"]]


def written(results: list[Any], invocation: InvocationInfo = WARM, by_class: bool = False) -> dict[str, Any]:
    text = metrics.line(invocation, results, by_class)
    assert text.isascii()
    assert "\n" not in text
    document: dict[str, Any] = json.loads(text)
    jsonschema.validate(document, SCHEMA)
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    for metric in directive["Metrics"]:
        assert metric["Name"].isascii()
        assert metric["Name"].isprintable()
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
    assert document["DetectionsByClass"] == [{"name": "gauge", "detections": 2}, {"name": "clock", "detections": 2}]


def test_times_and_sizes_are_totals_beside_the_time_of_each_run() -> None:
    document = written([prediction(0), prediction(), prediction(1, size_wh=(100, 5000))])
    assert document["InferenceMs"] == [3.46] * 3
    assert document["TimingMs"] == {"read": 3, "preprocess": 6, "inference": 10.37, "postprocess": 12}
    assert document["Megapixels"] == 4.5


def test_classification_counts_its_best_class() -> None:
    scores, class_ids = np.array([0.9, 0.1], dtype=np.float32), np.array([1, 0], dtype=np.int64)
    document = written([Classification(None, (10, 10), scores, class_ids, METADATA, UNTIMED)])
    assert (document["Detections"], document["Detections.clock"]) == (1, 1)
    assert "Detections.gauge" not in document


def test_errors_are_counted_in_total_and_by_type() -> None:
    document = written([NotFound("a"), prediction(), TooLarge("b"), NotFound("c")])
    assert (document["Images"], document["Errors"]) == (1, 3)
    assert (document["Errors.NotFound"], document["Errors.TooLarge"]) == (2, 1)
    assert document["ErrorsByType"] == [{"name": "NotFound", "errors": 2}, {"name": "TooLarge", "errors": 1}]


def test_cold_start_has_its_duration() -> None:
    document = written([], WARM._replace(init_ms=123.456))
    assert (document["ColdStarts"], document["InitMs"]) == (1, [123.5])


def test_many_images_and_classes_stay_within_the_limits_of_the_format() -> None:
    names = {class_id: f"class {class_id}" for class_id in range(300)}
    many = prediction(*range(300))._replace(metadata=METADATA._replace(names=names))
    for by_class in (False, True):
        document = written([many] * 500, by_class=by_class)
        assert document["Detections"] == 150_000
        assert len(document["InferenceMs"]) == 100
        listed = sum(row["detections"] for row in document["DetectionsByClass"])
        assert listed + document["DetectionsOfOtherClasses"] == 150_000


def test_function_name_is_the_only_dimension() -> None:
    document = written([prediction(0)])
    assert document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["FunctionName"]]


def test_source_request_and_short_checksum_of_the_model_are_fields() -> None:
    document = written([prediction(0)], WARM._replace(model_sha256="0123456789abcdef" * 4))
    assert (document["Source"], document["requestId"]) == ("http", "request-1")
    assert document["ModelSha256"] == "0123456789ab"


@pytest.mark.parametrize("class_count", [1, 80, 1000])
def test_number_of_metrics_does_not_depend_on_classes_and_errors(class_count: int) -> None:
    everything = [prediction_of(*(f"class {number}" for number in range(class_count))), prediction()]
    errors = [error(f"{error.__name__}") for error in FunctionError.__subclasses__()]
    document = written([*everything, *errors], WARM._replace(init_ms=500.0))
    assert declared(document) == [
        "Images",
        "Detections",
        "Errors",
        "Errors.InternalError",
        "Errors.Forbidden",
        "InferenceMs",
        "InitMs",
    ]


def test_readings_and_their_errors_are_fields_and_no_metrics() -> None:
    reading = Reading("4.2 bar", "a.b", 800.0)
    read = prediction(0, 0, 1)._replace(readings=(reading, ReadingFailed("x"), None))
    document = written([read, prediction(0)._replace(readings=(reading,))])
    assert (document["Readings"], document["ReadingErrors"], document["Errors"]) == (2, 1, 0)
    assert not {"Readings", "ReadingErrors"} & {*declared(document)}
    for unread in (prediction(0), prediction(0)._replace(readings=(None,)), prediction()._replace(readings=())):
        assert "Readings" not in written([unread])


def test_metrics_of_a_generic_model_have_no_images() -> None:
    inferences = [Inference({}, InferenceTiming(1, 2.5, 3)), Inference({}, InferenceTiming(1, 3.5, 3))]
    document = written(inferences, WARM._replace(takes_images=False))
    assert declared(document) == ["Inferences", "Errors", "InferenceMs"]
    assert (document["Inferences"], document["InferenceMs"]) == (2, [2.5, 3.5])
    assert document["TimingMs"] == {"read": 2, "inference": 6, "postprocess": 6}


def test_class_metrics_are_declared_only_on_request() -> None:
    results = [prediction(0, 0, 1)]
    added = {*declared(written(results, by_class=True))} - {*declared(written(results))}
    assert added == {"Detections.gauge", "Detections.clock"}


NOT_IN_CLOUDWATCH = [
    "",
    "   ",
    "größe",
    "仪表",
    "\N{CLOCK FACE ONE OCLOCK}",
    "two\nlines",
    "two\r\nlines",
    "a\ttab",
    "a\x00zero",
    "separator\u2028of lines",
    "half\ud83d",
    "x" * 245,
    "x" * 5000,
    "仪" * 5000,
]


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("name", NOT_IN_CLOUDWATCH, ids=ascii)
def test_class_name_that_cloudwatch_does_not_take_is_counted_and_no_metric(name: str, by_class: bool) -> None:
    document = written([prediction_of(name, name, "gauge")], by_class=by_class)
    shown = name[:100].replace("\ud83d", "?")
    assert {"name": shown, "detections": 2} in document["DetectionsByClass"]
    assert (document["Detections"], document["Detections.gauge"]) == (3, 1)
    assert [field for field in document if field.startswith("Detections.")] == ["Detections.gauge"]


@pytest.mark.parametrize("name", ["x" * 244, "a.b", "a:b/c", "person, sitting", 'the "big" one', "0", " padded "])
def test_class_name_that_cloudwatch_takes_is_a_metric(name: str) -> None:
    document = written([prediction_of(name)], by_class=True)
    assert f"Detections.{name}" in declared(document)


def test_line_of_the_longest_class_names_is_one_log_event() -> None:
    names = [letter + "\N{CLOCK FACE ONE OCLOCK}" * 5000 for letter in map(str, range(300))]
    names += [f"{number:0244d}" for number in range(300)]
    text = metrics.line(WARM, [prediction_of(*names)] * 100, by_class=True)
    assert len(text) < 256 * 1024


def test_classes_of_the_same_name_are_counted_together() -> None:
    same = METADATA._replace(names={0: "gauge", 1: "gauge"})
    assert written([prediction(0, 1, 1)._replace(metadata=same)])["Detections.gauge"] == 3


def test_class_id_without_a_name_is_counted_under_its_number() -> None:
    assert written([prediction(7)])["Detections.7"] == 1


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
    s3.install(monkeypatch)
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


@pytest.mark.parametrize(
    ("configured", "level"),
    [("", "INFO"), ("TRACE", "INFO"), ("DEBUG", "INFO"), ("WARN", "WARN"), ("ERROR", "ERROR"), ("FATAL", "FATAL")],
)
def test_line_has_a_level_that_the_log_level_of_the_function_does_not_drop(
    configured: str,
    level: str,
    handler: ModuleType,
    red_png: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", configured)
    handler.lambda_handler(direct(red_png), Context())
    document = json.loads(capsys.readouterr().out)
    assert document["level"] == level
    # Lambda takes a line without a valid time for INFO.
    assert datetime.fromisoformat(document["timestamp"]).timestamp() * 1000 == document["_aws"]["Timestamp"]


def test_missing_permission_and_internal_error_are_metrics() -> None:
    document = written([Forbidden("x"), InternalError("y"), NotFound("z")])
    assert {"Errors.Forbidden", "Errors.InternalError"} <= {*declared(document)}
    assert "Errors.NotFound" not in declared(document)


def test_metrics_can_be_switched_off(
    handler: ModuleType,
    red_png: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handler, "SETTINGS", handler.SETTINGS._replace(metrics=False))
    handler.lambda_handler(direct(red_png), Context())
    assert capsys.readouterr().out == ""


def test_line_of_the_handler_has_the_checksum_of_its_model(
    handler: ModuleType, red_png: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    body = json.loads(handler.lambda_handler(direct(red_png), Context())["body"])
    document = json.loads(capsys.readouterr().out)
    assert len(document["ModelSha256"]) == 12
    assert body["model"]["sha256"].startswith(document["ModelSha256"])


def test_line_of_a_generic_model_has_its_checksum(
    handler: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = TensorModel(session=None, signature=Signature("m", None, (), ()), sha256="0123456789abcdef" * 4)
    monkeypatch.setattr(handler, "MODEL", model)
    handler._report("direct", [], Context(), None)
    assert json.loads(capsys.readouterr().out)["ModelSha256"] == "0123456789ab"


def test_handler_declares_a_metric_for_each_class_on_request(
    handler: ModuleType,
    red_png: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for value in ("1", "classes"):
        metrics_settings = Settings.from_env({"METRICS": value})
        monkeypatch.setattr(
            handler, "SETTINGS", handler.SETTINGS._replace(class_metrics=metrics_settings.class_metrics)
        )
        handler.lambda_handler(direct(red_png), Context())
    without, with_classes = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    added = {*declared(with_classes)} - {*declared(without)}
    assert added == {f"Detections.{row['name']}" for row in with_classes["DetectionsByClass"]} != set()

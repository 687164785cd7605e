"""The handler as the platform calls it, with the color model."""

import base64
import hashlib
import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from function import model, predictor
from function.api import response
from function.settings import Settings
from tests.conftest import Context, encode, image_with_box
from tests.function.sources.test_http import HTTP_EVENTS, event


def call(handler: ModuleType, sample: Any) -> tuple[int, dict[str, Any]]:
    reply = handler.lambda_handler(sample, Context())
    json.dumps(reply, allow_nan=False)  # as the runtime does
    return reply["statusCode"], json.loads(reply["body"])


def direct(data: bytes, **options: Any) -> dict[str, Any]:
    return {"image_data": base64.b64encode(data).decode(), **options}


def test_response_has_the_documented_fields(handler: ModuleType, red_png: bytes) -> None:
    status, body = call(handler, direct(red_png, image_name="a.png"))
    sha256, timing = body["model"].pop("sha256"), body.pop("timing_ms")
    assert status == 200
    assert re.fullmatch("[0-9a-f]{64}", sha256)
    assert set(timing) == {"read", "preprocess", "inference", "postprocess"}
    (detection,) = body["detections"]
    assert 0.99 < detection.pop("confidence") <= 1
    assert body == {
        "image_name": "a.png",
        "image_dimensions": {"width": 320, "height": 320},
        "detections": [
            {
                "class_name": "red",
                "class_id": 0,
                "box_2d": {"x_min": 32.0, "y_min": 64.0, "x_max": 64.0, "y_max": 96.0},
                "normalized_box": {"x_center": 0.15, "y_center": 0.25, "width": 0.1, "height": 0.1},
            }
        ],
        "detection_count": 1,
        "model": {"task": "detect", "imgsz": [320, 320]},
    }


def test_numbers_are_rounded_as_documented(handler: ModuleType) -> None:
    _, body = call(handler, direct(encode(image_with_box((333, 217), (0, 0, 100, 100))), conf=0.01))
    assert body["detections"]
    for detection in body["detections"]:
        assert all(value == round(value, 2) for value in detection["box_2d"].values())
        assert all(value == round(value, 4) for value in detection["normalized_box"].values())
        assert detection["confidence"] == round(detection["confidence"], 4)


def test_returned_text_of_the_caller_can_be_sent_as_utf_8(handler: ModuleType, red_png: bytes) -> None:
    for sample in (direct(red_png, image_name="\ud83d"), {"\ud83d": 1}, event("rest_v1", httpMethod="\ud83d")):
        handler.lambda_handler(sample, Context())["body"].encode()


def test_image_without_detections_has_an_empty_list(handler: ModuleType) -> None:
    status, body = call(handler, direct(encode(Image.new("RGB", (50, 40)))))
    assert (status, body["detections"], body["detection_count"], body["image_name"]) == (200, [], 0, None)


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_every_front_end_predicts_a_raw_image(handler: ModuleType, red_png: bytes, name: str) -> None:
    status, body = call(handler, event(name, body=red_png, query={"classes": "red", "max_det": "1"}))
    assert (status, body["detection_count"]) == (200, 1)


@pytest.mark.parametrize(
    ("sample", "status", "kind"),
    [
        ({}, 400, "BadRequest"),
        ({"image_data": "!"}, 400, "BadRequest"),
        (event("function_url", rawPath="/v2/models/m/nothing"), 404, "NotFound"),
        (event("rest_v1", httpMethod="PUT"), 405, "MethodNotAllowed"),
        (direct(encode(Image.new("1", (10_000, 5_001)))), 413, "TooLarge"),
        (direct(b"text renamed .jpg"), 415, "UnsupportedImage"),
        (direct(encode(Image.new("RGB", (9, 9)))[:40]), 415, "UnsupportedImage"),
        (direct(b"anything", conf=1.5), 422, "InvalidOption"),
        (direct(encode(Image.new("RGB", (9, 9))), classes=["green"]), 422, "InvalidOption"),
    ],
)
def test_error_has_its_status_its_type_and_the_request_id(
    handler: ModuleType, sample: Any, status: int, kind: str
) -> None:
    actual_status, body = call(handler, sample)
    assert (actual_status, body["type"], body["request_id"]) == (status, kind, "request-1")
    assert set(body) == {"error", "type", "request_id"}
    assert body["error"]


def test_unexpected_error_is_in_the_log_and_not_in_the_response(
    handler: ModuleType, red_png: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(predictor, "predict", fail)
    status, body = call(handler, direct(red_png))
    assert (status, body["type"]) == (500, "InternalError")
    assert "secret" not in json.dumps(body)
    assert "ZeroDivisionError: secret detail" in caplog.text
    assert "request-1" in caplog.text


def test_event_with_wrong_types_gets_an_error_response(handler: ModuleType) -> None:
    for value in (None, 5, "x", [], {}):
        for key in ("headers", "multiValueHeaders", "queryStringParameters", "requestContext", "path", "body"):
            status, body = call(handler, event("rest_v1") | {key: value})
            assert status in (200, 400, 404, 405, 415), (key, value, body)


def start(run_python: Callable[..., Any], setup: str = "", **environ: str) -> Any:
    """Import the handler in a new process; return ["served", SHA-256 of the model] or [error type, message]."""
    program = f"""
import json
{setup}
try:
    import function.handler as handler
    print(json.dumps(["served", handler.MODEL.metadata.sha256]))
except Exception as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
    return run_python(program, **environ)


def s3(objects: str) -> str:
    """A program that replaces S3 by files; `objects` is the text of a dict {(bucket, key): path}."""
    return f"""
from pathlib import Path
from function import storage
from function.errors import NotFound
files = {objects}
def read(bucket, key, version_id, max_bytes):
    if (bucket, key) not in files:
        raise NotFound("there is no such object (NoSuchKey)")
    return storage.Object(Path(files[bucket, key]).read_bytes(), "etag", None)
storage.read = read
"""


def test_missing_model_stops_the_start(run_python: Callable[..., Any]) -> None:
    kind, message = start(run_python, MODEL_PATH="/nowhere/model.onnx")
    assert kind == "UnusableModel"
    assert "/nowhere/model.onnx" in message


def test_model_is_loaded_from_s3(run_python: Callable[..., Any], model_path: Path) -> None:
    sha256 = hashlib.sha256(model_path.read_bytes()).hexdigest()
    setup = s3(f"{{('models', 'a/m.onnx'): {str(model_path)!r}}}")
    assert start(run_python, setup, MODEL_PATH="s3://models/a/m.onnx") == ["served", sha256]
    assert start(run_python, setup, MODEL_PATH="s3://models/a/m.onnx", MODEL_SHA256=sha256)[0] == "served"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"MODEL_PATH": "s3://models/b.onnx"}, "no model at s3://models/b.onnx (MODEL_PATH): there is no such"),
        ({"MODEL_PATH": "s3://models"}, "MODEL_PATH must be a file or s3://bucket/key, got 's3://models'"),
        ({"MODEL_PATH": "s3://models/text"}, "s3://models/text (11 bytes) is not a model that onnxruntime loads"),
        ({"MODEL_PATH": "s3://models/text", "MODEL_SHA256": "0" * 64}, f"must be {'0' * 64} (MODEL_SHA256)"),
    ],
)
def test_unusable_model_in_s3_stops_the_start(
    run_python: Callable[..., Any], tmp_path: Path, environ: dict[str, str], expected: str
) -> None:
    (tmp_path / "text").write_text("not a model")
    kind, message = start(run_python, s3(f"{{('models', 'text'): {str(tmp_path / 'text')!r}}}"), **environ)
    assert kind == "UnusableModel"
    assert expected in message


def test_several_images_in_one_request_each_have_a_result(handler: ModuleType, red_png: bytes) -> None:
    images = [direct(red_png), direct(b"text"), direct(encode(Image.new("RGB", (9, 9))))]
    status, body = call(handler, {"images": images})
    assert status == 200
    assert [row.get("detection_count", row.get("type")) for row in body["results"]] == [1, "UnsupportedImage", 0]


@pytest.mark.parametrize(
    ("variables", "function"),
    [
        ({}, "load_bundled"),
        ({"MODEL_PATH": "/mnt/model.onnx"}, "load"),  # another process may write to this file system
        ({"MODEL_SHA256": "ab" * 32}, "load"),  # the bytes of the checksum are those that are loaded
        ({"MODEL_PATH": "s3://models/m.onnx"}, "load_bytes"),
    ],
)
def test_only_a_model_of_the_zips_is_mapped_into_memory(
    handler: ModuleType, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], function: str
) -> None:
    monkeypatch.setattr(model, "find", lambda *_: "model.onnx")
    monkeypatch.setattr(handler, "_download", lambda _: b"")
    for name in ("load_bundled", "load", "load_bytes"):
        signature = inspect.signature(getattr(model, name))
        monkeypatch.setattr(
            model, name, lambda *values, name=name, bind=signature.bind: (name, bind(*values).arguments)
        )
    settings = Settings.from_env(variables)._replace(threads=2, model_name="wine", spinning=True)
    called, arguments = handler._load(settings)
    assert (called, arguments["threads"], arguments["name"], arguments["spinning"]) == (function, 2, "wine", True)
    assert arguments.get("sha256") == settings.model_sha256


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize(
    ("changes", "kind", "status"),
    [({"body": "", "isBase64Encoded": False}, "BadRequest", 400), ({"body": "{}"}, "BadRequest", 400)],
)
def test_refused_http_request_is_one_warning_with_type_path_and_request_id(
    handler: ModuleType,
    caplog: pytest.LogCaptureFixture,
    name: str,
    changes: dict[str, Any],
    kind: str,
    status: int,
) -> None:
    assert call(handler, event(name) | {"path": "/detect", "rawPath": "/detect"} | changes)[0] == status
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert all(text in record.getMessage() for text in ("request-1", str(status), kind, "/detect"))


def test_unexpected_error_is_one_warning_beside_its_traceback(
    handler: ModuleType, red_png: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(predictor, "predict", lambda *_: 1 / 0)
    call(handler, direct(red_png))
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_response_that_is_too_large_is_logged_and_counted(
    handler: ModuleType,
    red_png: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(response, "MAX_BODY_BYTES", 300)
    assert call(handler, direct(red_png))[0] == 413
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["Errors"] == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_successful_request_leaves_no_warning(
    handler: ModuleType, red_png: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    call(handler, event("function_url", body=red_png))
    assert not caplog.records

"""Which detections are read, and what the response has of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from function import settings as function_settings
from function.errors import InvalidSetting
from function.model import Model
from function.readings import crops
from function.readings.reader import Reader
from function.service import Service
from function.settings import Settings
from tests.function.readings.conftest import MODEL_ID, cells, direct, http, readings, respond
from tests.support import dial_model, tensor_models
from tests.support.fake_bedrock import FakeBedrock, error


def test_direct_invocation_reads_every_detection(bedrock: FakeBedrock, reading_service: Callable[..., Service]) -> None:
    status, body = respond(reading_service(), direct())
    assert status == 200
    for reading in readings(body):
        assert reading.pop("latency_ms") > 0
        assert reading == {"text": "4.2 bar", "model": MODEL_ID}
    assert body["message"] == "4.2 bar; 4.2 bar"
    assert len(bedrock.requests) == 2


@pytest.mark.parametrize("classes", ["red", "0", " red , ", "red,red"])
def test_only_detections_of_the_classes_are_read(
    bedrock: FakeBedrock, reading_service: Callable[..., Service], classes: str
) -> None:
    _, body = respond(reading_service(READ_CLASSES=classes), direct())
    assert [bool(d.get("reading")) for d in body["detections"]] == [
        d["class_name"] == "red" for d in body["detections"]
    ]
    assert (len(bedrock.requests), body["message"]) == (1, "4.2 bar")


def test_image_without_such_detections_has_an_empty_message(
    bedrock: FakeBedrock, reading_service: Callable[..., Service]
) -> None:
    _, body = respond(reading_service(READ_CLASSES="blue"), direct(cells(2)))
    assert (body["message"], readings(body), bedrock.requests) == ("", [None, None], [])


@pytest.mark.parametrize("read", [False, "false", 0])
def test_read_false_skips_the_readings(
    bedrock: FakeBedrock, reading_service: Callable[..., Service], read: Any
) -> None:
    _, body = respond(reading_service(), direct(read=read))
    assert "message" not in body
    assert (readings(body), bedrock.requests) == ([None, None], [])
    assert "ignored" not in body


def test_crops_beyond_the_limit_have_an_error_and_the_best_are_read(
    bedrock: FakeBedrock, reading_service: Callable[..., Service]
) -> None:
    _, body = respond(reading_service(READ_MAX_CROPS="3"), direct(cells(5)))
    found = readings(body)
    assert [sorted(reading) for reading in found] == [["latency_ms", "model", "text"]] * 3 + [["error", "type"]] * 2
    message = "an image must have at most 3 detections to read (READ_MAX_CROPS), got 5"
    assert found[3:] == [{"error": message, "type": "TooLarge"}] * 2
    assert body["message"] == "4.2 bar; 4.2 bar; 4.2 bar"
    assert len(bedrock.requests) == 3


def test_default_limit_is_eight(bedrock: FakeBedrock, reading_service: Callable[..., Service]) -> None:
    respond(reading_service(), direct(cells(10)))
    assert len(bedrock.requests) == 8


def test_detections_are_returned_if_bedrock_fails(
    bedrock: FakeBedrock, reading_service: Callable[..., Service]
) -> None:
    bedrock.replies = [error(403, "AccessDeniedException", "not authorized")]
    service = reading_service()
    status, body = respond(service, direct())
    assert (status, body["detection_count"], body["message"]) == (200, 2, "")
    assert {reading["type"] for reading in readings(body)} == {"Forbidden"}
    assert "not authorized" in readings(body)[0]["error"]


def test_detections_are_returned_if_boto3_has_no_region(
    bedrock: FakeBedrock, reading_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    status, body = respond(reading_service(), direct(cells(9)))
    assert status == 200
    assert [reading["type"] for reading in readings(body)] == ["TransientError"] * 8 + ["TooLarge"]


def test_detections_are_returned_if_the_crops_fail(
    bedrock: FakeBedrock, reading_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(crops, "cut", cut)
    status, body = respond(reading_service(), direct())
    assert (status, body["detection_count"], bedrock.requests) == (200, 2, [])
    assert {reading["type"] for reading in readings(body)} == {"InternalError"}
    assert "boom" not in json.dumps(body)


def test_each_image_of_a_list_has_its_readings(bedrock: FakeBedrock, reading_service: Callable[..., Service]) -> None:
    sample = {"images": [direct(), direct(read=False), direct(b"no image")], "read": True}
    _, body = respond(reading_service(), sample)
    assert ["message" in row for row in body["results"]] == [True, False, False]
    assert len(bedrock.requests) == 2


# Without a reader, and with other models


def test_read_true_has_no_effect_without_a_reader(served: Model) -> None:
    service = Service(served, Settings.from_env({}), "request-1")
    assert respond(service, direct(read=True))[1]["ignored"] == ["read"]
    assert "ignored" not in respond(service, direct(read=False))[1]
    status, body = respond(service, http("function_url", query={"read": "true"}))
    assert (status, body["ignored"]) == (200, ["read"])


def test_unknown_class_stops_the_start(served: Model) -> None:
    settings = Settings.from_env({"READ_MODEL_ID": MODEL_ID, "READ_CLASSES": "red,gauge"})
    assert settings.reading
    with pytest.raises(InvalidSetting, match=r"READ_CLASSES .* unknown class 'gauge'; available: 0 red, 1 blue"):
        Reader.load(settings.reading, settings, served.metadata)


@pytest.mark.parametrize("task", ["classify", None])
def test_models_without_detections_stop_the_start(served: Model, task: str | None) -> None:
    settings = Settings.from_env({"READ_MODEL_ID": MODEL_ID})
    assert settings.reading
    metadata = served.metadata._replace(task=task) if task else None
    with pytest.raises(InvalidSetting, match="READ_MODEL_ID must be set only for a model that detects objects"):
        Reader.load(settings.reading, settings, metadata)


def test_pose_model_reads_crops_of_the_detections(reading_service: Callable[..., Service], tmp_path: Path) -> None:
    path = dial_model.save(tmp_path / "dial.onnx")
    environ = {"READ_MODEL_ID": "", "READ_MODEL_PATH": str(path), "READ_SCALE": "0:10 bar", "READ_MAX_CROPS": "1"}
    _, body = respond(reading_service(lambda: 30_000, **environ), direct())
    first, second = readings(body)
    assert (first["text"], first["model"], second["type"]) == ("8.3 bar", "dial.onnx", "TooLarge")
    assert body["message"] == "8.3 bar"


def test_handler_of_a_pose_model_loads_no_boto3(
    run_python: Callable[..., Any], model_path: Path, tmp_path: Path
) -> None:
    program = f"""
import base64, json, sys
from function import handler
reply = handler.lambda_handler({direct()!r}, None)
body = json.loads(reply["body"])
print(json.dumps([body["message"], "boto3" in sys.modules]))
"""
    path = str(dial_model.save(tmp_path / "dial.onnx"))
    assert run_python(program, MODEL_PATH=str(model_path), READ_MODEL_PATH=path) == ["0.83; 0.83", False]


def test_packed_model_reads_without_a_variable(
    run_python: Callable[..., Any], model_path: Path, tmp_path: Path
) -> None:
    dial_model.save(tmp_path / "reader.onnx")
    program = f"""
import json
from function import settings
settings.TASK_READER = {str(tmp_path / "reader.onnx")!r}
from function import handler
replies = [handler.lambda_handler(event, None) for event in ({direct()!r}, {http("function_url")!r})]
bodies = [json.loads(reply["body"]) for reply in replies]
print(json.dumps([bodies[0]["message"], bodies[0]["detections"][0]["reading"]["model"], "message" in bodies[1]]))
"""
    environ = {"MODEL_PATH": str(model_path), "READ_SCALE": "0:10 bar"}
    assert run_python(program, **environ) == ["8.3 bar; 8.3 bar", "reader.onnx", False]


def test_packed_model_with_a_model_without_detections_stops_the_start(
    served: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = dial_model.save(tmp_path / "reader.onnx")
    monkeypatch.setattr(function_settings, "TASK_READER", str(path))
    settings = Settings.from_env({})
    assert settings.reading
    metadata = served.metadata._replace(task="classify")
    for described, got in ((metadata, "classify"), (None, "a generic ONNX model")):
        message = (
            rf"/reader.onnx must be packed only for a model that detects objects, got {got}: READ_MAX_CROPS=0 turns "
            r"readings off, and build_zip.sh without --read-model packs no model for them$"
        )
        with pytest.raises(InvalidSetting, match=message):
            Reader.load(settings.reading, settings, described)


def test_packed_model_is_turned_off_for_a_model_without_detections(
    run_python: Callable[..., Any], tmp_path: Path
) -> None:
    dial_model.save(tmp_path / "reader.onnx")
    program = f"""
import json
from function import settings
settings.TASK_READER = {str(tmp_path / "reader.onnx")!r}
from function import handler
print(json.dumps(handler.READER is None))
"""
    environ = {"MODEL_PATH": str(tensor_models.add(tmp_path / "add.onnx")), "READ_MAX_CROPS": "0"}
    assert run_python(program, **environ) is True


def test_start_for_bedrock_loads_no_boto3(run_python: Callable[..., Any], model_path: Path) -> None:
    program = """
import json, sys
import function.handler
names = ("boto3", "function.readings.bedrock", "function.readings.dial")
print(json.dumps([name for name in names if name in sys.modules]))
"""
    assert run_python(program, MODEL_PATH=str(model_path), READ_MODEL_ID=MODEL_ID) == []

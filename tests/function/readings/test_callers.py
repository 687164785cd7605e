"""Which callers have detections read: HTTP requests and events about objects."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from function import sources
from function.service import Service
from tests.function.readings.conftest import MODEL_ID, TWO, http, readings, respond
from tests.function.sources.test_http import EVENTS, HTTP_EVENTS
from tests.support import dial_model
from tests.support.fake_bedrock import FakeBedrock, error
from tests.support.fake_s3 import FakeS3

SECRET = "a-long-random-key"
IAM = {"authorizer": {"iam": {"userArn": "arn:aws:iam::123456789012:user/a"}}}
JWT = {"authorizer": {"jwt": {"claims": {"sub": "a"}, "scopes": None}}}


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_http_request_without_a_key_is_never_read(
    bedrock: FakeBedrock, reading_service: Callable[..., Service], name: str
) -> None:
    status, body = respond(reading_service(), http(name))
    assert (status, body["detection_count"], readings(body), bedrock.requests) == (200, 2, [None, None], [])
    assert "message" not in body
    status, body = respond(reading_service(), http(name, query={"read": "false"}))
    assert (status, bedrock.requests) == (200, [])
    status, body = respond(reading_service(), http(name, query={"read": "true"}))
    assert (status, body["type"], bedrock.requests) == (403, "Forbidden", [])


def test_pose_model_needs_the_same_authentication(reading_service: Callable[..., Service], tmp_path: Path) -> None:
    environ = {"READ_MODEL_ID": "", "READ_MODEL_PATH": str(dial_model.save(tmp_path / "dial.onnx"))}
    _, body = respond(reading_service(**environ), http("function_url"))
    assert "message" not in body
    assert respond(reading_service(**environ), http("function_url", query={"read": "1"}))[0] == 403


@pytest.mark.parametrize("header", [{"x-api-key": SECRET}, {"authorization": f"Bearer {SECRET}"}])
@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_http_request_with_a_key_is_read(
    bedrock: FakeBedrock, reading_service: Callable[..., Service], name: str, header: dict[str, str]
) -> None:
    service = reading_service(API_KEY_SHA256=hashlib.sha256(SECRET.encode()).hexdigest())
    status, body = respond(service, http(name, headers={"content-type": "image/png", **header}))
    assert (status, body["message"]) == (200, "4.2 bar; 4.2 bar")


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("function_url", IAM),
        ("http_api_v2", IAM),
        ("http_api_v2", JWT),
        ("http_api_v2", {"authorizer": {"lambda": None}}),
        ("http_api_v1", {"authorizer": {"claims": {"sub": "a"}, "scopes": None}}),
        ("rest_v1", {"authorizer": {"principalId": "a", "integrationLatency": 5}}),
        ("rest_v1", {"identity": {"userArn": "arn:aws:iam::123456789012:user/a"}}),
        ("lattice_v2", {"identity": {"type": "AWS_IAM", "principal": "arn:aws:iam::123456789012:user/a"}}),
    ],
)
def test_http_request_with_an_authorizer_is_read(
    bedrock: FakeBedrock, reading_service: Callable[..., Service], name: str, context: dict[str, Any]
) -> None:
    status, body = respond(reading_service(), http(name, context))
    assert (status, body["message"]) == (200, "4.2 bar; 4.2 bar")
    _, body = respond(reading_service(), http(name, context, query={"read": "0"}))
    assert "message" not in body


# Events about objects


PUT = json.loads((EVENTS / "s3_put.json").read_text())
OF_OBJECT = {  # events about in/wall.jpg in the bucket photos
    "s3": PUT,
    "sqs": {"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": json.dumps(PUT)}]},
    "s3_batch": json.loads((EVENTS / "s3_batch_2_0.json").read_text()),
    "distributed_map": {"BatchInput": {"bucket": "photos"}, "Items": [{"Key": "in/wall.jpg"}]},
}


@pytest.fixture
def photos(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    fake = FakeS3()
    fake.install(monkeypatch)
    fake.objects["photos", "in/wall.jpg"] = TWO
    return fake


@pytest.mark.parametrize("name", OF_OBJECT)
def test_events_about_objects_are_read(
    bedrock: FakeBedrock, reading_service: Callable[..., Service], photos: FakeS3, name: str
) -> None:
    sources.find(OF_OBJECT[name]).respond(OF_OBJECT[name], reading_service())
    [result] = [data for (_, key), data in photos.objects.items() if key.endswith(".json")]
    body = json.loads(result)
    assert body["message"] == "4.2 bar; 4.2 bar"
    assert readings(body) == [{"text": "4.2 bar", "model": MODEL_ID}] * 2  # a stored result has no times


def test_result_is_written_if_bedrock_fails(
    bedrock: FakeBedrock, reading_service: Callable[..., Service], photos: FakeS3
) -> None:
    bedrock.replies = [error(400, "ValidationException")]
    sources.find(PUT).respond(PUT, reading_service())
    body = json.loads(photos.objects["photos", "results/in/wall.jpg.json"])
    assert [reading["type"] for reading in readings(body)] == ["ReadingFailed"] * 2


def test_list_item_of_a_map_can_skip_the_readings(
    bedrock: FakeBedrock, reading_service: Callable[..., Service], photos: FakeS3
) -> None:
    sample = {"bucket": "photos", "key": "in/wall.jpg", "read": "false"}
    sources.find(sample).respond(sample, reading_service())
    assert bedrock.requests == []

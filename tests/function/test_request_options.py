"""The options imgsz, conf by class and region in every place where a request can have options."""

import base64
import json
from typing import Any

import pytest

from function import sources
from function.model import Model
from function.request import read_options
from function.service import Service
from function.settings import Settings
from function.sources import object_request
from tests.conftest import encode, image_with_box

POLYGON = [[0, 0], [100, 0], [100, 100], [0, 100]]
VALUES = {"imgsz": [320, 640], "conf": {"red": 0.9, "*": 0.3}, "region": POLYGON, "normalized": False}
TEXTS = {
    "imgsz": "320,640", "conf": "0.3,red:0.9", "region": json.dumps(POLYGON), "normalized": "false"
}  # fmt: skip
IMAGE = encode(image_with_box((320, 320), (0, 0, 300, 300)))
CONTEXT = {"domainName": "a.lambda-url.eu-west-1.on.aws", "http": {"method": "POST", "path": "/"}}


def respond(served: Model, event: dict[str, Any]) -> dict[str, Any]:
    reply = sources.find(event).respond(event, Service(served, Settings.from_env({}), "request-1"))
    assert reply["statusCode"] == 200, reply["body"]
    body: dict[str, Any] = json.loads(reply["body"])
    return body


def http(body: bytes, content_type: str, query: dict[str, str] | None = None) -> dict[str, Any]:
    encoded = base64.b64encode(body).decode()
    headers = {"content-type": content_type}
    return {
        "rawPath": "/", "queryStringParameters": query or {}, "requestContext": CONTEXT, "headers": headers,
        "body": encoded, "isBase64Encoded": True,
    }  # fmt: skip


def form(fields: dict[str, str]) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="%s"'
    parts = [head % name.encode() + b"\r\n\r\n" + text.encode() for name, text in fields.items()]
    parts.append(head % b"image" + b'; filename="a.png"\r\nContent-Type: image/png\r\n\r\n' + IMAGE)
    return b"\r\n".join([*parts, b"--b--", b""])


ENCODED = base64.b64encode(IMAGE).decode()
EVENTS = {
    "query": http(IMAGE, "image/png", TEXTS),
    "form": http(form(TEXTS), "multipart/form-data; boundary=b"),
    "JSON": http(json.dumps({"image_data": ENCODED, **VALUES}).encode(), "application/json"),
    "JSON with text": http(json.dumps({"image_data": ENCODED, **TEXTS}).encode(), "application/json"),
    "direct": {"image_data": ENCODED, **VALUES},
    "images": {"images": [{"image_data": ENCODED, **VALUES}]},
    "beside images": {"images": [{"image_data": ENCODED}], **VALUES},
}


@pytest.mark.parametrize("place", EVENTS)
def test_options_are_used_wherever_they_are(served: Model, place: str) -> None:
    plain = respond(served, {"image_data": ENCODED, "imgsz": [320, 640], "conf": 0.3})
    body = respond(served, EVENTS[place])
    (result,) = body.get("results", [body])
    assert result["model"]["imgsz"] == [320, 640]
    assert "ignored" not in result
    assert 0 < result["detection_count"] < plain["detection_count"]
    assert result["regions"] == [{"count": result["detection_count"]}]
    for row in result["detections"]:
        assert row["confidence"] > (0.9 if row["class_name"] == "red" else 0.3)
        assert row["box_2d"]["x_min"] + row["box_2d"]["x_max"] < 200


@pytest.mark.parametrize(
    ("name", "value"), [("imgsz", "0"), ("conf", "red:2"), ("region", "[[0,0]]"), ("normalized", "x")]
)
def test_wrong_value_is_an_error_of_the_request(served: Model, name: str, value: str) -> None:
    event = http(IMAGE, "image/png", {name: value})
    reply = sources.find(event).respond(event, Service(served, Settings.from_env({}), "request-1"))
    assert (reply["statusCode"], json.loads(reply["body"])["type"]) == (422, "InvalidOption")


def test_region_of_aws_in_a_row_is_a_column() -> None:
    row = {"bucket": "photos", "key": "in/a.jpg", "region": "eu-west-1", "conf": "0.4"}
    (request,) = object_request.read(row)
    assert not isinstance(request, Exception)
    assert request.options == read_options({"conf": 0.4})


def test_user_arguments_of_a_job_are_text_of_these_options() -> None:
    assert read_options(TEXTS) == read_options(VALUES)

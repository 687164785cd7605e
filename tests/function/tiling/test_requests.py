"""Tiles in requests of every form, and in their responses."""

import base64
import json
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import Context, encode, image_with_box

DATA = encode(image_with_box((640, 640), (320, 320, 352, 352)))
TEXT = base64.b64encode(DATA).decode()
TILE = {"size": 320, "overlap": 0, "full": False}


def http(body: str, content_type: str, query: dict[str, str] | None = None, is_base64: bool = True) -> dict[str, Any]:
    return {
        "requestContext": {"http": {"method": "POST", "path": "/"}},
        "rawPath": "/",
        "headers": {"content-type": content_type},
        "queryStringParameters": query or {},
        "body": body,
        "isBase64Encoded": is_base64,
    }


def form(**fields: str) -> dict[str, Any]:
    lines = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    image = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n' + DATA + b"\r\n--b--\r\n"
    return http(base64.b64encode("".join(lines).encode() + image).decode(), "multipart/form-data; boundary=b")


EVENTS: dict[str, Any] = {
    "query, a number": (http(TEXT, "image/png", {"tile": "320"}), 10),
    "query, JSON": (http(TEXT, "image/png", {"tile": json.dumps(TILE), "merge": "nms"}), 4),
    "form, a number": (form(tile="320"), 10),
    "form, JSON": (form(tile=json.dumps(TILE)), 4),
    "JSON": (http(json.dumps({"image_data": TEXT, "tile": TILE}), "application/json", is_base64=False), 4),
    "direct": ({"image_data": TEXT, "tile": TILE}, 4),
}


@pytest.mark.parametrize("name", EVENTS)
def test_tiles_are_requested_in_every_form(handler: ModuleType, name: str) -> None:
    event, tiles = EVENTS[name]
    reply = handler.lambda_handler(event, Context())
    body = json.loads(reply["body"])
    assert (reply["statusCode"], body["tiles"], body["detection_count"]) == (200, tiles, 1)
    assert list(body["detections"][0]["box_2d"].values()) == [320, 320, 352, 352]


def test_each_of_several_images_has_its_own_tiles(handler: ModuleType) -> None:
    images = [{"image_data": TEXT, "tile": 320}, {"image_data": TEXT}, {"image_data": TEXT, "tile": TILE}]
    reply = handler.lambda_handler({"images": images}, Context())
    assert [row.get("tiles") for row in json.loads(reply["body"])["results"]] == [10, None, 4]


def test_annotated_image_shows_what_the_tiles_have(handler: ModuleType) -> None:
    reply = handler.lambda_handler({"image_data": TEXT, "tile": TILE, "annotate": True}, Context())
    assert json.loads(reply["body"])["annotated_image"]["width"] == 640


@pytest.mark.parametrize("fields", [{"tile": 8}, {"tile": {"size": 64, "overlap": 1}}, {"tile": 64, "merge": "nmm"}])
def test_wrong_values_are_422(handler: ModuleType, fields: dict[str, Any]) -> None:
    assert handler.lambda_handler({"image_data": TEXT, **fields}, Context())["statusCode"] == 422


def test_too_many_tiles_are_422_with_how_many_are_allowed(handler: ModuleType) -> None:
    data = base64.b64encode(encode(image_with_box((1200, 1200)))).decode()
    reply = handler.lambda_handler({"image_data": data, "tile": {"size": 32, "overlap": 0.5}}, Context())
    assert reply["statusCode"] == 422
    assert "at most 1024 tiles, got 5476 for 1200 x 1200 pixels" in json.loads(reply["body"])["error"]

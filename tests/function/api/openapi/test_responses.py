"""Every documented response is held against a real one: all tasks, forms of a request, and errors."""

import base64
import json
from typing import Any

import pytest

from function import storage
from function.errors import TooLarge
from tests.conftest import encode, image_with_box
from tests.function.api.openapi import calls
from tests.function.api.openapi.calls import TASKS, TENSORS, Reply
from tests.fuzz.body_targets import TENSOR_REQUESTS

PNG = encode(image_with_box((64, 64), (0, 0, 40, 40)))
ENCODED = base64.b64encode(PNG).decode()
KEY, KEY_SHA256 = "secret", "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n' + PNG + b"\r\n"
    b'--b\r\nContent-Disposition: form-data; name="conf"\r\n\r\n0.1\r\n--b--\r\n'
)
REQUESTS = {
    "bytes": ("image/png", PNG),
    "form": ("multipart/form-data; boundary=b", FORM),
    "json": ("application/json", json.dumps({"image_data": ENCODED, "image_name": "a", "foo": 1}).encode()),
    "run lengths": ("application/json", json.dumps({"image_data": ENCODED, "masks": "rle"}).encode()),
    "boxes alone": ("application/json", json.dumps({"image_data": ENCODED, "masks": "none"}).encode()),
    "annotated": ("application/json", json.dumps({"image_data": ENCODED, "annotate": True}).encode()),
    "several": ("application/json", json.dumps({"images": [{"image_data": ENCODED}, {"image_data": "QUJD"}]}).encode()),
}
ERRORS: dict[int, tuple[str, bytes]] = {
    400: ("application/json", b"{"),
    403: ("application/json", b'{"s3": "s3://other/a.jpg"}'),
    413: ("application/json", json.dumps({"images": [{"image_data": ENCODED}] * 17}).encode()),
    415: ("image/png", b"\x89PNG broken"),
    422: ("application/json", json.dumps({"image_data": ENCODED, "conf": 2}).encode()),
}


def check(document: dict[str, Any], method: str, path: str, reply: Reply) -> None:
    """Check a response against the document: status, content type, headers and body."""
    operation = document["paths"][path][method.lower()]
    response = calls.response_of(document, operation, reply.status)
    media_type = reply.headers["Content-Type"].partition(";")[0]
    for name, header in response.get("headers", {}).items():
        assert name in reply.headers or not header.get("required")
    schema = response["content"][media_type]["schema"]
    value = reply.json if media_type == "application/json" else reply.text
    calls.validator(document, schema).validate(value)


def post(model: str, media_type: str, body: bytes, **environ: str) -> Reply:
    return calls.call(model, calls.event("function_url", "POST", "/", body, content_type=media_type), **environ)


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("model", TASKS)
def test_result_of_an_image_is_documented(model: str, request_name: str) -> None:
    reply = post(model, *REQUESTS[request_name])
    assert reply.status == 200, reply.text
    assert any(reply.json.get(name) for name in ("results", "detections", "top", "semantic", "depth"))
    check(calls.document(model), "POST", "/", reply)


def test_error_in_place_of_an_annotated_image_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise TooLarge("a")

    monkeypatch.setattr("function.draw.draw", fail)
    reply = post("colors", *REQUESTS["annotated"])
    assert reply.json["annotated_image"] == {"error": "a", "type": "TooLarge"}
    check(calls.document("colors"), "POST", "/", reply)


@pytest.mark.parametrize("accepted", ["image/jpeg", "image/png"])
def test_image_in_place_of_json_is_documented(accepted: str) -> None:
    sample = calls.event("function_url", "POST", "/", PNG, content_type="image/png", accept=accepted)
    reply = calls.call("colors", sample)
    content = calls.document("colors")["paths"]["/"]["post"]["responses"]["200"]["content"]
    assert (reply.status, reply.headers["Content-Type"]) == (200, accepted)
    assert {"image/jpeg", "image/png", "application/json"} == set(content)


def test_refusal_of_an_image_in_place_of_a_list_is_documented() -> None:
    sample = calls.event("function_url", "POST", "/", REQUESTS["several"][1], accept="image/jpeg")
    reply = calls.call("colors", sample)
    assert reply.status == 406
    check(calls.document("colors"), "POST", "/", reply)


def test_form_of_an_upload_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    signed = {"url": "https://uploads.example/", "fields": {"key": "uploads/a", "policy": "e30="}}
    monkeypatch.setattr(storage, "presign_post", lambda *_: signed)
    environ = {"API_KEY_SHA256": KEY_SHA256, "UPLOAD_BUCKET": "uploads"}
    samples = [
        calls.event("function_url", *request, x_api_key=KEY)
        for request in (("GET", "/openapi.json"), ("POST", "/uploads"))
    ]
    document, reply = (calls.call("colors", sample, **environ) for sample in samples)
    assert reply.status == 200, reply.text
    check(document.json, "POST", "/uploads", reply)


@pytest.mark.parametrize("model", [*TASKS, *TENSORS])
def test_response_of_every_get_endpoint_is_documented(model: str) -> None:
    document = calls.document(model)
    endpoints = [path for path, item in document["paths"].items() if "get" in item]
    assert len(endpoints) >= 8
    for path in endpoints:
        reply = calls.get(model, path)
        assert reply.status == 200, (path, reply.text)
        check(document, "GET", path, reply)


@pytest.mark.parametrize("status", ERRORS)
@pytest.mark.parametrize("model", TASKS)
def test_error_of_an_image_is_documented(model: str, status: int) -> None:
    reply = post(model, *ERRORS[status])
    assert reply.status == status
    check(calls.document(model), "POST", "/", reply)


@pytest.mark.parametrize("name", [name for name in TENSOR_REQUESTS if name in TENSORS])
def test_response_with_tensors_is_documented(name: str) -> None:
    document = calls.document(name)
    body = json.dumps({"id": "1", "inputs": TENSOR_REQUESTS[name]}).encode()
    paths = [path for path, item in document["paths"].items() if "post" in item]
    assert "/" in paths
    for path in paths:
        reply = calls.call(name, calls.event("function_url", "POST", path, body, content_type="application/json"))
        assert reply.status == 200, reply.text
        check(document, "POST", path, reply)
        request = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        calls.validator(document, request).validate(json.loads(body))


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b'{"inputs": []}', 422), (b"\x89PNG", 415)],
)
def test_error_with_tensors_is_documented(body: bytes, status: int) -> None:
    reply = post("add", "image/png" if status == 415 else "application/json", body)
    assert reply.status == status
    check(calls.document("add"), "POST", "/", reply)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/"), ("GET", "/model"), ("GET", "/openapi.json"), ("GET", "/v2")]
)
def test_error_without_a_key_is_documented(method: str, path: str) -> None:
    with_key = calls.event("function_url", "GET", "/openapi.json", x_api_key=KEY)
    document = calls.call("colors", with_key, API_KEY_SHA256=KEY_SHA256).json
    reply = calls.call("colors", calls.event("function_url", method, path), API_KEY_SHA256=KEY_SHA256)
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    check(document, method, path, reply)

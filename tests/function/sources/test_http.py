"""HTTP front ends and direct invocation: the parsed requests and the form of the response, for every sample event."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from function import sources
from function.errors import BadRequest, FunctionError, MethodNotAllowed, NotFound, UnsupportedImage
from function.model import Model
from function.request import ImageRef, ImageRequest, Options
from function.service import Service
from function.settings import Settings
from function.sources import direct, http, unknown

EVENTS = Path(__file__).parent / "events"
SOURCE_OF = {"direct": direct, "direct_body": direct} | dict.fromkeys(
    ["rest_v1", "http_api_v1", "http_api_v2", "function_url", "alb", "alb_multi_value", "lattice_v1", "lattice_v2"],
    http,
)
HTTP_EVENTS = [name for name, source in SOURCE_OF.items() if source is http]
IMAGE = b"\x89PNG and so on"
SETTINGS = Settings.from_env({})
ENCODED = base64.b64encode(IMAGE).decode()
RAW = ImageRef("bytes", IMAGE)
BASE64 = ImageRef("base64", ENCODED)


def event(name: str, body: Any = None, query: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    """A sample event; `body` is bytes (sent in base64), text, or None for `IMAGE`."""
    sample: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    if SOURCE_OF[name] is direct:
        (sample if name == "direct" else sample["body"])["image_data"] = ENCODED
        return sample | changes
    is_text = isinstance(body, str)
    sample |= {"body": body if is_text else base64.b64encode(body or IMAGE).decode(), "isBase64Encoded": not is_text}
    if name == "alb_multi_value":
        sample["multiValueQueryStringParameters"] = {key: [value] for key, value in (query or {}).items()}
    else:
        sample["queryStringParameters"] = query
    return spelled(name, sample | changes)


def spelled(name: str, sample: dict[str, Any]) -> dict[str, Any]:
    """An event of VPC Lattice with its own field names, of any other front end unchanged."""
    if name == "lattice_v1":
        sample["is_base64_encoded"] = sample.pop("isBase64Encoded", sample["is_base64_encoded"])
        sample["raw_path"] = sample.pop("path", sample["raw_path"])
        sample["query_string_parameters"] = sample.pop("queryStringParameters", None)
    elif name == "lattice_v2":
        query = sample["queryStringParameters"] or {}
        sample["queryStringParameters"] = {field: [value] for field, value in query.items()}
    return sample


def form(*parts: tuple[str, str | None, bytes], boundary: str = "----x7") -> tuple[bytes, str]:
    """A body as `curl -F` writes it, and its content type; parts are (name, file name, content)."""
    body = b""
    for name, file_name, content in parts:
        parameter = f'; filename="{file_name}"' if file_name is not None else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{parameter}\r\n'
        body += (head + ("Content-Type: image/png\r\n" if parameter else "") + "\r\n").encode() + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def event_with_form(name: str, body: bytes, content_type: str, **changes: Any) -> dict[str, Any]:
    sample = event(name, body=body, **changes)
    for field, value in (("headers", content_type), ("multiValueHeaders", [content_type])):
        if field in sample:
            sample[field] = {"Content-Type": value}
    return sample


def with_method(sample: dict[str, Any], method: str) -> dict[str, Any]:
    if "http" in sample.get("requestContext", {}):
        sample["requestContext"]["http"]["method"] = method
    else:
        sample["method" if "method" in sample else "httpMethod"] = method
    return sample


def at(name: str, path: str, method: str, **changes: Any) -> dict[str, Any]:
    """A sample event with a path where its front end has it."""
    fields: dict[str, Any] = {"rawPath" if name in ("http_api_v2", "function_url") else "path": path}
    return with_method(event(name, **fields, **changes), method)


def read(sample: dict[str, Any]) -> ImageRequest:
    """The only request of an event; its error is raised."""
    (request,) = sources.find(sample).read(sample, SETTINGS).requests  # type: ignore[attr-defined]
    if isinstance(request, FunctionError):
        raise request
    assert isinstance(request, ImageRequest)
    return request


@pytest.fixture
def respond(make_service: Callable[..., Service]) -> Callable[[Any, Any], Any]:
    """The response of the source of an event if each image has this result."""

    def call(sample: Any, result: Any) -> Any:
        return sources.find(sample).respond(sample, make_service(result))

    return call


@pytest.mark.parametrize("name", SOURCE_OF)
def test_image_of_a_sample_event_is_read(name: str) -> None:
    assert read(event(name)).ref == (RAW if name in HTTP_EVENTS else BASE64)


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_options_of_a_raw_image_are_in_the_query_string(name: str) -> None:
    query = {"conf": "0.4", "classes": "0,1", "image_name": "a.png"}
    assert read(event(name, query=query)) == ImageRequest(RAW, "a.png", Options(conf=0.4, classes=("0", "1")))


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_json_body_is_read_with_any_content_type(name: str, encoded: bool) -> None:
    text = json.dumps({"image_data": ENCODED, "image_name": "b.png", "iou": 0.5})
    sample = event(name, body=text.encode() if encoded else text)
    assert read(sample) == ImageRequest(BASE64, "b.png", Options(iou=0.5))


@pytest.mark.parametrize("name", ["alb", "alb_multi_value"])
def test_query_string_of_a_load_balancer_is_decoded(name: str) -> None:
    assert read(event(name, query={"classes": "wall%20clock%2Cgauge"})).options.classes == ("wall clock", "gauge")


@pytest.mark.parametrize("name", ["rest_v1", "http_api_v1", "alb_multi_value"])
def test_repeated_query_name_is_a_list(name: str) -> None:
    sample = event(name, multiValueQueryStringParameters={"classes": ["0", "1"]})
    assert read(sample).options.classes == ("0", "1")


@pytest.mark.parametrize("body", [{"image_data": ENCODED}, json.dumps({"image_data": ENCODED})], ids=["object", "text"])
def test_direct_body_may_be_an_object_or_text(body: Any) -> None:
    assert read({"body": body}).ref == BASE64


def test_direct_body_may_be_base64() -> None:
    body = base64.b64encode(json.dumps({"image_data": ENCODED}).encode()).decode()
    assert read({"body": body, "isBase64Encoded": True}).ref == BASE64


@pytest.mark.parametrize(
    "sample",
    [
        {"body": ""},
        {"body": None},
        {"body": "{"},
        {"body": "[]"},
        {"body": "5"},
        {"body": []},
        {"body": {}},
        {"body": {"image_data": None}},
        {"body": {"image_data": 5}},
        {"image_data": ""},
        {"image_data": []},
        {"image_data": ENCODED, "image_name": 5},
        {"body": "%%%", "isBase64Encoded": True},
        {"body": "[" * 100_000},
    ],
)
def test_broken_direct_request_is_a_bad_request(sample: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        read(sample)


@pytest.mark.parametrize(
    "text", ["no base64!", "QUJDR", "÷÷÷÷", "data:image/png,abc", "data:image/png;base64,", "data:"]
)
def test_image_data_that_is_not_base64_has_status_400(respond: Callable[[Any, Any], Any], text: str) -> None:
    reply = respond({"image_data": text}, NotFound("not reached"))
    assert (reply["statusCode"], json.loads(reply["body"])["type"]) == (400, "BadRequest")


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"body": None}, BadRequest),
        ({"body": ""}, BadRequest),
        ({"body": "%", "isBase64Encoded": True}, BadRequest),
        ({"body": {"image_data": ENCODED}}, BadRequest),
        ({"body": "{not json", "isBase64Encoded": False}, BadRequest),
        ({"body": "just text", "isBase64Encoded": False}, UnsupportedImage),
    ],
)
def test_broken_http_request_has_its_error(name: str, changes: dict[str, Any], error: type[FunctionError]) -> None:
    with pytest.raises(error):
        read(spelled(name, event(name) | changes))


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_not_allowed(name: str, method: str) -> None:
    with pytest.raises(MethodNotAllowed, match=method):
        read(with_method(event(name), method))


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_response_above_1_mb_is_an_error_behind_a_load_balancer_alone(
    name: str, make_service: Callable[..., Service]
) -> None:
    sample = event(name, body=json.dumps({"images": [{"image_data": ENCODED}] * 16}))
    for size, status in ((60_000, 200), (66_000, 413), (70_000, 413)):
        service = make_service(NotFound("x" * size), Settings.from_env({"CORS_ORIGINS": "*"}))
        reply = http.respond(sample, service)
        if "elb" not in sample.get("requestContext", {}):
            assert reply["statusCode"] == 200
            continue
        assert reply["statusCode"] == status
        assert len(json.dumps(reply)) <= 1024 * 1024
        assert "Access-Control-Allow-Origin" in (reply.get("headers") or reply["multiValueHeaders"])
        if status == 413:
            body = json.loads(reply["body"])
            assert body["type"] == "TooLarge"
            assert "Application Load Balancer (1 MB)" in body["error"]
            assert [type(error).__name__ for error in service.results][-1] == "TooLarge"


def test_limit_of_a_load_balancer_counts_the_whole_response(make_service: Callable[..., Service]) -> None:
    sample = event("alb", body=json.dumps({"images": [{"image_data": ENCODED}]}))
    size = 1024 * 1024 - len(json.dumps(http.respond(sample, make_service(NotFound("")))))
    for excess, status in ((0, 200), (1, 413)):
        reply = http.respond(sample, make_service(NotFound("x" * (size + excess))))
        assert reply["statusCode"] == status
        assert excess or len(json.dumps(reply)) == 1024 * 1024


def test_empty_envelope_is_a_direct_invocation() -> None:
    assert read({"image_data": ENCODED, "requestContext": None, "httpMethod": None}).ref == BASE64
    assert read({"image_data": None, "body": {"image_data": ENCODED}}).ref == BASE64


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("content_type", ["application/json", ""])
def test_byte_order_mark_before_json_is_ignored(encoded: bool, content_type: str) -> None:
    text = "\ufeff" + json.dumps({"image_data": ENCODED})
    sample = event("function_url", body=text.encode() if encoded else text, headers={"content-type": content_type})
    assert read(sample).ref == BASE64


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_health_check_needs_no_image(name: str, respond: Callable[[Any, Any], Any]) -> None:
    sample = with_method(event(name, path="/health", rawPath="/health", body=None), "GET")
    assert respond(sample, BadRequest("not reached"))["statusCode"] == 200


@pytest.mark.parametrize("sample", [{}, None, 5, "text", {"requestContext": {}}, {"conf": 0.5}])
def test_unknown_event_gets_the_list_of_known_events(sample: Any, respond: Callable[[Any, Any], Any]) -> None:
    assert sources.find(sample) is unknown
    reply = respond(sample, NotFound("not reached"))
    assert reply["statusCode"] == 400
    assert "S3 Batch Operations" in json.loads(reply["body"])["error"]


@pytest.mark.parametrize("name", SOURCE_OF)
def test_error_has_the_form_of_an_http_response(name: str, respond: Callable[[Any, Any], Any]) -> None:
    reply = respond(event(name), NotFound("the message"))
    assert reply["statusCode"] == 404
    assert reply["isBase64Encoded"] is False
    assert json.loads(reply["body"]) == {"error": "the message", "type": "NotFound", "request_id": "id-1"}


def test_load_balancer_gets_headers_in_the_form_of_its_event(respond: Callable[[Any, Any], Any]) -> None:
    single, multiple = (respond(event(name), MethodNotAllowed("no")) for name in ("alb", "alb_multi_value"))
    assert single["headers"] == {"Content-Type": "application/json", "Allow": "POST"}
    assert multiple["multiValueHeaders"] == {"Content-Type": ["application/json"], "Allow": ["POST"]}
    assert "headers" not in multiple
    assert single["statusDescription"] == "405 Method Not Allowed"


@pytest.mark.parametrize("name", ["lattice_v1", "lattice_v2"])
def test_lattice_gets_a_status_description(name: str, respond: Callable[[Any, Any], Any]) -> None:
    assert respond(event(name), NotFound("no"))["statusDescription"] == "404 Not Found"


@pytest.mark.parametrize(
    "changes",
    [
        {"messageVersion": "1.0", "agent": {}, "actionGroup": "g", "apiPath": "/detect"},
        {"type": "REQUEST", "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:id/prod/POST/"},
        {"type": "REQUEST", "version": "2.0", "routeArn": "arn:aws:execute-api:eu-west-1:123456789012:id/prod/POST/"},
    ],
    ids=["Bedrock agent", "REST authorizer", "HTTP API authorizer"],
)
@pytest.mark.parametrize("name", ["rest_v1", "http_api_v2"])
def test_event_with_a_method_that_is_no_http_request_does_not_match(name: str, changes: dict[str, Any]) -> None:
    assert not http.matches(event(name) | changes)


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_deadline_is_that_of_the_front_end_less_a_twentieth(name: str, make_service: Callable[..., Service]) -> None:
    service = make_service(NotFound("a"))
    http.respond(event(name), service)
    limit = {"rest_v1": 27.55, "http_api_v1": 28.5, "http_api_v2": 28.5}.get(name)
    assert service.deadline == (None if limit is None else pytest.approx(service.started + limit))


@pytest.mark.parametrize(("seconds", "limit"), [(10, 9.5), (900, 27.55)])
def test_deadline_is_the_earlier_one_of_the_function_and_its_front_end(
    seconds: int, limit: float, served: Model, settings: Settings
) -> None:
    service = Service(served, settings, "id-1", lambda: 1000 * seconds)
    http.respond(event("rest_v1"), service)
    assert service.deadline == pytest.approx(service.started + limit)


@pytest.mark.parametrize("name", ["rest_v1", "http_api_v1", "http_api_v2"])
def test_images_that_are_not_begun_in_time_are_rows_of_the_response(
    name: str, make_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    finished: list[str | None] = []

    def result(name: str | None) -> NotFound:
        finished.append(name)
        return NotFound("done")

    service = make_service(result)
    monkeypatch.setattr("function.service.monotonic", lambda: service.started + 14.5 * len(finished))
    reply = http.respond(event(name, body=json.dumps({"images": [{"image_data": ENCODED}] * 4})), service)
    types = [row["type"] for row in json.loads(reply["body"])["results"]]
    assert types == ["NotFound", "NotFound", "DeadlineExceeded", "DeadlineExceeded"]
    assert reply["statusCode"] == 200


def test_single_image_that_begins_too_late_has_status_503(
    make_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make_service(NotFound("not reached"))
    monkeypatch.setattr("function.service.monotonic", lambda: service.started + 29)
    reply = http.respond(event("rest_v1"), service)
    assert (reply["statusCode"], json.loads(reply["body"])["type"]) == (503, "DeadlineExceeded")


@pytest.mark.parametrize(("field", "text"), [("conf", b"0.9"), ("confidence", b" 0.9\n"), ("iou", b"0.9")])
@pytest.mark.parametrize("file_name", ["conf", "blob", "a.txt"])
def test_small_text_file_with_the_name_of_an_option_is_the_option(field: str, text: bytes, file_name: str) -> None:
    body, content_type = form(("image", "a.png", IMAGE), (field, file_name, text))
    body = body.replace(b"image/png\r\n\r\n" + text, b"text/plain\r\n\r\n" + text)
    request = read(event_with_form("function_url", body, content_type))
    assert (request.ref, request.options.conf or request.options.iou) == (RAW, 0.9)


@pytest.mark.parametrize(("field", "kind"), [("url", "url"), ("s3", "s3")])
def test_small_text_file_with_the_name_of_an_address_is_the_address(field: str, kind: str) -> None:
    body, content_type = form((field, field, b"s3://a/b"))
    body = body.replace(b"Content-Type: image/png\r\n", b"")
    assert read(event_with_form("function_url", body, content_type)).ref == ImageRef(kind, "s3://a/b")  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["conf", "classes", "image_name", "url"])
def test_image_with_the_name_of_a_field_is_the_image(field: str) -> None:
    body, content_type = form((field, "a.png", IMAGE))
    body = body.replace(b"Content-Type: image/png\r\n", b"")
    assert read(event_with_form("function_url", body, content_type)).ref == RAW


@pytest.mark.parametrize("content", [IMAGE, b"\xff\xd8\xff\xe0 jpeg", b"\x00\x00\x00\x1cftypavif\xff"])
def test_form_field_image_data_with_bytes_is_the_image(content: bytes) -> None:
    body, content_type = form(("image_data", None, content))
    assert read(event_with_form("function_url", body, content_type)).ref == ImageRef("bytes", content)


@pytest.mark.parametrize(
    "text", [ENCODED, ENCODED.rstrip("="), f"data:image/png;base64,{ENCODED}", f"\r\n{ENCODED}\r\n"]
)
@pytest.mark.parametrize("field", ["image", "image_data"])
def test_file_of_a_form_may_be_base64_text(field: str, text: str) -> None:
    body, content_type = form((field, "a.png", text.encode()))
    assert read(event_with_form("function_url", body, content_type)).ref == RAW


def test_broken_base64_text_in_a_file_is_the_error_of_this_image() -> None:
    body, content_type = form(("a", "a.png", IMAGE), ("b", "b.png", str(ENCODED.encode()).encode()))
    first, second = http.read(event_with_form("function_url", body, content_type), SETTINGS).requests
    assert isinstance(first, ImageRequest)
    assert isinstance(second, UnsupportedImage)
    assert "b'...'" in str(second)


def test_two_names_in_one_form_are_refused() -> None:
    body, content_type = form(("f", "a.png", IMAGE), ("image_name", None, b"a"), ("image_name", None, b"b"))
    with pytest.raises(BadRequest, match="image_name must be one field, got 2"):
        read(event_with_form("function_url", body, content_type))


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/octet-stream", "text/plain", "multipart/mixed; boundary=x7", ""]
)
@pytest.mark.parametrize("is_text", [True, False], ids=["text", "bytes"])
def test_form_with_another_content_type_is_refused_with_the_remedy(content_type: str, is_text: bool) -> None:
    body, _ = form(("image", None, b"abc"))
    with pytest.raises(UnsupportedImage, match="a form must have the content type multipart/form-data"):
        read(event_with_form("function_url", body.decode() if is_text else body, content_type))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "query",
    [
        {"queryStringParameters": {"conf": "0.9", "iou": None}},
        {"multiValueQueryStringParameters": {"conf": ["0.9"]}},
        {"rawQueryString": "conf=0.9&a=1"},
        {"rawQueryString": "a=1&conf=0%2E9", "queryStringParameters": {}},
    ],
)
def test_query_string_of_a_direct_test_event_counts(query: dict[str, Any]) -> None:
    assert read({"body": {"image_data": ENCODED}} | query).options.conf == 0.9


def test_repeated_name_in_the_query_text_of_a_direct_test_event_is_a_list() -> None:
    sample = {"body": {"image_data": ENCODED}, "rawQueryString": "classes=0&classes=1"}
    assert read(sample).options.classes == ("0", "1")

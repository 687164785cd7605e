"""Every event of `tests/events` through the sources: who answers it, what it asks, and the shape of the reply."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from function import sources
from function.errors import BadRequest, FunctionError, MethodNotAllowed, NotFound, UnsupportedImage
from function.request import Options, Request
from function.results import Result
from function.settings import Settings
from function.sources import direct, http, unknown
from tests.conftest import service

EVENTS = Path(__file__).parent / "events"
SOURCE_OF = {"direct": direct, "direct_body": direct} | dict.fromkeys(
    ["rest_v1", "http_api_v1", "http_api_v2", "function_url", "alb", "alb_multi_value"], http
)
HTTP_EVENTS = [name for name, source in SOURCE_OF.items() if source is http]
PICTURE = b"\x89PNG and so on"
SETTINGS = Settings.from_env({})
ENCODED = base64.b64encode(PICTURE).decode()


def event(name: str, body: Any = None, query: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    """A sample event; `body` is bytes (sent in base64), text, or nothing for the picture itself."""
    sample: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    if SOURCE_OF[name] is direct:
        (sample if name == "direct" else sample["body"])["image_data"] = ENCODED
        return sample | changes
    text = isinstance(body, str)
    sample |= {"body": body if text else base64.b64encode(body or PICTURE).decode(), "isBase64Encoded": not text}
    if name == "alb_multi_value":
        sample["multiValueQueryStringParameters"] = {key: [value] for key, value in (query or {}).items()}
    else:
        sample["queryStringParameters"] = query
    return sample | changes


def asked(sample: dict[str, Any]) -> Request:
    (make_request,) = sources.find(sample).read(sample, SETTINGS).requests  # type: ignore[attr-defined]
    return make_request()


def replied(sample: Any, result: Result) -> Any:
    """The reply when every picture has this result."""
    return sources.find(sample).respond(sample, service(result))


@pytest.mark.parametrize("name", SOURCE_OF)
def test_the_picture_arrives_as_it_was_sent(name: str) -> None:
    assert asked(event(name)).image == PICTURE


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_options_stand_in_the_query_of_a_raw_body(name: str) -> None:
    query = {"conf": "0.4", "classes": "0,1", "image_name": "a.png"}
    assert asked(event(name, query=query)) == Request(PICTURE, "a.png", Options(conf=0.4, classes=(0, 1)))


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_a_json_body_is_read_whatever_its_content_type(name: str, encoded: bool) -> None:
    text = json.dumps({"image_data": ENCODED, "image_name": "b.png", "iou": 0.5})
    sample = event(name, body=text.encode() if encoded else text)
    assert asked(sample) == Request(PICTURE, "b.png", Options(iou=0.5))


@pytest.mark.parametrize("name", ["alb", "alb_multi_value"])
def test_a_load_balancer_leaves_the_query_encoded(name: str) -> None:
    assert asked(event(name, query={"classes": "wall%20clock%2Cgauge"})).options.classes == ("wall clock", "gauge")


@pytest.mark.parametrize("name", ["rest_v1", "http_api_v1", "alb_multi_value"])
def test_a_repeated_query_name_is_a_list(name: str) -> None:
    sample = event(name, multiValueQueryStringParameters={"classes": ["0", "1"]})
    assert asked(sample).options.classes == (0, 1)


@pytest.mark.parametrize(
    "body",
    [
        {"image_data": ENCODED},
        json.dumps({"image_data": ENCODED}),
        {"image_data": f"data:image/png;base64,{ENCODED}"},
        {"image_data": f" DATA:;BASE64,{ENCODED}"},
        {"image_data": "\n".join(ENCODED[i : i + 4] for i in range(0, len(ENCODED), 4))},
    ],
    ids=["object", "text", "data URL", "loose data URL", "wrapped lines"],
)
def test_a_direct_body_may_be_an_object_or_text(body: Any) -> None:
    assert asked({"body": body}).image == PICTURE


def test_a_direct_body_may_be_base64_as_from_a_front_door() -> None:
    body = base64.b64encode(json.dumps({"image_data": ENCODED}).encode()).decode()
    assert asked({"body": body, "isBase64Encoded": True}).image == PICTURE


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
        {"image_data": "no base64!"},
        {"image_data": "QUJ"},
        {"image_data": "÷÷÷÷"},
        {"image_data": "data:image/png,abc"},
        {"image_data": "data:image/png;base64,"},
        {"image_data": "data:"},
        {"image_data": ENCODED, "image_name": 5},
        {"body": "%%%", "isBase64Encoded": True},
        {"body": "[" * 100_000},
    ],
)
def test_a_broken_direct_request_is_a_bad_request(sample: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        asked(sample)


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
        ({"path": "/nowhere", "rawPath": "/prod/nowhere"}, NotFound),
    ],
)
def test_a_broken_http_request_has_its_error(name: str, changes: dict[str, Any], error: type[FunctionError]) -> None:
    with pytest.raises(error):
        asked(event(name) | changes)


def with_method(sample: dict[str, Any], method: str) -> dict[str, Any]:
    if "http" in sample["requestContext"]:
        sample["requestContext"]["http"]["method"] = method
    else:
        sample["httpMethod"] = method
    return sample


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_another_method_is_not_allowed(name: str, method: str) -> None:
    with pytest.raises(MethodNotAllowed, match=method):
        asked(with_method(event(name), method))


@pytest.mark.parametrize("path", ["/", "", "/analyze", "/detect", "/predict", "/v1/analyze", "/analyze/"])
def test_the_endpoints_are_the_root_and_the_verbs(path: str) -> None:
    assert asked(event("rest_v1", path=path)).image == PICTURE


@pytest.mark.parametrize("stage", ["d", "a", "p", "pre", "detec"])
@pytest.mark.parametrize("path", ["/detect", "/analyze", "/predict"])
def test_a_stage_that_begins_like_the_path_takes_nothing_from_it(stage: str, path: str) -> None:
    sample = event("rest_v1", path=path)
    sample["requestContext"]["stage"] = stage
    assert asked(sample).image == PICTURE


def test_an_envelope_without_content_is_a_direct_invocation() -> None:
    assert asked({"image_data": ENCODED, "requestContext": None, "httpMethod": None}).image == PICTURE
    assert asked({"image_data": None, "body": {"image_data": ENCODED}}).image == PICTURE


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("content_type", ["application/json", ""])
def test_a_byte_order_mark_before_json_is_no_part_of_it(encoded: bool, content_type: str) -> None:
    text = "\ufeff" + json.dumps({"image_data": ENCODED})
    sample = event("function_url", body=text.encode() if encoded else text, headers={"content-type": content_type})
    assert asked(sample).image == PICTURE


@pytest.mark.parametrize("path", ["/prod", "/prod/", "/prod/analyze"])
def test_the_stage_of_an_http_api_is_no_part_of_the_path(path: str) -> None:
    assert asked(event("http_api_v2", rawPath=path)).image == PICTURE


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_a_health_check_is_answered_without_a_picture(name: str) -> None:
    sample = with_method(event(name, path="/health", rawPath="/health", body=None), "GET")
    assert replied(sample, BadRequest("not asked"))["statusCode"] == 200


@pytest.mark.parametrize("sample", [{}, [], None, 5, "text", {"Records": []}, {"requestContext": {}}, {"conf": 0.5}])
def test_an_event_that_nobody_knows_is_told_what_is_known(sample: Any) -> None:
    assert sources.find(sample) is unknown
    reply = replied(sample, NotFound("not asked"))
    assert reply["statusCode"] == 400
    assert "known are" in json.loads(reply["body"])["error"]


@pytest.mark.parametrize("name", SOURCE_OF)
def test_an_error_is_answered_in_the_shape_of_http(name: str) -> None:
    reply = replied(event(name), NotFound("what was found"))
    assert reply["statusCode"] == 404
    assert reply["isBase64Encoded"] is False
    assert json.loads(reply["body"]) == {"error": "what was found", "type": "NotFound", "request_id": "id-1"}


def test_a_load_balancer_gets_its_headers_in_the_form_it_sent() -> None:
    single, multiple = (replied(event(name), MethodNotAllowed("no")) for name in ("alb", "alb_multi_value"))
    assert single["headers"] == {"Content-Type": "application/json", "Allow": "POST"}
    assert multiple["multiValueHeaders"] == {"Content-Type": ["application/json"], "Allow": ["POST"]}
    assert "headers" not in multiple
    assert single["statusDescription"] == "405 Method Not Allowed"

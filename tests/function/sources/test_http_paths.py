"""Paths and methods of HTTP requests, behind every front end and after any stage or base path."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from function import sources
from function.errors import MethodNotAllowed, NotFound
from function.service import Service
from tests.function.sources.test_http import HTTP_EVENTS, RAW, at, event, read, with_method


def respond(make_service: Callable[..., Service], sample: dict[str, Any]) -> dict[str, Any]:
    """The response to a request that does not reach the model."""
    reply: dict[str, Any] = sources.find(sample).respond(sample, make_service(NotFound("not reached")))
    return reply


PREFIXES = ["", "/prod", "/default/my-yolo", "/vision/v2", "/health"]


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/predict",
        "/analyze/",
        "/lambda",
        "/default/my-yolo",
        "/vision",
        "/health",
        "/docs",
        "/model",
        "/v20",
    ],
)
def test_post_goes_to_the_model_at_any_path(name: str, path: str) -> None:
    assert read(at(name, path, "POST")).ref == RAW


@pytest.mark.parametrize("stage", ["v2", "health", "model", "d", "detec"])
@pytest.mark.parametrize("path", ["/", "/detect", "/my-yolo", "/health"])
def test_stage_does_not_change_where_a_post_goes(stage: str, path: str) -> None:
    rest, http_api = event("rest_v1", path=path), event("http_api_v2", rawPath=f"/{stage}{path}")
    for sample in (rest, http_api):
        sample["requestContext"]["stage"] = stage
        assert read(sample).ref == RAW


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize(
    "path",
    ["/v2/models", "/v2/models/m/explain", "/prod/v2/health/dead", "/v2/health", "/v2/foo", "/vision/v2/predict"],
)
def test_post_to_an_unknown_path_of_the_inference_protocol_is_not_found(name: str, path: str) -> None:
    with pytest.raises(NotFound, match="/v2/models/NAME/infer"):
        read(at(name, path, "POST"))


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize("path", ["/v2", "/v2/", "/prod/v2", "/v2/health/live", "/a/v2/health/ready"])
def test_post_to_a_path_of_get_of_the_inference_protocol_is_not_allowed(
    name: str, path: str, make_service: Callable[..., Service]
) -> None:
    reply = respond(make_service, at(name, path, "POST"))
    allow = reply["headers"]["Allow"] if "headers" in reply else reply["multiValueHeaders"]["Allow"][0]
    assert (reply["statusCode"], allow) == (405, "GET")


@pytest.mark.parametrize("path", ["/v2", "/v2/", "/v2/predict", "/v2/my-yolo"])
@pytest.mark.parametrize("name", ["rest_v1", "http_api_v1", "http_api_v2"])
def test_base_path_with_the_name_of_the_stage_reserves_nothing(name: str, path: str) -> None:
    sample = at(name, path, "POST")
    sample["requestContext"] |= {"stage": "v2", "domainName": "api.example"}
    assert read(sample).ref == RAW


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready"])
def test_unknown_get_lists_the_routes_of_health(path: str) -> None:
    with pytest.raises(NotFound, match=f"GET {path}"):
        read(at("function_url", "/nowhere", "GET"))


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize("path", ["/nowhere", "/default/my-yolo", "/models", "/openapi", "/docs/x"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_unknown_get_lists_the_endpoints(name: str, path: str, method: str) -> None:
    with pytest.raises(NotFound, match="POST an image to / or to any other path, GET /, GET /health, GET /model"):
        read(at(name, path, method))


@pytest.mark.parametrize("path", ["/analyze", "/prod/detect", "/predict/"])
def test_get_of_an_endpoint_of_the_model_is_not_allowed(path: str) -> None:
    with pytest.raises(MethodNotAllowed, match="GET /health"):
        read(at("function_url", path, "GET"))


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(("path", "body"), [("/health", {"status": "ok"}), ("/v2/health/live", {"live": True})])
def test_reserved_get_is_found_after_any_prefix(
    name: str, prefix: str, path: str, body: dict[str, Any], make_service: Callable[..., Service]
) -> None:
    reply = respond(make_service, at(name, prefix + path, "GET", body=""))
    assert (reply["statusCode"], json.loads(reply["body"])) == (200, body)


@pytest.mark.parametrize("stage", ["health", "v2"])
def test_stage_alone_is_the_root_and_no_reserved_path(stage: str, make_service: Callable[..., Service]) -> None:
    sample = with_method(event("http_api_v2", rawPath=f"/{stage}"), "GET")
    sample["requestContext"]["stage"] = stage
    assert respond(make_service, sample)["headers"]["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize("path", ["/health", "/prod/v2", "/v2/health/ready", "/nowhere", "/detect", "/"])
def test_head_has_the_response_of_get_without_its_body(
    name: str, path: str, make_service: Callable[..., Service]
) -> None:
    get, head = (respond(make_service, at(name, path, method, body="")) for method in ("GET", "HEAD"))
    assert get["body"]
    assert head == get | {"body": ""}


@pytest.mark.parametrize(("method", "status"), [("POST", 404), ("GET", 200)])
@pytest.mark.parametrize("name", ["rest_v1", "http_api_v1", "http_api_v2"])
def test_only_a_post_to_the_stage_itself_goes_to_the_model(
    name: str, method: str, status: int, make_service: Callable[..., Service]
) -> None:
    sample = at(name, "/v2", method)
    sample["requestContext"] |= {"stage": "v2", "domainName": "api.example"}
    assert respond(make_service, sample)["statusCode"] == status  # 404: the response of the model in these tests

"""Endpoints that do not run the model: their paths, methods, and which of them need an API key."""

import json
import logging
from typing import Any

import pytest

from function.service import Service
from function.settings import Settings
from function.sources import http, routes
from tests.function.api.openapi import calls
from tests.function.sources.test_http import HTTP_EVENTS
from tests.fuzz import runtime

DIGEST = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of the key "secret"
PREFIXES = ("", "/prod", "/default/my-yolo", "/a/model")
OPEN = ("/", "/health", "/docs", "/prod/health", "/base/", "/health/")
CLOSED = ("/model", "/openapi.json", "/v2", "/v2/health/live", "/v2/models/add", "/nowhere", "/analyze", "/a/v2/")


def status(front_end: str, method: str, path: str, model: str = "colors", **headers: str) -> int:
    return respond(front_end, method, path, model, **headers)["statusCode"]


def respond(front_end: str, method: str, path: str, model: str = "colors", **headers: str) -> Any:
    service = Service(runtime.model(model), Settings.from_env({"API_KEY_SHA256": DIGEST}), "request-1")
    return http.respond(calls.event(front_end, method, path, **headers), service)


@pytest.mark.parametrize("name", routes.ENDPOINTS)
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("front_end", HTTP_EVENTS)
def test_endpoint_is_found_after_any_prefix_behind_every_front_end(front_end: str, prefix: str, name: str) -> None:
    assert calls.call("colors", calls.event(front_end, "GET", f"{prefix}/{name}")).status == 200


@pytest.mark.parametrize("name", routes.ENDPOINTS)
def test_head_of_an_endpoint_is_get_without_its_body(name: str) -> None:
    replies = [calls.call("colors", calls.event("function_url", method, f"/{name}")) for method in ("GET", "HEAD")]
    assert replies[0].text
    assert replies[1] == replies[0]._replace(text="")


def test_error_of_an_unknown_path_lists_every_endpoint() -> None:
    reply = calls.get("colors", "/nowhere")
    assert reply.status == 404
    for name in routes.ENDPOINTS:
        assert f"GET /{name}" in reply.json["error"]


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/", "GET, HEAD, POST"),
        ("/model", "GET, HEAD"),
        ("/prod/docs", "GET, HEAD"),
        ("/predict", "POST"),
        ("/x", "POST"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE"])
def test_another_method_is_not_allowed_and_the_header_names_the_right_ones(method: str, path: str, allow: str) -> None:
    reply = calls.call("colors", calls.event("function_url", method, path))
    assert (reply.status, reply.headers["Allow"]) == (405, allow)
    methods = {"GET, HEAD, POST": "GET, HEAD or POST", "GET, HEAD": "GET or HEAD", "POST": "POST"}[allow]
    assert reply.json["error"].startswith(f"the method must be {methods}, got {method}; ")


@pytest.mark.parametrize("path", ["/uploads", "/uploads/", "/prod/uploads"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_uploads_allow_post_alone(method: str, path: str) -> None:
    reply = calls.call("colors", calls.event("function_url", method, path), UPLOAD_BUCKET="photos")
    assert (reply.status, reply.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "POST"])
def test_no_method_of_uploads_is_found_if_they_are_turned_off(method: str) -> None:
    assert calls.call("colors", calls.event("function_url", method, "/prod/uploads")).status == 404


def test_path_of_uploads_is_an_ordinary_one_for_a_model_that_takes_tensors() -> None:
    assert calls.call("add", calls.event("function_url", "POST", "/uploads")).status == 400


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nowhere"), ("PUT", "/"), ("GET", "/uploads"), ("POST", "/model")]
)
@pytest.mark.parametrize(
    ("model", "environ", "is_listed"),
    [("colors", {"UPLOAD_BUCKET": "photos"}, True), ("colors", {}, False), ("add", {"UPLOAD_BUCKET": "photos"}, False)],
)
def test_error_lists_uploads_if_the_function_has_them(
    model: str, environ: dict[str, str], is_listed: bool, method: str, path: str
) -> None:
    reply = calls.call(model, calls.event("function_url", method, path), **environ)
    assert reply.status in (404, 405)
    assert ("POST /uploads" in reply.json["error"]) == is_listed


@pytest.mark.parametrize(("path", "expected"), [("/health", 405), ("/prod/docs", 405), ("/", 400), ("/x", 400)])
@pytest.mark.parametrize("model", ["colors", "add"])
def test_post_without_a_body_is_not_allowed_at_the_path_of_a_get_endpoint(model: str, path: str, expected: int) -> None:
    assert calls.call(model, calls.event("function_url", "POST", path)).status == expected


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("front_end", HTTP_EVENTS)
def test_open_endpoint_needs_no_key(front_end: str, method: str, path: str) -> None:
    assert status(front_end, method, path) == 200


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("model", ["colors", "add"])
def test_every_other_request_needs_a_key(model: str, method: str, path: str) -> None:
    reply = respond("function_url", method, path, model)
    assert (reply["statusCode"], reply["headers"]["WWW-Authenticate"]) == (401, "Bearer")
    assert status("function_url", method, path, model, x_api_key="secret") != 401
    assert status("function_url", method, path, model, authorization="Bearer secret") != 401
    assert status("function_url", method, path, model, x_api_key="other") == 401


@pytest.mark.parametrize("path", ["", "/ready", "/infer", "/versions/1", "/versions/1/infer"])
@pytest.mark.parametrize("front_end", HTTP_EVENTS)
def test_options_without_a_key_names_no_model(front_end: str, path: str) -> None:
    reply = respond(front_end, "OPTIONS", f"/v2/models/other{path}", "add")
    assert reply["statusCode"] == 405
    assert "'add'" not in reply["body"]
    assert "version" not in reply["body"]


@pytest.mark.parametrize("path", [*OPEN, "/default/my-yolo"])
@pytest.mark.parametrize("front_end", HTTP_EVENTS)
def test_every_post_needs_a_key(front_end: str, path: str) -> None:
    assert status(front_end, "POST", path) == 401
    assert status(front_end, "POST", path, x_api_key="secret") in (400, 405)  # the body is empty


@pytest.mark.parametrize("path", ["/", "/model", "/predict", "/v2/models/add/infer"])
def test_preflight_request_needs_no_key(path: str) -> None:
    settings = Settings.from_env({"API_KEY_SHA256": DIGEST, "CORS_ORIGINS": "https://a.example"})
    sample = calls.event("alb", "OPTIONS", path, origin="https://a.example")
    reply = http.respond(sample, Service(runtime.model("colors"), settings, "request-1"))
    assert reply["statusCode"] == 204
    assert {"X-Api-Key", "Authorization"} <= set(reply["headers"]["Access-Control-Allow-Headers"].split(", "))


def test_refusal_behind_a_load_balancer_has_the_headers_of_cors() -> None:
    settings = Settings.from_env({"API_KEY_SHA256": DIGEST, "CORS_ORIGINS": "https://a.example"})
    sample = calls.event("alb", "POST", "/", origin="https://a.example")
    reply = http.respond(sample, Service(runtime.model("colors"), settings, "request-1"))
    assert (reply["statusCode"], reply["statusDescription"]) == (401, "401 Unauthorized")
    assert reply["headers"]["Access-Control-Allow-Origin"] == "https://a.example"


def test_refusal_is_counted_and_logged_once_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    service = Service(runtime.model("colors"), Settings.from_env({"API_KEY_SHA256": DIGEST}), "request-1")
    with caplog.at_level(logging.INFO):
        reply = http.respond(calls.event("function_url", "POST", "/", x_api_key="my-key"), service)
    body = json.loads(reply["body"])
    assert (body["type"], body["request_id"], set(body)) == (
        "Unauthorized",
        "request-1",
        {"error", "type", "request_id"},
    )
    assert [type(result).__name__ for result in service.results] == ["Unauthorized"]
    (line,) = caplog.messages
    assert "401 Unauthorized" in line
    assert "my-key" not in line + reply["body"]


def test_refused_request_is_not_read() -> None:
    sample = calls.event("function_url", "POST", "/") | {"body": "%", "isBase64Encoded": True}
    service = Service(runtime.model("colors"), Settings.from_env({"API_KEY_SHA256": DIGEST}), "request-1")
    assert http.respond(sample, service)["statusCode"] == 401


@pytest.mark.parametrize("path", ["", None])
def test_event_of_lattice_without_a_path_needs_a_key(path: str | None) -> None:
    from function import sources

    event = calls.event("lattice_v1", "POST", "/", b"R0lGODdh") | {"raw_path": path}
    service = Service(runtime.model("colors"), Settings.from_env({"API_KEY_SHA256": DIGEST}), "request-1")
    assert sources.find(event) is http
    assert http.respond(event, service)["statusCode"] == 401


def test_direct_invocation_needs_no_key() -> None:
    from function import sources

    event = {"image_data": "R0lGODdhAQABAIABAP8AAAAAACwAAAAAAQABAAACAkQBADs="}
    service = Service(runtime.model("colors"), Settings.from_env({"API_KEY_SHA256": DIGEST}), "request-1")
    assert sources.find(event).respond(event, service)["statusCode"] == 200


@pytest.mark.parametrize(
    ("front_end", "path", "context", "is_root"),
    [
        ("function_url", "/", {}, True),
        ("function_url", "/a/", {}, True),
        ("function_url", "/a", {}, False),
        ("function_url", "/predict/", {}, False),
        ("http_api_v2", "/my-yolo", {"routeKey": "ANY /my-yolo"}, True),
        ("http_api_v2", "/prod/my-yolo", {"routeKey": "ANY /my-yolo"}, True),
        ("http_api_v2", "/my-yolo/x", {"routeKey": "ANY /my-yolo/{proxy+}"}, False),
        ("http_api_v2", "/x", {"routeKey": "$default"}, False),
        ("rest_v1", "/my-yolo", {"resourcePath": "/my-yolo"}, True),
        ("rest_v1", "/vision", {"resourcePath": "/", "stage": "prod"}, True),
        ("rest_v1", "/prod", {"resourcePath": "/", "stage": "prod"}, True),
        ("rest_v1", "/x", {"resourcePath": "/{proxy+}"}, False),
        ("rest_v1", "/predict", {"resourcePath": "/predict"}, False),
    ],
)
def test_root_is_found_after_any_stage_or_base_path_and_at_a_fixed_route(
    front_end: str, path: str, context: dict[str, str], is_root: bool
) -> None:
    from function.sources import front_ends

    sample = calls.event(front_end, "GET", path)
    sample["requestContext"] |= context
    assert routes.is_root(front_ends.parse(sample)) == is_root

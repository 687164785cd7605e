"""Requests through the ASGI application, with a function in place of the zips."""

import asyncio
import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from function.api import authentication
from function.sources import front_ends, routes
from scripts.aws.limits import EVENT_LIMIT
from scripts.local_lambda.errors import InitFailed, RequestTooLarge
from scripts.local_lambda.invocation import Invocation
from scripts.server.application import Application
from tests.support import template_stack

ORIGIN = "https://shop.example"
OK = {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": "{}"}
Function = Callable[[dict[str, Any]], Any]


class Server:
    """Application with a function; keeps the events and the reports of errors."""

    def __init__(
        self, function: Function = lambda event: OK, origins: tuple[str, ...] = (), is_signed: bool = False
    ) -> None:
        self.events: list[dict[str, Any]] = []
        self.reports: list[str] = []
        self._function, self._origins, self._is_signed = function, origins, is_signed

    def _invoke(self, event: dict[str, Any]) -> Invocation:
        self.events.append(event)
        result = self._function(event)
        return result if isinstance(result, Invocation) else Invocation(result, None, 1.0, None, "", "request-1")

    def send(self, method: str, path: str = "/", **options: Any) -> httpx.Response:
        return asyncio.run(self._send(method, path, options))

    async def _send(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        with ThreadPoolExecutor(1) as executor:
            application = Application(self._invoke, executor, self.reports.append, self._origins, self._is_signed)
            transport = httpx.ASGITransport(app=application, client=("192.0.2.7", 1))  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                return await client.request(method, path, **options)


def test_request_is_the_event_and_the_result_is_the_response() -> None:
    server = Server(lambda event: {"statusCode": 201, "headers": {"A": "b"}, "body": "YQ==", "isBase64Encoded": True})
    reply = server.send("POST", "/a%20b?conf=0.4", content=b"\xff\xd8", headers={"content-type": "image/jpeg"})
    assert (reply.status_code, reply.content, reply.headers["a"]) == (201, b"a", "b")
    assert reply.headers["x-amzn-requestid"] == "request-1"
    event = server.events[0]
    assert (event["rawPath"], event["rawQueryString"]) == ("/a%20b", "conf=0.4")
    assert event["requestContext"]["http"]["sourceIp"] == "192.0.2.7"
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (b"\xff\xd8", True)


@pytest.mark.parametrize("is_signed", [False, True])
def test_caller_is_authenticated_only_if_every_request_counts_as_signed(is_signed: bool) -> None:
    server = Server(is_signed=is_signed)
    server.send("POST", content=b"x", headers={"authorization": "AWS4-HMAC-SHA256 Credential=a"})
    context = server.events[0]["requestContext"]
    assert authentication.is_authenticated({}, context, ()) is is_signed


def test_function_sees_the_scheme_of_the_connection() -> None:
    server = Server()
    server.send("GET", "/openapi.json", headers={"host": "127.0.0.1:8000", "x-forwarded-proto": "https"})
    request = front_ends.parse(server.events[0])
    assert request.headers["x-forwarded-proto"] == "http"
    assert routes.base_url(request) == "http://127.0.0.1:8000"


def test_cookies_arrive_and_return() -> None:
    server = Server(lambda event: OK | {"cookies": ["a=1", "b=2"]})
    reply = server.send("GET", headers={"cookie": "c=3; d=4"})
    assert server.events[0]["cookies"] == ["c=3", "d=4"]
    assert reply.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_response_to_head_has_no_body() -> None:
    reply = Server(lambda event: OK).send("HEAD")
    assert (reply.status_code, reply.content) == (200, b"")


def test_body_above_the_limit_is_413_and_no_event() -> None:
    server = Server()
    reply = server.send("POST", content=b"x" * (EVENT_LIMIT + 1))
    assert (reply.status_code, server.events) == (413, [])
    assert str(EVENT_LIMIT) in reply.json()["Message"]


def test_event_above_the_limit_is_413() -> None:
    def refuse(event: dict[str, Any]) -> Any:
        raise RequestTooLarge("too large")

    server = Server(refuse)
    assert (server.send("POST", content=b"x").status_code, server.reports) == (413, [])


@pytest.mark.parametrize(
    "result",
    [
        Invocation(None, {"errorType": "Sandbox.Timedout", "errorMessage": "timed out"}, 1.0, None, "", "1"),
        Invocation(None, {"errorType": "Runtime.ExitError", "errorMessage": "exit"}, 1.0, None, "", "1"),
        {"statusCode": "OK"},
    ],
)
def test_error_of_the_function_is_502_with_a_report(result: Any) -> None:
    server = Server(lambda event: result)
    reply = server.send("GET", "/a")
    assert (reply.status_code, reply.text) == (502, "Internal Server Error")
    assert len(server.reports) == 1
    assert server.reports[0].startswith("GET /a: 502, ")


def test_function_that_does_not_start_is_502() -> None:
    def fail(event: dict[str, Any]) -> Any:
        raise InitFailed("Runtime.ImportModuleError", "no module", [], "")

    server = Server(fail)
    assert server.send("GET").status_code == 502
    assert "Runtime.ImportModuleError" in server.reports[0]


def test_options_reach_the_function_without_cors() -> None:
    server = Server()
    reply = server.send("OPTIONS", headers={"origin": ORIGIN})
    assert [event["requestContext"]["http"]["method"] for event in server.events] == ["OPTIONS"]
    assert "access-control-allow-origin" not in reply.headers


def test_front_end_answers_a_preflight_request() -> None:
    server = Server(origins=(ORIGIN,))
    reply = server.send("OPTIONS", headers={"origin": ORIGIN, "access-control-request-method": "POST"})
    assert (reply.status_code, server.events) == (200, [])
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in reply.headers["access-control-allow-methods"]


def test_preflight_response_allows_what_the_function_url_of_the_template_allows() -> None:
    [url] = template_stack.resources("AWS::Lambda::Url", CorsOrigins=ORIGIN).values()
    headers = {"origin": ORIGIN, "access-control-request-method": "POST"}
    reply = Server(origins=(ORIGIN,)).send("OPTIONS", headers=headers).headers
    assert reply["access-control-allow-methods"].split(",") == url["Cors"]["AllowMethods"]
    assert reply["access-control-allow-headers"].split(",") == url["Cors"]["AllowHeaders"]
    assert reply["access-control-max-age"] == str(url["Cors"]["MaxAge"])


@pytest.mark.parametrize(("origin", "allowed"), [(ORIGIN, ORIGIN), ("https://other.example", None)])
def test_front_end_adds_the_headers_of_cors_for_its_origins(origin: str, allowed: str | None) -> None:
    reply = Server(origins=(ORIGIN,)).send("POST", content=b"x", headers={"origin": origin})
    assert reply.headers.get("access-control-allow-origin") == allowed

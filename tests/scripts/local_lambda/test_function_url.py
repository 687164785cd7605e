"""Events and responses of a Function URL, against the examples of the Lambda developer guide (urls-invocation)."""

import base64
import json
from typing import Any

import pytest

from function.sources import front_ends
from scripts.local_lambda import function_url
from scripts.local_lambda.function_url import BadResponse, Request


def event(**fields: Any) -> dict[str, Any]:
    return function_url.event(
        Request(**({"method": "POST", "path": "/", "query": "", "headers": (), "body": b""} | fields))
    )


def test_event_has_the_fields_of_the_documented_one() -> None:
    made = event(
        path="/my/path",
        query="parameter1=value1&parameter1=value2&parameter2=value",
        headers=[
            *(("Header1", "value1"), ("header2", "value1"), ("Header2", "value2"), ("User-Agent", "agent")),
            *(("Cookie", "cookie1=a; cookie2=b"), ("Content-Type", "text/plain")),
        ],
        body=b"Hello from client!",
        source_ip="123.123.123.123",
    )
    context = made.pop("requestContext")
    assert made == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/my/path",
        "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
        "cookies": ["cookie1=a", "cookie2=b"],
        "headers": {
            "header1": "value1",
            "header2": "value1,value2",
            "user-agent": "agent",
            "cookie": "cookie1=a; cookie2=b",
            "content-type": "text/plain",
            "x-forwarded-for": "123.123.123.123",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "queryStringParameters": {"parameter1": "value1,value2", "parameter2": "value"},
        "body": "Hello from client!",
        "isBase64Encoded": False,
    }
    assert context["http"] == {
        "method": "POST",
        "path": "/my/path",
        "protocol": "HTTP/1.1",
        "sourceIp": "123.123.123.123",
        "userAgent": "agent",
    }
    assert (context["accountId"], "authorizer" in context) == ("anonymous", False)
    assert (context["stage"], context["routeKey"]) == ("$default", "$default")
    assert context["domainName"].startswith(context["domainPrefix"] + ".lambda-url.")
    assert context.keys() >= {"accountId", "apiId", "requestId", "time", "timeEpoch"}


def test_function_takes_the_event_for_one_of_a_function_url() -> None:
    assert front_ends.find(event()) is front_ends.FUNCTION_URL


def test_caller_cannot_set_the_headers_of_the_connection() -> None:
    names = ("X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto")
    made = event(headers=[(name, "of the caller") for name in names], scheme="http", port=8000, source_ip="192.0.2.7")
    headers = made["headers"]
    assert [headers[name.lower()] for name in names] == ["192.0.2.7", "8000", "http"]


def test_get_has_neither_body_nor_query_parameters() -> None:
    made = event(method="GET")
    assert made.keys().isdisjoint({"body", "queryStringParameters", "cookies"})
    assert (made["rawQueryString"], made["isBase64Encoded"]) == ("", False)


def test_path_stays_encoded_in_raw_path_alone() -> None:
    made = event(path="/a%20b")
    assert (made["rawPath"], made["requestContext"]["http"]["path"]) == ("/a%20b", "/a b")


@pytest.mark.parametrize(
    ("content_type", "body", "is_base64"),
    [
        ("text/plain", b"a", False),
        ("application/json; charset=utf-8", '{"a": "é"}'.encode(), False),
        ("application/problem+json", b"{}", False),
        ("application/xml", b"<a/>", False),
        ("image/jpeg", b"\xff\xd8", True),
        ("multipart/form-data; boundary=x", b"--x--", True),
        ("application/x-www-form-urlencoded", b"a=b", True),
        ("", b"a", True),
        ("application/json", b"\xff", True),
    ],
)
def test_body_is_base64_unless_it_is_text(content_type: str, body: bytes, is_base64: bool) -> None:
    made = event(headers=[("content-type", content_type)] if content_type else [], body=body)
    assert made["isBase64Encoded"] is is_base64
    assert (base64.b64decode(made["body"]) if is_base64 else made["body"].encode()) == body


def test_compressed_json_is_base64() -> None:
    made = event(headers=[("content-type", "application/json"), ("content-encoding", "gzip")], body=b"{}")
    assert made["isBase64Encoded"] is True


def test_response_has_status_headers_cookies_and_body() -> None:
    made = function_url.response(
        {
            "statusCode": 201,
            "headers": {"Content-Type": "text/html", "My-Custom-Header": "Custom Value", "Content-Length": "7"},
            "body": "<p>é</p>",
            "cookies": ["Cookie_1=Value1; Expires=21 Oct 2021 07:48 GMT", "Cookie_2=Value2"],
            "isBase64Encoded": False,
        }
    )
    assert made.status == 201
    assert made.headers == [
        ("content-type", "text/html"),
        ("my-custom-header", "Custom Value"),
        ("set-cookie", "Cookie_1=Value1; Expires=21 Oct 2021 07:48 GMT"),
        ("set-cookie", "Cookie_2=Value2"),
    ]
    assert made.body == "<p>é</p>".encode()


def test_base64_body_is_decoded() -> None:
    reply = {"statusCode": 200, "headers": {"content-type": "image/png"}, "body": "iVBO", "isBase64Encoded": True}
    assert function_url.response(reply).body == b"\x89PN"


@pytest.mark.parametrize(
    ("result", "body"),
    [({"message": "Hello"}, {"message": "Hello"}), ([1], [1]), (None, None), ("Hello", "Hello"), (b"Hello", "Hello")],
)
def test_result_without_a_status_is_the_body(result: Any, body: Any) -> None:
    made = function_url.response(result)
    assert (made.status, made.headers) == (200, [("content-type", "application/json")])
    assert made.body.decode() == (body if isinstance(body, str) else json.dumps(body))


@pytest.mark.parametrize(
    "fields",
    [
        {"statusCode": "x"},
        {"statusCode": True},
        {"statusCode": 99},
        {"statusCode": 600},
        {"headers": ["a"]},
        {"headers": {"a": "b\r\nc: d"}},
        {"headers": {"a": "€"}},
        {"body": {}},
        {"body": "not base64!", "isBase64Encoded": True},
    ],
)
def test_result_that_is_no_response_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(BadResponse):
        function_url.response({"statusCode": 200, "headers": {}, "body": ""} | fields)

"""CORS headers: sent by the function behind a load balancer and a REST API, and by no other front end's function."""

from collections.abc import Callable
from typing import Any

import pytest

from function.errors import NotFound
from function.service import Service
from function.settings import Settings
from function.sources import http
from tests.function.sources.test_http import HTTP_EVENTS, event, with_method

ORIGIN = "https://shop.example"


def from_browser(name: str, method: str, origin: str = ORIGIN) -> dict[str, Any]:
    sample = with_method(event(name), method)
    if "headers" in sample:
        sample["headers"] |= {"Origin": [origin] if name == "lattice_v2" else origin}
    if "multiValueHeaders" in sample:
        sample["multiValueHeaders"]["Origin"] = [origin]
    return sample


def cors(make_service: Callable[..., Service], sample: dict[str, Any], origins: str) -> tuple[int, dict[str, str]]:
    """The status and the CORS headers of the response."""
    service = make_service(NotFound("no"), Settings.from_env({"CORS_ORIGINS": origins}))
    reply = http.respond(sample, service)
    headers = reply.get("headers") or {name: values[0] for name, values in reply["multiValueHeaders"].items()}
    return reply["statusCode"], {
        name: value for name, value in headers.items() if name not in ("Content-Type", "Allow")
    }


WITH_CORS = ["rest_v1", "alb", "alb_multi_value"]


@pytest.mark.parametrize("name", WITH_CORS)
@pytest.mark.parametrize(
    ("origins", "headers"),
    [
        (ORIGIN, {"Access-Control-Allow-Origin": ORIGIN, "Vary": "Origin"}),
        (f"https://b.example, {ORIGIN.upper()}", {"Access-Control-Allow-Origin": ORIGIN, "Vary": "Origin"}),
        ("https://*.example", {"Access-Control-Allow-Origin": ORIGIN, "Vary": "Origin"}),
        ("*", {"Access-Control-Allow-Origin": "*"}),
        ("https://b.example,https://c.example", {"Vary": "Origin"}),
        ("http://shop.example", {"Vary": "Origin"}),
        ("https://*.shop.example", {"Vary": "Origin"}),
        ("", {}),
    ],
)
def test_every_response_has_the_cors_headers_of_its_origin(
    name: str, origins: str, headers: dict[str, str], make_service: Callable[..., Service]
) -> None:
    assert cors(make_service, from_browser(name, "POST"), origins) == (404, headers)
    assert cors(make_service, from_browser(name, "DELETE"), origins) == (405, headers)


@pytest.mark.parametrize("name", WITH_CORS)
@pytest.mark.parametrize("origins", [ORIGIN, "*"])
def test_preflight_request_is_answered(name: str, origins: str, make_service: Callable[..., Service]) -> None:
    status, headers = cors(make_service, from_browser(name, "OPTIONS"), origins)
    assert (status, headers["Access-Control-Allow-Origin"]) == (204, origins)
    assert "POST" in headers["Access-Control-Allow-Methods"].split(", ")
    assert "Content-Type" in headers["Access-Control-Allow-Headers"].split(", ")
    assert headers["Access-Control-Max-Age"] == "86400"


@pytest.mark.parametrize("name", WITH_CORS)
def test_preflight_request_of_another_origin_allows_nothing(name: str, make_service: Callable[..., Service]) -> None:
    assert cors(make_service, from_browser(name, "OPTIONS", "https://evil.example"), ORIGIN) == (
        204,
        {"Vary": "Origin"},
    )


@pytest.mark.parametrize("origin", ["https://a\r\nX: .example", "https://\ud800.example"])
def test_origin_that_is_no_header_value_is_not_returned(origin: str, make_service: Callable[..., Service]) -> None:
    status, headers = cors(make_service, from_browser("alb", "POST", origin), "https://*.example")
    assert (status, headers) == (404, {"Vary": "Origin"})


@pytest.mark.parametrize("name", WITH_CORS)
def test_options_without_cors_origins_is_not_allowed(name: str, make_service: Callable[..., Service]) -> None:
    assert cors(make_service, from_browser(name, "OPTIONS"), "") == (405, {})


def test_only_origin_is_sent_to_a_client_that_states_none(make_service: Callable[..., Service]) -> None:
    status, headers = cors(make_service, with_method(event("alb"), "OPTIONS"), ORIGIN)
    assert (status, headers["Access-Control-Allow-Origin"]) == (204, ORIGIN)


@pytest.mark.parametrize("name", [name for name in HTTP_EVENTS if name not in WITH_CORS])
@pytest.mark.parametrize("method", ["POST", "OPTIONS", "DELETE"])
def test_front_end_with_cors_of_its_own_gets_no_second_headers(
    name: str, method: str, make_service: Callable[..., Service]
) -> None:
    assert cors(make_service, from_browser(name, method), "*") == (404 if method == "POST" else 405, {})

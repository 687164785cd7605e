"""Size of a response: as the runtime sends it, with every character that JSON escapes twice."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from function.api import response
from function.service import Service

LIMIT = 6 * 1024 * 1024  # bytes; AWS Lambda developer guide, "Lambda quotas": response of a synchronous invocation


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    return make_service(None)


def reply_to(text: str, service: Service) -> tuple[int, int]:
    """Return the status, and the bytes that the runtime sends."""
    reply: dict[str, Any] = response.http_response(200, {"text": text}, service)
    return reply["statusCode"], len(json.dumps(reply))


@pytest.mark.parametrize("character", ["a", '"', "\\", "\n", "é"])
def test_body_that_only_escaping_makes_too_large_is_refused(character: str, service: Service) -> None:
    sent = len(json.dumps(json.dumps(character))) - len(json.dumps(json.dumps("")))  # bytes of one character
    few, many = int(0.98 * LIMIT / sent), int(LIMIT / sent) + 1
    assert reply_to(character * few, service)[0] == 200
    assert reply_to(character * many, service)[0] == 413


def test_largest_accepted_body_fits_with_its_envelope(service: Service) -> None:
    count = response.MAX_BODY_BYTES - len(r"{\"text\":\"\"}")
    status, size = reply_to("a" * count, service)
    headers = 4096  # bytes for the headers that a front end gets besides, such as those of CORS
    assert (status, size <= LIMIT - headers) == (200, True)
    assert reply_to("a" * (count + 1), service)[0] == 413


def test_bytes_of_a_response_are_those_that_the_runtime_sends(service: Service) -> None:
    for text in ("", 'a"b', "\\", '\\"' * 9, "é\n\x00"):
        reply = response.http_response(200, {"text": text}, service)
        assert response.sent_bytes(reply) == len(json.dumps(reply))

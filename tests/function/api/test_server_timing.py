"""The header `Server-Timing` of HTTP responses: the steps, the whole invocation, and a cold start."""

import json
import re
from types import ModuleType
from typing import Any

import pytest

from function.service import Service
from function.settings import Settings
from function.sources import http
from tests.conftest import Context
from tests.function.sources.test_http import HTTP_EVENTS, event

STEPS = ["read", "preprocess", "inference", "postprocess"]


def timing(reply: dict[str, Any]) -> dict[str, float]:
    headers = reply.get("headers") or {name: one for name, (one,) in reply["multiValueHeaders"].items()}
    return {name: float(value) for name, value in re.findall(r"(\w+);dur=([\d.]+)", headers.get("Server-Timing", ""))}


@pytest.fixture
def service(handler: ModuleType) -> Service:
    return Service(handler.MODEL, Settings.from_env({}), "id-1")


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_steps_and_total_are_those_of_the_response(name: str, service: Service, red_png: bytes) -> None:
    reply = http.respond(event(name, body=red_png), service)
    sent = timing(reply)
    assert list(sent) == [*STEPS, "total"]
    assert {step: sent[step] for step in STEPS} == json.loads(reply["body"])["timing_ms"]
    assert sum(sent[step] for step in STEPS) <= sent["total"] + 0.3  # rounded to 0.1 ms each


def test_drawing_has_a_step_of_its_own(service: Service, red_png: bytes) -> None:
    sample = event("function_url", body=red_png)
    sample["headers"]["accept"] = "image/jpeg"
    sent = timing(http.respond(sample, service))
    assert list(sent) == [*STEPS, "annotate", "total"]
    assert sum(sent[step] for step in (*STEPS, "annotate")) <= sent["total"] + 0.3


def test_cold_start_is_in_the_first_response_alone(
    handler: ModuleType, monkeypatch: pytest.MonkeyPatch, red_png: bytes
) -> None:
    monkeypatch.setattr(handler, "INIT_MS", iter([412.5]))
    sample = event("function_url", body=red_png)
    replies = [handler.lambda_handler(sample, Context()) for _ in range(2)]
    assert [timing(reply).get("init") for reply in replies] == [412.5, None]


@pytest.mark.parametrize("path", ["/health", "/"])
def test_response_without_an_image_has_no_times(path: str, service: Service) -> None:
    sample = event("function_url", rawPath=path, body=None)
    sample["requestContext"]["http"]["method"] = "GET"
    assert timing(http.respond(sample, service)) == {}

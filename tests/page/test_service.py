"""The page and its service: API keys, uploads, errors as sentences, and generic ONNX models."""

import hashlib
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Route

from tests.page.conftest import OpenPage, Server, choose, wait_for_problem, wait_for_result
from tests.support import http_front_end, tensor_models

pytestmark = pytest.mark.browser
KEY = "correct horse"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
FAILED = "Failed to load resource"  # Chromium's own message for every status from 400 on


def enter_key(page: Any, key: str) -> None:
    page.wait_for_selector("#key-dialog[open]")
    page.fill("#key", key)
    page.keyboard.press("Enter")


def test_key_is_asked_for_and_kept_for_the_tab(
    url: str, server: Server, open_page: OpenPage, settings_of: Callable[..., None], red_file: Path
) -> None:
    settings_of(api_key_sha256=(DIGEST,))
    page = open_page(url, expected_errors=FAILED)
    choose(page, red_file)
    enter_key(page, KEY)
    assert wait_for_result(page) == "1 detection: 1 red."
    page.reload()
    choose(page, red_file)
    assert wait_for_result(page) == "1 detection: 1 red."
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    assert [event["headers"].get("x-api-key") for event in server.posts()] == [None, KEY, KEY]


def test_wrong_key_is_named_and_asked_for_again(
    url: str, open_page: OpenPage, settings_of: Callable[..., None], red_file: Path
) -> None:
    settings_of(api_key_sha256=(DIGEST,))
    page = open_page(url, expected_errors=FAILED)
    choose(page, red_file)
    enter_key(page, "another")
    page.wait_for_function("() => document.getElementById('key-reason').textContent === 'The API key is wrong.'")
    enter_key(page, KEY)
    assert wait_for_result(page) == "1 detection: 1 red."


def test_dialog_that_is_closed_leaves_a_sentence(
    url: str, open_page: OpenPage, settings_of: Callable[..., None], red_file: Path
) -> None:
    settings_of(api_key_sha256=(DIGEST,))
    page = open_page(url, expected_errors=FAILED)
    choose(page, red_file)
    page.wait_for_selector("#key-dialog[open]")
    page.keyboard.press("Escape")
    assert "API key" in wait_for_problem(page)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("notes.txt", b"hello", "“notes.txt” is not an image."),
        ("empty.jpg", b"", "“empty.jpg” is empty."),
        ("broken.jpg", b"\xff\xd8\xff\xe0 no pixels", "The service cannot read this file as an image."),
        ("drawing.svg", b"<svg>", "This browser cannot read “drawing.svg”"),
    ],
)
def test_file_that_is_no_image_is_a_sentence(
    name: str, content: bytes, sentence: str, url: str, open_page: OpenPage, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    page = open_page(url, expected_errors=FAILED)
    choose(page, tmp_path / name)
    assert wait_for_problem(page).startswith(sentence)


def json_reply(status: int, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body), "isBase64Encoded": False}


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (json_reply(413, {"message": "Request Too Long"}), "The image is too large for the service."),
        (json_reply(503, {"error": "busy", "type": "TransientError", "request_id": "7"}), "The service is busy"),
        (json_reply(429, {"Reason": "ConcurrentInvocationLimitExceeded"}), "Too many requests at once."),
        (json_reply(502, {"message": "Internal server error"}), "The service did not start"),
        (json_reply(403, {"Message": "Forbidden"}), "The service refused the request."),
        ({**json_reply(504, {}), "body": "<html>gateway</html>"}, "The service took too long."),
        ({**json_reply(200, {}), "body": '{"detections": ['}, "The response is incomplete."),
        (json_reply(418, {}), "The service responded with status 418."),
    ],
    ids=["413", "503", "429", "502", "403", "504", "cut off", "418"],
)
def test_status_is_a_sentence(
    reply: dict[str, Any], sentence: str, url: str, server: Server, open_page: OpenPage, red_file: Path
) -> None:
    page = open_page(url, expected_errors=FAILED)
    server.reply = reply
    choose(page, red_file)
    problem = wait_for_problem(page)
    assert problem.startswith(sentence)
    assert ("Request 7" in problem) == ("request_id" in reply["body"])
    server.reply = None
    page.click("#problem button")
    assert wait_for_result(page) == "1 detection: 1 red."


def test_server_that_is_gone_is_a_sentence(url: str, open_page: OpenPage, red_file: Path) -> None:
    page = open_page(url, expected_errors=FAILED)
    page.route("**/*", lambda route: route.abort("connectionrefused"))
    choose(page, red_file)
    assert wait_for_problem(page).startswith("The service does not respond.")


def test_device_without_network_is_a_sentence(url: str, open_page: OpenPage, red_file: Path) -> None:
    page = open_page(url, expected_errors=FAILED)
    page.context.set_offline(True)
    choose(page, red_file)
    assert wait_for_problem(page).startswith("This device is offline.")


def test_response_that_is_too_large_is_requested_again_at_the_default_confidence(
    url: str, open_page: OpenPage, red_file: Path
) -> None:
    page = open_page(url, expected_errors=FAILED)
    sent_urls: list[str] = []

    def answer(route: Route) -> None:
        sent_urls.append(route.request.url)
        if len(sent_urls) > 1:
            route.continue_()
        else:
            route.fulfill(status=413, json={"error": "the response is too large", "type": "TooLarge"})

    page.route(lambda address: "conf=" in address, answer)
    choose(page, red_file)
    assert wait_for_result(page) == "1 detection: 1 red."
    assert ["conf=0.05" in sent_urls[0], "conf=0.25" in sent_urls[1]] == [True, True]


@pytest.fixture
def tensor_url(tmp_path: Path) -> Iterator[tuple[str, ModuleType]]:
    """The page of a generic ONNX model that adds two inputs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_PATH", str(tensor_models.add(tmp_path / "add.onnx")))
        patch.delitem(sys.modules, "function.handler", raising=False)
        handler = importlib.import_module("function.handler")
        with http_front_end.serve("function_url", Server(handler).invoke) as url:
            yield url, handler
        del sys.modules["function.handler"]  # before the patch restores the handler of other tests


def test_page_of_a_generic_model_shows_inputs_and_runs_it(
    tensor_url: tuple[str, ModuleType], open_page: OpenPage
) -> None:
    page = open_page(tensor_url[0])
    assert page.locator("#inputs tr").count() == 2
    page.click("#send")
    page.wait_for_selector("#response:not([hidden]), #problem:not([hidden])")
    assert json.loads(page.inner_text("#response"))["outputs"]


def test_page_of_a_generic_model_gets_the_inputs_with_the_key(
    tensor_url: tuple[str, ModuleType], open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, handler = tensor_url
    monkeypatch.setattr(handler, "SETTINGS", handler.SETTINGS._replace(api_key_sha256=(DIGEST,)))
    page = open_page(url, expected_errors=FAILED)
    enter_key(page, KEY)
    page.wait_for_selector("#inputs tr")
    assert page.locator("#inputs tr").count() == 2

"""A headless Chromium, and the page of the color model behind every front end."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import Context
from tests.support import http_front_end

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WAIT_MS = 20_000
OpenPage = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A browser; Playwright runs an event loop in this thread until it ends, which tests of asyncio must not meet."""
    if CHROMIUM is None:
        pytest.skip("no chromium or google-chrome on PATH (apt-get install chromium)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open a URL in a new profile; the test fails if the page logs an error that it did not expect."""
    contexts, errors = [], []

    def run(url: str, expected_errors: str = "", **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))

        def keep_error(message: Any) -> None:
            if message.type == "error" and not (expected_errors and expected_errors in message.text):
                errors.append(message.text)

        page.on("console", keep_error)
        page.goto(url)
        return page

    yield run
    for context in contexts:
        context.close()
    assert errors == []


class Server:
    """The function behind one front end, with the events that it got."""

    def __init__(self, handler: ModuleType) -> None:
        self.handler = handler
        self.events: list[dict[str, Any]] = []
        self.reply: dict[str, Any] | None = None  # in place of the function's response to a POST

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        self.events.append(event)
        if self.reply and self.posts() and self.posts()[-1] is event:
            return self.reply
        reply: dict[str, Any] = self.handler.lambda_handler(event, Context())
        return reply

    def posts(self) -> list[dict[str, Any]]:
        return [event for event in self.events if method(event) == "POST"]


def method(event: dict[str, Any]) -> str:
    name: str = event.get("httpMethod") or event["requestContext"]["http"]["method"]
    return name


@pytest.fixture
def server(handler: ModuleType) -> Server:
    return Server(handler)


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    with http_front_end.serve("function_url", server.invoke) as address:
        yield address


@pytest.fixture
def settings_of(handler: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change settings of the function."""

    def change(**values: Any) -> None:
        monkeypatch.setattr(handler, "SETTINGS", handler.SETTINGS._replace(**values))

    return change


@pytest.fixture
def red_file(red_png: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    path.write_bytes(red_png)
    return path


def choose(page: Page, file: Path) -> None:
    page.set_input_files("#file", file)


def wait_for_result(page: Page) -> str:
    """Return the summary of the result; fail if the page shows a problem."""
    page.wait_for_selector("#results:not([hidden]), #problem:not([hidden])")
    assert page.is_hidden("#problem"), page.inner_text("#problem")
    return page.inner_text("#status")


def wait_for_problem(page: Page) -> str:
    page.wait_for_selector("#problem:not([hidden])")
    return page.inner_text("#problem")

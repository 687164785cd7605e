"""The page by keyboard, on a phone, in dark mode, and for assistive technology; and what it may load."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.page.conftest import OpenPage, choose, wait_for_problem, wait_for_result

pytestmark = pytest.mark.browser
SERIOUS = ("serious", "critical")
VIEWS = {
    "light": {"viewport": {"width": 1280, "height": 900}},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True},
}
every_view = pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)


def serious(page: Page) -> list[str]:
    """Return the serious findings of axe, with the element of each."""
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in violations if one["impact"] in SERIOUS]


@every_view
def test_axe_finds_nothing_serious_before_and_after_a_result(
    view: dict[str, Any], url: str, open_page: OpenPage, red_file: Path
) -> None:
    page = open_page(url, **view)
    assert serious(page) == []
    choose(page, red_file)
    wait_for_result(page)
    assert serious(page) == []


@every_view
def test_axe_finds_nothing_serious_in_a_problem(
    view: dict[str, Any], url: str, open_page: OpenPage, tmp_path: Path
) -> None:
    path = tmp_path / "empty.png"
    path.write_bytes(b"")
    page = open_page(url, **view)
    choose(page, path)
    wait_for_problem(page)
    assert serious(page) == []


@every_view
def test_axe_finds_nothing_serious_in_the_key_dialog(
    view: dict[str, Any], url: str, open_page: OpenPage, settings_of: Callable[..., None]
) -> None:
    settings_of(api_key_sha256=("ab" * 32,))
    page = open_page(url, **view)
    page.click("#set-key")
    assert page.is_visible("#key")
    assert serious(page) == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_window(width: int, url: str, open_page: OpenPage, red_file: Path) -> None:
    page = open_page(url, viewport={"width": width, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    choose(page, red_file)
    wait_for_result(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_mode_has_a_dark_ground(url: str, open_page: OpenPage) -> None:
    colors = [
        open_page(url, color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    light, dark = (sum(map(int, color.removeprefix("rgb(").removesuffix(")").split(","))) for color in colors)
    assert light > 600
    assert dark < 120


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(30):
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{selector} cannot be reached with Tab")


def test_keyboard_alone_is_enough(url: str, open_page: OpenPage) -> None:
    page = open_page(url)
    page.on(
        "filechooser", lambda chooser: None
    )  # before the dialog opens: Playwright takes over dialogs without a reply
    page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))")
    tab_to(page, "#choose")
    with page.expect_file_chooser():
        page.keyboard.press("Enter")
    tab_to(page, "#sample")
    page.keyboard.press("Enter")
    wait_for_result(page)
    tab_to(page, "#conf")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#conf-value") == "0.26"
    page.keyboard.press("Home")
    assert page.inner_text("#conf-value") == "0.05"
    tab_to(page, "#list")
    tab_to(page, "#save-json")
    with page.expect_download():
        page.keyboard.press("Enter")


def test_result_is_announced(url: str, open_page: OpenPage, red_file: Path) -> None:
    page = open_page(url)
    assert (page.get_attribute("#status", "aria-live"), page.get_attribute("#problem", "role")) == ("polite", "alert")
    choose(page, red_file)
    wait_for_result(page)
    assert page.get_attribute("#canvas", "aria-label") == "Image. 1 detection: 1 red."


def test_page_loads_nothing_from_elsewhere(url: str, open_page: OpenPage, red_file: Path) -> None:
    page = open_page(url)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.reload()
    choose(page, red_file)
    wait_for_result(page)
    assert {urlsplit(address).netloc for address in requested if address.startswith("http")} == {urlsplit(url).netloc}


def test_policy_blocks_other_hosts(url: str, open_page: OpenPage) -> None:
    page = open_page(url, expected_errors="Content Security Policy")
    blocked = page.evaluate("fetch('https://example.com/').then(() => false, () => true)")
    assert blocked

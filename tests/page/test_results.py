"""Results on the page: the confidence, classes, list, downloads, time and cost."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.conftest import RED_CELL, encode, image_with_box
from tests.page.conftest import OpenPage, Server, choose, wait_for_result

pytestmark = pytest.mark.browser
BLUE_CELL = (128, 128, 160, 160)
FAINT_CELL = (224, 32, 256, 64)  # a score below the default threshold
FAINT_RED = (230, 60, 60)


@pytest.fixture
def three_file(tmp_path: Path) -> Path:
    """An image with a red, a blue and a faint red box."""
    drawn = image_with_box()
    drawn.paste((0, 0, 255), BLUE_CELL)
    drawn.paste(FAINT_RED, FAINT_CELL)
    path = tmp_path / "three.png"
    path.write_bytes(encode(drawn))
    return path


@pytest.fixture
def page(url: str, open_page: OpenPage, three_file: Path) -> Page:
    opened = open_page(url, viewport={"width": 1280, "height": 900})
    choose(opened, three_file)
    assert wait_for_result(opened) == "2 detections: 1 red, 1 blue."
    return opened


def set_confidence(page: Page, value: float) -> None:
    page.evaluate(
        "value => { const input = document.getElementById('conf'); input.value = value;"
        " input.dispatchEvent(new Event('input')); }",
        value,
    )


def save(page: Page, button: str) -> bytes:
    with page.expect_download() as download:
        page.click(button)
    return Path(download.value.path()).read_bytes()


def test_slider_begins_at_the_default_and_filters_without_a_call(page: Page, server: Server) -> None:
    assert page.input_value("#conf") == "0.25"
    set_confidence(page, 0.05)
    assert page.inner_text("#status") == "3 detections: 2 red, 1 blue."
    set_confidence(page, 1)
    assert page.inner_text("#status") == "No detections above confidence 1.00. 3 below it or in hidden classes."
    assert len(server.posts()) == 1


def test_class_is_hidden_and_shown_again(page: Page) -> None:
    page.uncheck("#class-rows label:has-text('red') input")
    assert page.inner_text("#status") == "1 detection: 1 blue."
    page.click("#none")
    assert page.inner_text("#status").startswith("No detections")
    page.click("#all")
    assert page.inner_text("#status") == "2 detections: 1 red, 1 blue."


def test_list_has_a_row_for_each_detection(page: Page) -> None:
    rows = page.locator("#list li").all_inner_texts()
    assert len(rows) == 2
    assert "32 × 32 px at 32, 64" in "".join(rows)


def test_selected_row_is_marked_and_drawn(page: Page) -> None:
    before = page.evaluate("document.getElementById('canvas').toDataURL()")
    page.focus("#list")
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#list", "aria-activedescendant") == "row-0"
    assert page.get_attribute("#row-0", "aria-selected") == "true"
    assert page.evaluate("document.getElementById('canvas').toDataURL()") != before
    page.keyboard.press("Escape")
    assert page.evaluate("document.getElementById('canvas').toDataURL()") == before


def test_json_has_the_shown_detections(page: Page) -> None:
    page.uncheck("#class-rows label:has-text('blue') input")
    body = json.loads(save(page, "#save-json"))
    assert [row["class_name"] for row in body["detections"]] == ["red"]
    assert (body["detection_count"], body["image_name"]) == (1, "three.png")


def test_csv_has_the_columns_of_predict_py(page: Page) -> None:
    rows = list(csv.DictReader(io.StringIO(save(page, "#save-csv").decode())))
    red = next(row for row in rows if row["class_name"] == "red")
    assert [float(red[side]) for side in ("x_min", "y_min", "x_max", "y_max")] == list(RED_CELL)
    assert list(red) == [
        "image", "width", "height", "class_id", "class_name", "confidence", "x_min", "y_min", "x_max", "y_max"
    ]  # fmt: skip


def test_image_has_the_size_of_the_original(page: Page) -> None:
    assert Image.open(io.BytesIO(save(page, "#save-image"))).size == (320, 320)


def test_times_start_and_cost_are_shown(
    url: str, open_page: OpenPage, settings_of: Callable[..., None], three_file: Path
) -> None:
    settings_of(memory_mb=1769)
    page = open_page(url)
    choose(page, three_file)
    wait_for_result(page)
    timing = page.inner_text("#timing")
    assert all(label in timing for label in ("Read the image", "Preprocess", "Run the model", "Postprocess", "In all"))
    assert "no, warm" in timing
    assert "USD for a million calls" in page.inner_text("#cost")
    assert "1,769 MB" in page.inner_text("#cost")


def test_second_image_replaces_the_first(page: Page, red_file: Path) -> None:
    choose(page, red_file)
    page.wait_for_function("() => document.getElementById('status').textContent === '1 detection: 1 red.'")
    assert page.locator("#list li").count() == 1


def sent(server: Server) -> dict[str, str]:
    """Return the query string of the last request."""
    query: dict[str, str] = server.posts()[-1]["queryStringParameters"]
    return query


@pytest.mark.parametrize(("field", "value"), [("imgsz", "640"), ("tile", "640")])
def test_size_sends_the_image_again(field: str, value: str, page: Page, server: Server) -> None:
    assert field not in sent(server)
    page.select_option(f"#{field}", value)
    page.wait_for_selector("#results:not([hidden])")
    assert sent(server)[field] == value
    page.select_option(f"#{field}", "")
    page.wait_for_selector("#results:not([hidden])")
    assert field not in sent(server)


def test_tiles_have_the_boxes_of_a_request_without_the_page(page: Page, server: Server) -> None:
    set_confidence(page, 0.05)
    page.select_option("#tile", "640")
    page.wait_for_selector("#results:not([hidden])")
    assert sent(server)["conf"] == "0.25"  # those of a lower one would be merged with the others
    assert (page.input_value("#conf"), page.get_attribute("#conf", "min")) == ("0.25", "0.25")
    assert page.inner_text("#status") == "2 detections: 1 red, 1 blue."
    page.select_option("#tile", "")
    page.wait_for_selector("#results:not([hidden])")
    assert page.get_attribute("#conf", "min") == "0.05"


def test_default_tiles_can_be_turned_off(
    server: Server, settings_of: Callable[..., None], url: str, open_page: OpenPage, three_file: Path
) -> None:
    settings_of(tile=160)
    opened = open_page(url)
    choose(opened, three_file)
    wait_for_result(opened)
    assert sent(server)["conf"] == "0.25"
    opened.select_option("#tile", "false")
    opened.wait_for_selector("#results:not([hidden])")
    assert sent(server)["tile"] == "false"

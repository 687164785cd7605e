"""Readings on the page: the list, the notice and the CSV file, also of those that failed."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.page.conftest import OpenPage, Server, choose, wait_for_result
from tests.page.test_results import save

pytestmark = pytest.mark.browser
TOO_LARGE = {"error": "an image must have at most 1 detections to read (READ_MAX_CROPS), got 3", "type": "TooLarge"}
FAILED = {"error": "the crop must show a dial, got none", "type": "ReadingFailed"}
READ: dict[str, Any] = {"text": 'about "4,2" bar', "model": "reader.onnx", "latency_ms": 1.0}


def detection(left: int, reading: dict[str, Any] | None) -> dict[str, Any]:
    box = {"x_min": left, "y_min": 0, "x_max": left + 20, "y_max": 20}
    fields = {"class_id": 0, "class_name": "gauge", "confidence": 0.9, "box_2d": box}
    return fields | ({"reading": reading} if reading else {})


def show(page: Page, server: Server, file: Path, readings: list[Any], **fields: str) -> None:
    """Show a response with these readings."""
    body = {
        "image_name": None,
        "image_dimensions": {"width": 320, "height": 320},
        "detections": [detection(40 * number, reading) for number, reading in enumerate(readings)],
        "detection_count": len(readings),
        "timing_ms": dict.fromkeys(("read", "preprocess", "inference", "postprocess"), 1.0),
        **fields,
    }
    headers = {"Content-Type": "application/json"}
    server.reply = {"statusCode": 200, "headers": headers, "body": json.dumps(body), "isBase64Encoded": False}
    choose(page, file)
    wait_for_result(page)


def csv_rows(page: Page) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(save(page, "#save-csv").decode())))


@pytest.fixture
def page(url: str, open_page: OpenPage) -> Page:
    return open_page(url)


def test_failed_readings_are_counted_and_shown_with_their_type(page: Page, server: Server, red_file: Path) -> None:
    show(page, server, red_file, [READ, TOO_LARGE, FAILED, TOO_LARGE, None], message=READ["text"])
    names = page.locator("#list .name").all_inner_texts()
    assert names == [
        f"gauge: {READ['text']}",
        "gauge, not read: TooLarge",
        "gauge, not read: ReadingFailed",
        "gauge, not read: TooLarge",
        "gauge",
    ]
    assert page.get_attribute("#row-2 .failure", "title") == FAILED["error"]
    assert page.inner_text("#notice") == (
        f"{READ['text']}\n3 of 4 readings failed: 2 TooLarge, {TOO_LARGE['error']}; 1 ReadingFailed, {FAILED['error']}."
    )


def test_readings_without_an_error_leave_the_notice_to_their_texts(page: Page, server: Server, red_file: Path) -> None:
    show(page, server, red_file, [READ, None], message=READ["text"])
    assert page.inner_text("#notice") == READ["text"]
    assert page.locator("#list .failure").count() == 0


def test_csv_has_the_readings_as_last_column_as_predict_py(page: Page, server: Server, red_file: Path) -> None:
    show(page, server, red_file, [READ, TOO_LARGE, None], message=READ["text"])
    rows = csv_rows(page)
    assert list(rows[0])[-2:] == ["y_max", "reading"]
    assert [row["reading"] for row in rows] == [READ["text"], "", ""]


def test_csv_has_the_column_if_every_reading_failed_and_not_if_none_was_made(
    page: Page, server: Server, red_file: Path
) -> None:
    show(page, server, red_file, [TOO_LARGE], message="")
    assert csv_rows(page)[0]["reading"] == ""
    show(page, server, red_file, [None])
    assert "reading" not in csv_rows(page)[0]

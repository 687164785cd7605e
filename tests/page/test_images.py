"""Images on the page: the ways to give one, large photos, and what the canvas shows."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.conftest import RED_CELL, encode, image_with_box
from tests.page.conftest import OpenPage, Server, choose, wait_for_problem, wait_for_result
from tests.support import http_front_end

pytestmark = pytest.mark.browser
PHOTO_WH = (4000, 3000)  # 12 megapixels, as the sensor has them; EXIF orientation 6 turns them upright
ORIENTATION, TURN_RIGHT = 0x0112, 6
LIMIT_BYTES = 4_669_440  # of an image in a request with 6 MB of base64 and 64 KB of headers
PIXELS = """async ([x, y]) => {
  const canvas = document.getElementById("canvas");
  return [...canvas.getContext("2d").getImageData(x * canvas.width, y * canvas.height, 1, 1).data];
}"""


@pytest.mark.parametrize("kind", http_front_end.KINDS)
def test_page_predicts_behind_every_front_end(
    kind: str, handler: ModuleType, open_page: OpenPage, red_file: Path
) -> None:
    server = Server(handler)
    with http_front_end.serve(kind, server.invoke) as url:
        page = open_page(f"{url}/" if kind == "alb" else url)
        choose(page, red_file)
        assert wait_for_result(page) == "1 detection: 1 red."


def give(page: Page, kind: str, data: bytes) -> None:
    """Drop or paste a file."""
    source = """([kind, data]) => {
      const transfer = new DataTransfer();
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([bytes], "red.png", { type: "image/png" }));
      const target = document.getElementById("drop");
      const options = { dataTransfer: transfer, clipboardData: transfer, bubbles: true, cancelable: true };
      if (kind === "paste") target.dispatchEvent(new ClipboardEvent("paste", options));
      else for (const name of ["dragover", "drop"]) target.dispatchEvent(new DragEvent(name, options));
    }"""
    page.evaluate(source, [kind, base64.b64encode(data).decode()])


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_dropped_or_pasted_image_is_predicted(kind: str, url: str, open_page: OpenPage, red_png: bytes) -> None:
    page = open_page(url)
    give(page, kind, red_png)
    assert wait_for_result(page) == "1 detection: 1 red."


def test_sample_is_sent_as_jpeg(url: str, server: Server, open_page: OpenPage) -> None:
    page = open_page(url)
    page.click("#sample")
    wait_for_result(page)
    data = base64.b64decode(server.posts()[0]["body"])
    assert data == (Path(__file__).parents[2] / "function" / "page" / "sample.jpg").read_bytes()


def test_camera_of_a_phone_is_requested(url: str, open_page: OpenPage) -> None:
    page = open_page(url, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    assert page.is_visible("#take")
    assert page.get_attribute("#camera", "capture") == "environment"


def test_small_image_is_sent_unchanged(url: str, server: Server, open_page: OpenPage, red_file: Path) -> None:
    page = open_page(url)
    choose(page, red_file)
    wait_for_result(page)
    (post,) = server.posts()
    assert base64.b64decode(post["body"]) == red_file.read_bytes()
    assert post["queryStringParameters"] == {"conf": "0.05", "image_name": "red.png"}


def photo(noise: bool) -> bytes:
    """A photo of 12 megapixels that lies on its side, with one red box at 10 to 20 % of the upright photo.

    Args:
        noise: add so much that the file does not fit into a request.
    """
    width, height = PHOTO_WH[::-1]
    upright = Image.new("RGB", (width, height), (114, 114, 114))
    if noise:
        values = np.random.default_rng(0).integers(80, 150, (height, width, 3), dtype=np.uint8)
        upright = Image.fromarray(values)
    upright.paste((255, 0, 0), (width // 10, height // 10, width // 5, height // 5))
    exif = Image.Exif()
    exif[ORIENTATION] = TURN_RIGHT
    data = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(data, "JPEG", quality=95, exif=exif)
    return data.getvalue()


def hull(detections: list[dict[str, Any]]) -> list[float]:
    boxes = [detection["box_2d"] for detection in detections]
    return [
        min(box["x_min"] for box in boxes), min(box["y_min"] for box in boxes),
        max(box["x_max"] for box in boxes), max(box["y_max"] for box in boxes),
    ]  # fmt: skip


@pytest.mark.parametrize("noise", [False, True])
def test_photo_on_its_side_has_boxes_in_pixels_of_the_upright_original(
    noise: bool, url: str, server: Server, open_page: OpenPage, tmp_path: Path
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo(noise))
    assert (path.stat().st_size > LIMIT_BYTES) is noise
    page = open_page(url)
    choose(page, path)
    wait_for_result(page)
    assert len(base64.b64decode(server.posts()[0]["body"])) <= LIMIT_BYTES
    assert page.is_visible("#notice") is noise
    with page.expect_download() as download:
        page.click("#save-json")
    body = json.loads(Path(download.value.path()).read_text())
    assert body["image_dimensions"] == {"width": 3000, "height": 4000}
    cell = 4000 / 320 * 32  # the model's boxes have the size of its cells
    assert np.abs(np.subtract(hull(body["detections"]), (300, 400, 600, 800))).max() <= cell
    assert page.evaluate(PIXELS, [0.15, 0.15])[0] > 200  # the upright photo is red there
    assert page.evaluate(PIXELS, [0.85, 0.85])[0] < 160


def test_transparent_image_above_the_limit_is_reduced(
    url: str, server: Server, open_page: OpenPage, tmp_path: Path
) -> None:
    values = np.random.default_rng(0).integers(0, 256, (1500, 1500, 4), dtype=np.uint8)
    path = tmp_path / "noise.png"
    Image.fromarray(values).save(path)
    page = open_page(url)
    choose(page, path)
    wait_for_result(page)
    sent = base64.b64decode(server.posts()[0]["body"])
    assert Image.open(io.BytesIO(sent)).format == "JPEG"
    assert "1500 × 1500" in page.inner_text("#notice") or "JPEG" in page.inner_text("#notice")


def test_image_with_more_pixels_than_the_limit_is_reduced(
    url: str, server: Server, open_page: OpenPage, settings_of: Callable[..., None], red_file: Path
) -> None:
    settings_of(max_image_pixels=10_000)
    page = open_page(url)
    choose(page, red_file)
    wait_for_result(page)
    width, height = Image.open(io.BytesIO(base64.b64decode(server.posts()[0]["body"]))).size
    assert (width, height) == (100, 100)


def test_format_that_the_browser_cannot_show_is_predicted(url: str, open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "red.tif"
    path.write_bytes(encode(image_with_box(), "TIFF"))
    page = open_page(url)
    choose(page, path)
    assert wait_for_result(page) == "1 detection: 1 red."
    assert "cannot show" in page.inner_text("#notice")


def test_heic_in_a_browser_without_it_says_what_to_do(url: str, open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "IMG_1.HEIC"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    page = open_page(url)
    choose(page, path)
    assert "Most Compatible" in wait_for_problem(page)


def test_box_on_the_canvas_is_that_of_the_response(url: str, open_page: OpenPage, red_file: Path) -> None:
    page = open_page(url, viewport={"width": 1280, "height": 900})
    choose(page, red_file)
    wait_for_result(page)
    left, top, _right, bottom = RED_CELL
    middle = (top + bottom) / 2 / 320
    outside, edge, inside = (page.evaluate(PIXELS, [x / 320, middle]) for x in (left - 3, left, left + 3))
    assert outside[:3] == [114, 114, 114]
    assert inside[:3] == [255, 0, 0]
    assert edge not in (outside, inside)

"""Maps on the page: the image that the function draws, the classes with their shares, and the downloads."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from function import model
from tests.page.conftest import OpenPage, choose, wait_for_result
from tests.page.test_images import PIXELS
from tests.support import fixed_output_model

pytestmark = pytest.mark.browser


@pytest.fixture(params=["semantic", "depth"])
def task(request: pytest.FixtureRequest, handler: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A model whose map has other values in its left quarter."""
    output = np.full((1, 1, 64, 64), 4, np.float32)
    output[..., :16] = 2
    if request.param == "semantic":
        output = (output[0] == 2).astype(np.float32)
    entries = {"task": request.param, "names": "{0: 'wall', 1: 'red'}", "stride": "32", "imgsz": "[64, 64]"}
    path = fixed_output_model.save(tmp_path / "m.onnx", [output], entries)
    monkeypatch.setattr(handler, "MODEL", model.load(path, threads=1))
    return str(request.param)


@pytest.fixture
def gray_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "gray.png"
    Image.new("RGB", (64, 64), (128, 128, 128)).save(path)
    yield path


def test_page_shows_the_map_over_the_image(open_page: OpenPage, url: str, task: str, gray_file: Path) -> None:
    page = open_page(url)
    choose(page, gray_file)
    expected = {"semantic": "2 classes: wall 75.0 %, red 25.0 %.", "depth": "Distances from 2.00 to 4.00."}
    assert wait_for_result(page) == expected[task]
    left, right = page.evaluate(PIXELS, [0.1, 0.5]), page.evaluate(PIXELS, [0.9, 0.5])
    assert left != right
    if task == "depth":
        assert left[0] > left[2]
        assert right[2] > right[0]
    assert page.locator("#list li").count() == {"semantic": 2, "depth": 0}[task]


def test_saved_json_has_the_map_and_no_drawing(open_page: OpenPage, url: str, task: str, gray_file: Path) -> None:
    page = open_page(url)
    choose(page, gray_file)
    wait_for_result(page)
    with page.expect_download() as download:
        page.locator("#save-json").click()
    body = json.loads(download.value.path().read_text())
    assert {"annotated_image", "top"}.isdisjoint(body)
    opened = Image.open(io.BytesIO(base64.b64decode(body[task]["map"]["png"])))
    assert opened.size == (64, 64)

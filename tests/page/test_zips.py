"""The page of the built zips under the runtime client: the boxes on its canvas against those of Ultralytics."""

import base64
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.conftest import ROOT
from tests.page.conftest import OpenPage, choose, wait_for_result
from tests.page.test_access import VIEWS
from tests.support import served

pytestmark = [pytest.mark.browser, pytest.mark.torch, pytest.mark.build, pytest.mark.runtime]
IMAGES = (
    "example/samples/small-300x225.jpg",
    "example/samples/portrait-810x1080.jpg",
    "example/samples/mixed-large-2400x1600.jpg",
    "tests/golden/exif-6.jpg",
)
TOLERANCE = 2  # pixels of the canvas
LINE = 2.1  # CSS pixels: width of a line
WINDOW = 9  # pixels beside the expected side in which it is searched
SAMPLES = np.linspace(0.08, 0.92, 43)  # places along a side; labels and other boxes cover some
CHANGED = 24  # levels: more than the browser's own scaling differs between two drawings of the same image
Pixels = np.ndarray[tuple[int, ...], np.dtype[np.int16]]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zips of the example, built by the script that users call."""
    folder = tmp_path_factory.mktemp("page")
    model = folder / "model.onnx"
    export = [sys.executable, "-m", "export", str(ROOT / "example" / "best.pt"), "--output", str(model)]
    build = [str(ROOT / "scripts" / "build_zip.sh"), str(model), "--out", str(folder / "dist")]
    for command in (export, build):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder / "dist"


@pytest.fixture(scope="module")
def zips_url(dist: Path) -> Iterator[str]:
    with served.serve(dist) as url:
        yield f"{url}/"


def canvas(page: Page) -> Pixels:
    data: str = page.evaluate("() => document.getElementById('canvas').toDataURL('image/png')")
    return np.array(Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGB"), dtype=np.int16)


def offsets(changed: "np.ndarray[Any, Any]", side: float, start: float, end: float, line: float) -> list[float]:
    """Return how far the nearest drawn line is from an expected vertical side, at places where no label covers it.

    Args:
        changed: (height, width) bool: pixels that the boxes changed.
        side: expected x.
        start: y at which the side begins.
        end: y at which it ends.
        line: width of a line.
    """
    left, right = max(0, round(side) - WINDOW), min(changed.shape[1], round(side) + WINDOW + 1)
    found = []
    for y in start + (end - start) * SAMPLES:
        columns = np.flatnonzero(changed[min(int(y), changed.shape[0] - 1), left:right])
        runs = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
        whole = [run for run in runs if len(run) and (run[0] > 0 or left == 0)]  # not the begin of a label
        whole = [run for run in whole if run[-1] < right - left - 1 or right == changed.shape[1]]
        centers = [float(run.mean()) + left + 0.5 - side for run in whole if len(run) < 2 * line]
        found += [min(centers, key=abs)] if centers else []
    return found


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("image", IMAGES)
def test_boxes_on_the_canvas_are_those_of_predict(
    image: str, view: dict[str, Any], zips_url: str, open_page: OpenPage
) -> None:
    golden = json.loads((ROOT / "tests" / "golden" / f"{Path(image).stem}.json").read_text())
    page = open_page(zips_url, **view)
    choose(page, ROOT / image)
    assert wait_for_result(page).startswith(f"{len(golden['detections'])} detection")
    drawn = canvas(page)
    page.evaluate("() => document.getElementById('none').click()")
    page.evaluate("() => document.querySelectorAll('#class-rows input:checked').forEach((box) => box.click())")
    changed = np.abs(drawn - canvas(page)).max(axis=2) > CHANGED
    scale = changed.shape[1] / golden["width"]
    line = LINE * page.evaluate("() => devicePixelRatio")
    for detection in golden["detections"]:
        x_min, y_min, x_max, y_max = (value * scale for value in detection["xyxy"])
        sides = [
            offsets(changed, x_min, y_min, y_max, line),
            offsets(changed, x_max, y_min, y_max, line),
            offsets(changed.T, y_min, x_min, x_max, line),
            offsets(changed.T, y_max, x_min, x_max, line),
        ]
        errors = sorted(abs(float(np.median(side))) for side in sides if len(side) > len(SAMPLES) / 4)
        assert len(errors) >= (2 if view.get("is_mobile") else 3), "labels cover more sides on a phone"
        assert errors[-1] <= TOLERANCE

"""Memory and time of maps of large images."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from function import draw, maps
from function.api import map_fields, response
from function.api.body import ParsedBody
from function.draw import maps as drawn_maps
from function.errors import DeadlineExceeded, TooLarge
from function.postprocess import dense, semantic
from function.preprocess import letterbox, memory_limit
from function.request import ImageRef, ImageRequest, Options
from function.service import Service
from function.settings import Settings
from function.sources import s3_results
from function.sources.s3_objects import S3Object
from tests.function.test_maps import IMAGE, METADATA, SIDE, load, predict, quarter_of_ids


def test_pixels_of_a_large_map_are_counted_in_bands() -> None:
    ids = np.zeros((1500, 1000), np.uint8)
    ids[1200:] = 1
    assert semantic.counts(ids, 2) == [(0, 1_200_000), (1, 300_000)]


@pytest.mark.parametrize(("task", "needed"), [("semantic", 3), ("depth", 9)])
def test_map_that_does_not_fit_into_the_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch, task: str, needed: int
) -> None:
    monkeypatch.setattr(memory_limit, "_resident", lambda: 0)
    metadata, output = METADATA._replace(task=task), np.ones((1, 1, 8, 8), np.float32)
    geometry = letterbox.fit((2000, 2000), (64, 64), 32, True)
    layout_name = dense.LOGITS if task == "semantic" else dense.DEPTH
    least = -(-(needed * 4_000_000 + memory_limit.RESERVE) // memory_limit.MIB)
    assert maps.decode(metadata, layout_name, output, geometry, None, least).size_wh == (2000, 2000)
    with pytest.raises(TooLarge, match="of memory"):
        maps.decode(metadata, layout_name, output, geometry, None, least - 1)


def _slow_png(_: object) -> bytes:
    time.sleep(5)
    return b""


@pytest.mark.parametrize("accept", [None, "image/jpeg"])
def test_map_that_is_not_encoded_in_time_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accept: str | None
) -> None:
    service = Service(
        load(tmp_path, "depth", np.ones((1, 1, 8, 8), np.float32), "{0: 'depth'}"), Settings.from_env({}), "id"
    )
    monkeypatch.setattr(Service, "slowest_s", 0.0)
    monkeypatch.setattr(map_fields, "_png", _slow_png)
    service.deadline = time.monotonic() + 1
    request = ImageRequest(ImageRef("bytes", IMAGE), "a.jpg", Options())
    began = time.monotonic()
    reply = response.respond(ParsedBody([request], False), service, accept)
    assert reply["statusCode"] == 503
    assert json.loads(reply["body"])["type"] == "DeadlineExceeded"
    assert time.monotonic() - began < 3


def test_map_of_a_result_in_s3_that_is_not_encoded_in_time_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = load(tmp_path, "depth", np.ones((1, 1, 8, 8), np.float32), "{0: 'depth'}")
    result, service = predict(served), Service(served, Settings.from_env({}), "id")
    monkeypatch.setattr(map_fields, "_png", _slow_png)
    began = time.monotonic()
    service.deadline = began + 0.2
    with pytest.raises(DeadlineExceeded):
        s3_results.write(S3Object("photos", "in/a.jpg"), None, result, service, False)
    assert time.monotonic() - began < 3


def test_annotated_image_is_drawn_in_bands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = response.result_body(predict(load(tmp_path, "semantic", quarter_of_ids())))
    whole = draw.annotate(Image.new("RGB", (SIDE * 3, SIDE * 3)), body)
    monkeypatch.setattr(drawn_maps, "BAND_PIXELS", 1000)
    assert draw.annotate(Image.new("RGB", (SIDE * 3, SIDE * 3)), body).tobytes() == whole.tobytes()

"""Models of one channel and of several bands in the function: responses, annotated images, what is refused."""

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from function import model
from function.errors import UnsupportedImage, UnusableModel
from function.model import Model
from function.predictor import predict
from function.request import read_options
from function.results import Prediction
from function.service import Service
from function.settings import Settings
from function.sources import direct, http
from tests.conftest import encode
from tests.function.api.openapi import calls
from tests.support import fixed_output_model
from tests.support.tiff_files import pages

SIDE = 64
BANDS = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 10), dtype=np.uint8)
SETTINGS = Settings.from_env({})
ROWS = np.array([[[32], [32], [20], [10], [0.9]]], np.float32)  # one box of one class
METADATA = {"task": "detect", "stride": "32", "names": "{0: 'field'}"}


def load(path: Path, channels: int, outputs: np.ndarray = ROWS, metadata: dict[str, str] = METADATA) -> Any:
    rows = np.repeat(outputs, 84, axis=2) if outputs is ROWS else outputs
    stated = {**metadata, "channels": str(channels)}
    return model.load(fixed_output_model.save(path, [rows], stated, SIDE, channels=channels), threads=1)


@pytest.mark.parametrize(
    ("channels", "data"),
    [
        (1, encode(Image.new("RGB", (SIDE, SIDE)), "PNG")),
        (10, pages(BANDS)),
        (4, encode(Image.new("RGBA", (9, 9)), "PNG")),
    ],
)
def test_response_states_the_channels(channels: int, data: bytes, tmp_path: Path) -> None:
    served = load(tmp_path / "model.onnx", channels)
    assert isinstance(served, Model)
    assert served.metadata.channels == channels
    service = Service(served, SETTINGS, "id-1")
    event = {"image_data": base64.b64encode(data).decode(), "annotate": True}
    body = direct.respond(event, service)
    body = json.loads(body["body"]) if "body" in body else body
    assert body["model"]["channels"] == channels
    assert body["detection_count"] == 1
    drawn = Image.open(BytesIO(base64.b64decode(body["annotated_image"]["data"])))
    assert drawn.size == tuple(body["image_dimensions"].values())


@pytest.mark.parametrize(
    ("channels", "data"),
    [
        (1, encode(Image.new("RGB", (2 * SIDE, 2 * SIDE)), "PNG")),
        (4, encode(Image.new("RGBA", (2 * SIDE, 2 * SIDE)), "PNG")),
        (10, pages(np.tile(BANDS, (2, 2, 1)))),
    ],
)
def test_tiles_region_and_input_size_of_a_model_with_other_channels(channels: int, data: bytes, tmp_path: Path) -> None:
    service = Service(load(tmp_path / "model.onnx", channels), SETTINGS, "id-1")
    options = {"tile": {"size": SIDE, "overlap": 0, "full": False}, "imgsz": SIDE, "annotate": True}
    left = [[0, 0], [SIDE, 0], [SIDE, 2 * SIDE], [0, 2 * SIDE]]  # the centers of the boxes of two of the four tiles
    event = {"image_data": base64.b64encode(data).decode(), **options, "region": left}
    body = json.loads(direct.respond(event, service)["body"])
    assert (body["tiles"], body["detection_count"], body["regions"]) == (4, 2, [{"count": 2}])
    assert [row["box_2d"]["x_min"] for row in body["detections"]] == [22, 22]
    drawn = Image.open(BytesIO(base64.b64decode(body["annotated_image"]["data"])))
    assert drawn.size == (2 * SIDE, 2 * SIDE)


def test_image_of_other_bands_is_an_error_of_the_request(tmp_path: Path) -> None:
    service = Service(load(tmp_path / "model.onnx", 10), SETTINGS, "id-1")
    response = http.respond(calls.event("function_url", "POST", "/", encode(Image.new("RGB", (9, 9)), "JPEG")), service)
    assert response["statusCode"] == UnsupportedImage.status
    assert json.loads(response["body"])["error"] == "an image for this model must have 10 bands, got 3"


@pytest.mark.parametrize("channels", [1, 4])
def test_model_is_described_with_its_channels(channels: int, tmp_path: Path) -> None:
    service = Service(load(tmp_path / "model.onnx", channels), SETTINGS, "id-1")
    described, document = (
        json.loads(http.respond(calls.event("function_url", "GET", path), service)["body"])
        for path in ("/model", "/openapi.json")
    )
    assert described["channels"] == channels
    assert document["components"]["schemas"]["Model"]["properties"]["channels"]["const"] == channels


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("entries", [{"task": "classify"}, {}])
def test_classifier_of_other_channels_is_refused(channels: int, entries: dict[str, str], tmp_path: Path) -> None:
    metadata = {"stride": "32", "names": "{0: 'a', 1: 'b'}", **entries}
    with pytest.raises(UnusableModel, match=f"classifier must take images of 3 channels, got {channels}$"):
        load(tmp_path / "model.onnx", channels, np.array([[0.25, 0.75]], np.float32), metadata)


@pytest.mark.parametrize("stated", ["0", "1001", "1.5", "None", "'3'", "True"])
def test_channels_must_be_a_number_within_the_limits(stated: str, tmp_path: Path) -> None:
    path = fixed_output_model.save(tmp_path / "model.onnx", [ROWS], {**METADATA, "channels": stated}, SIDE)
    with pytest.raises(UnusableModel, match="channels must be a whole number from 1 to 1000, got"):
        model.load(path, threads=1)


@pytest.mark.parametrize(("stated", "channels"), [("3", 4), ("4", 3), ("1", 3)])
def test_input_must_have_the_channels_that_the_metadata_state(stated: str, channels: int, tmp_path: Path) -> None:
    metadata = {**METADATA, "channels": stated}
    path = fixed_output_model.save(tmp_path / "model.onnx", [ROWS], metadata, SIDE, channels=channels)
    with pytest.raises(UnusableModel, match=rf"\(batch, {stated}, height, width\), got images"):
        model.load(path, threads=1)


@pytest.mark.parametrize("channels", [1, 10])
def test_tiles_have_the_channels_of_the_model(channels: int, tmp_path: Path) -> None:
    served = load(tmp_path / "model.onnx", channels)
    data = encode(Image.new("L", (96, 80))) if channels == 1 else pages(np.zeros((80, 96, 10), np.uint8))
    result = predict(served, SETTINGS, data, read_options({"tile": {"size": 64, "overlap": 0}}))
    assert isinstance(result, Prediction)
    assert (result.size_wh, result.tiles) == ((96, 80), 5)

"""Size of the model input by a request or a setting."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from function import input_size, model, predictor, sources
from function.errors import InvalidOption
from function.metadata import NORMALIZE, SQUARE_CROP, Transform
from function.model import Model
from function.request import Options
from function.service import Service
from function.settings import Settings
from tests.conftest import ROOT, encode, image_with_box
from tests.support import color_model

MOST = 8192**2
IMAGE = encode(image_with_box((320, 160), (0, 0, 80, 80)))


def respond(served: Model, environ: dict[str, str], **fields: Any) -> tuple[int, dict[str, Any]]:
    event = {"image_data": base64.b64encode(IMAGE).decode(), **fields}
    reply = sources.find(event).respond(event, Service(served, Settings.from_env(environ), "request-1"))
    return reply["statusCode"], json.loads(reply["body"])


@pytest.fixture
def static(tmp_path: Path) -> Model:
    loaded = model.load(color_model.save(tmp_path / "static.onnx", (320, 320)), threads=1)
    assert isinstance(loaded, Model)
    return loaded


@pytest.mark.parametrize(
    ("sides_hw", "used_hw"), [((640, 640), (640, 640)), ((1, 33), (32, 64)), ((737, 1280), (768, 1280))]
)
def test_sides_are_rounded_up_to_the_stride(served: Model, sides_hw: Any, used_hw: tuple[int, int]) -> None:
    assert input_size.resize(served, sides_hw, MOST).metadata.imgsz_hw == used_hw


def test_response_states_the_size_that_was_used(served: Model) -> None:
    assert respond(served, {})[1]["model"]["imgsz"] == [320, 320]
    status, body = respond(served, {}, imgsz="500,640")
    assert (status, body["model"]["imgsz"]) == (200, [512, 640])


def test_model_runs_at_the_size_of_the_request(served: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[Any] = []
    run = model.run
    monkeypatch.setattr(predictor.model, "run", lambda *values: shapes.append(values[1].shape) or run(*values))
    respond(served, {}, imgsz=640)
    assert shapes == [(1, 3, 320, 640)]  # an image of 2 : 1 in the letterbox of a dynamic model


@pytest.mark.parametrize("sides_hw", [(320, 320), (300, 310)])
def test_size_of_a_static_model_itself_is_accepted(static: Model, sides_hw: tuple[int, int]) -> None:
    assert input_size.resize(static, sides_hw, 1) is static


def test_other_size_of_a_static_model_is_refused_with_the_way_to_a_dynamic_one(static: Model) -> None:
    status, body = respond(static, {}, imgsz=640)
    assert (status, body["type"]) == (422, "InvalidOption")
    assert "imgsz must be 320, the only size of this static model, got 640" in body["error"]
    assert "python -m export best.pt" in body["error"]
    assert "without --static" in body["error"]


@pytest.mark.parametrize(
    ("sides_hw", "limit", "largest"),
    [((1280, 1280), 1_000_000, "992"), ((640, 1280), 500_000, r"\[480, 992\]"), ((8192, 32), 100_000, r"\[3104, 32\]")],
)
def test_size_above_the_limit_is_refused_with_the_largest(
    served: Model, sides_hw: tuple[int, int], limit: int, largest: str
) -> None:
    message = (
        rf"imgsz must have at most {limit} pixels \(MAX_IMGSZ_PIXELS\), got .*; the largest that fits is {largest}$"
    )
    with pytest.raises(InvalidOption, match=message):
        input_size.resize(served, sides_hw, limit)


def test_size_of_the_model_is_accepted_above_the_limit(served: Model) -> None:
    assert input_size.resize(served, (320, 320), 1) is served


def test_crop_of_a_yolov5_classifier_gets_the_size(served: Model) -> None:
    steps = (Transform(SQUARE_CROP, (224, 224)), Transform(NORMALIZE, mean=(0.5,) * 3, std=(0.5,) * 3))
    classifier = served._replace(metadata=served.metadata._replace(task="classify", transforms=steps))
    resized = input_size.resize(classifier, (256, 256), MOST).metadata
    assert resized.transforms == (Transform(SQUARE_CROP, (256, 256)), steps[1])


def test_size_that_the_model_does_not_accept_is_an_error_of_the_request(
    served: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("[ONNXRuntimeError] : k argument [300]\nshould not be greater")

    monkeypatch.setattr(predictor.model, "run", fail)
    with pytest.raises(InvalidOption, match="imgsz must be a size that the model accepts, got an input of 64 x 32: "):
        predictor.predict(served, Settings.from_env({}), IMAGE, Options(imgsz=(64, 64)))


START = """
import json
from function import handler
print(json.dumps(handler.MODEL.metadata.imgsz_hw))
"""


def test_setting_is_the_default_size(run_python: Callable[..., Any], model_path: Path) -> None:
    assert run_python(START, MODEL_PATH=str(model_path), IMGSZ="500,640") == [512, 640]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CONF_THRESHOLD", "0.25,cat:0.5", "unknown class 'cat'; available: 0 red, 1 blue"),
        ("CONF_THRESHOLD", "red:0.5,0:0.4", "one threshold for the class 0 red"),
        ("IMGSZ", "8192", "InvalidSetting: IMGSZ must have at most 1000000 pixels"),
    ],
)
def test_setting_that_the_model_cannot_have_stops_the_start(
    name: str, value: str, message: str, model_path: Path
) -> None:
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "MODEL_PATH": str(model_path), name: value}
    variables["MAX_IMGSZ_PIXELS"] = "1000000"
    command = [sys.executable, "-c", "import function.handler"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "InvalidSetting" in done.stderr
    assert name in done.stderr
    assert message in done.stderr


@pytest.mark.parametrize(
    ("memory_mb", "pixels"),
    [("128", 640 * 640), ("512", 640 * 640), ("1024", 2_097_152), ("1769", 5_148_672), ("10240", 39_845_888)],
)
def test_limit_of_the_pixels_follows_the_memory(memory_mb: str, pixels: int) -> None:
    assert Settings.from_env({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory_mb}).max_imgsz_pixels == pixels


def test_limit_of_the_pixels_is_a_setting() -> None:
    environ = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024", "MAX_IMGSZ_PIXELS": "1000"}
    assert Settings.from_env(environ).max_imgsz_pixels == 1000

"""Boxes of the function, in this process and in the built zips, against Ultralytics' own `predict`."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from function import model
from function.model import Model
from function.predictor import predict
from function.request import Options
from function.settings import Settings
from tests.conftest import ROOT
from tests.golden.compare import Rows, agreement, expected_rows, goldens, response_rows

WEIGHTS = ROOT / "example" / "best.pt"
GOLDENS = {golden["image"]: golden for golden in goldens()}
every_image = pytest.mark.parametrize("image", GOLDENS)


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Export the example weights with the command that users type."""

    def run(name: str, *options: str) -> Path:
        output = tmp_path_factory.mktemp("export") / name
        command = [sys.executable, "-m", "export", str(WEIGHTS), "--output", str(output), *options]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return output

    return run


@pytest.fixture(scope="session")
def dynamic(export: Callable[..., Path]) -> Model:
    return model.load(export("dynamic.onnx"), threads=1)


@pytest.fixture(scope="session")
def static(export: Callable[..., Path]) -> Model:
    return model.load(export("static.onnx", "--static"), threads=1)


@pytest.fixture(scope="session")
def zips(export: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The two zips, built by the script, running under the real runtime client."""
    from scripts.local_lambda.emulator import LocalLambda

    dist = tmp_path_factory.mktemp("dist")
    command = [str(ROOT / "scripts" / "build_zip.sh"), str(export("model.onnx")), "--out", str(dist)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with LocalLambda(dist) as function:
        yield function


def detected(served: Model, image: str) -> Rows:
    prediction = predict(served, Settings.from_env({}), (ROOT / image).read_bytes(), Options())
    assert prediction.size_wh == (GOLDENS[image]["width"], GOLDENS[image]["height"])
    return Rows(prediction.class_ids.tolist(), prediction.scores.tolist(), prediction.boxes_xyxy)


def test_golden_results_come_from_the_example_weights() -> None:
    sha256 = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert {golden["weights_sha256"] for golden in GOLDENS.values()} == {sha256}


def test_golden_images_have_enough_boxes() -> None:
    assert len(GOLDENS) >= 12
    assert sum(len(golden["detections"]) for golden in GOLDENS.values()) >= 60
    assert any(not golden["detections"] for golden in GOLDENS.values())


def test_missing_moved_and_extra_boxes_are_reported() -> None:
    boxes = np.array([[0, 0, 10, 10], [50, 50, 90, 90]], dtype=np.float32)
    expected = Rows([0, 1], [0.9, 0.8], boxes)
    assert agreement(expected, expected).holds
    assert agreement(expected, Rows([1, 0], [0.8, 0.9], boxes[::-1])).holds
    assert not agreement(expected, Rows([0], [0.9], boxes[:1])).holds
    assert not agreement(expected, Rows([0, 0], [0.9, 0.8], boxes)).holds
    assert not agreement(expected, Rows([0, 1], [0.9, 0.797], boxes)).holds
    assert not agreement(expected, Rows([0, 1], [0.9, 0.8], boxes + np.float32(0.2))).holds
    assert not agreement(expected, Rows([0, 1, 1], [0.9, 0.8, 0.3], np.concatenate((boxes, boxes[:1])))).holds


@pytest.mark.torch
@every_image
def test_dynamic_model_detects_the_same_boxes_as_predict(dynamic: Model, image: str) -> None:
    compared = agreement(expected_rows(GOLDENS[image], "detections"), detected(dynamic, image))
    assert compared.holds, compared


@pytest.mark.torch
@every_image
def test_static_model_detects_the_same_boxes_as_predict_in_the_square(static: Model, image: str) -> None:
    compared = agreement(expected_rows(GOLDENS[image], "square"), detected(static, image))
    assert compared.holds, compared


@pytest.mark.torch
@pytest.mark.build
@pytest.mark.runtime
@every_image
def test_zips_return_the_same_boxes_as_predict(zips: Any, image: str) -> None:
    from scripts.local_lambda.events import function_url_event

    response = zips.invoke(function_url_event((ROOT / image).read_bytes(), None)).response
    assert response["statusCode"] == 200
    compared = agreement(expected_rows(GOLDENS[image], "detections"), response_rows(json.loads(response["body"])))
    assert compared.holds, compared

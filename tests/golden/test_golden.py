"""Our boxes against Ultralytics' own `predict`, in this process and out of the built zips."""

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
from function.request import Options, Request
from function.settings import Settings
from tests.conftest import ROOT
from tests.golden.compare import Rows, agreement, goldens, response_rows, wanted_rows

WEIGHTS = ROOT / "example" / "best.pt"
GOLDENS = {golden["picture"]: golden for golden in goldens()}
every_picture = pytest.mark.parametrize("picture", GOLDENS)


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Export the example's weights, through the command that users type."""

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
    """The two zips, built by the script and running under the real runtime client."""
    from scripts.local_lambda.emulator import LocalLambda

    dist = tmp_path_factory.mktemp("dist")
    command = [str(ROOT / "scripts" / "build_zip.sh"), str(export("model.onnx")), "--out", str(dist)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with LocalLambda(dist) as function:
        yield function


def found(served: Model, picture: str) -> Rows:
    prediction = predict(served, Settings.from_env({}), Request((ROOT / picture).read_bytes(), None, Options()))
    assert prediction.size_wh == (GOLDENS[picture]["width"], GOLDENS[picture]["height"])
    return Rows(prediction.class_ids.tolist(), prediction.scores.tolist(), prediction.boxes_xyxy)


def test_the_golden_results_are_of_these_weights() -> None:
    sha256 = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert {golden["weights_sha256"] for golden in GOLDENS.values()} == {sha256}


def test_there_are_enough_golden_pictures_with_enough_boxes() -> None:
    assert len(GOLDENS) >= 12
    assert sum(len(golden["detections"]) for golden in GOLDENS.values()) >= 60
    assert any(not golden["detections"] for golden in GOLDENS.values())


def test_a_missing_a_moved_and_an_extra_box_are_noticed() -> None:
    boxes = np.array([[0, 0, 10, 10], [50, 50, 90, 90]], dtype=np.float32)
    wanted = Rows([0, 1], [0.9, 0.8], boxes)
    assert agreement(wanted, wanted).holds
    assert agreement(wanted, Rows([1, 0], [0.8, 0.9], boxes[::-1])).holds
    assert not agreement(wanted, Rows([0], [0.9], boxes[:1])).holds
    assert not agreement(wanted, Rows([0, 0], [0.9, 0.8], boxes)).holds
    assert not agreement(wanted, Rows([0, 1], [0.9, 0.797], boxes)).holds
    assert not agreement(wanted, Rows([0, 1], [0.9, 0.8], boxes + np.float32(0.2))).holds
    assert not agreement(wanted, Rows([0, 1, 1], [0.9, 0.8, 0.3], np.concatenate((boxes, boxes[:1])))).holds


@pytest.mark.torch
@every_picture
def test_a_dynamic_model_finds_what_predict_finds(dynamic: Model, picture: str) -> None:
    seen = agreement(wanted_rows(GOLDENS[picture], "detections"), found(dynamic, picture))
    assert seen.holds, seen


@pytest.mark.torch
@every_picture
def test_a_static_model_finds_what_predict_finds_in_the_square(static: Model, picture: str) -> None:
    seen = agreement(wanted_rows(GOLDENS[picture], "square"), found(static, picture))
    assert seen.holds, seen


@pytest.mark.torch
@pytest.mark.build
@pytest.mark.runtime
@every_picture
def test_the_zips_answer_what_predict_finds(zips: Any, picture: str) -> None:
    from scripts.local_lambda.events import function_url_event

    answer = zips.invoke(function_url_event((ROOT / picture).read_bytes(), None)).response
    assert answer["statusCode"] == 200
    seen = agreement(wanted_rows(GOLDENS[picture], "detections"), response_rows(json.loads(answer["body"])))
    assert seen.holds, seen

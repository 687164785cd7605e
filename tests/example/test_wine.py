"""The wine example: its ONNX file against the predictions of the regressor, and the numbers in its README."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from function import model
from function.settings import Settings
from function.tensors import inference
from function.tensors.model import TensorModel
from tests.conftest import ROOT

WINE = ROOT / "example" / "wine"
MAX_BYTES = 500_000  # of the model, to keep a clone small
TOLERANCE = 1e-5  # the regressor adds 200 trees in float64, ONNX in float32; measured: 1.1e-6


@pytest.fixture(scope="module")
def golden() -> Any:
    return json.loads((WINE / "golden.json").read_text())


@pytest.fixture(scope="module")
def served() -> TensorModel:
    loaded = model.load(WINE / "model.onnx", threads=1)
    assert isinstance(loaded, TensorModel)
    return loaded


def infer(served: TensorModel, fields: Any) -> Any:
    return inference.infer(served, Settings.from_env({}), fields).body


def test_model_agrees_with_the_regressor_on_the_test_set(served: TensorModel, golden: Any) -> None:
    rows = golden["rows"]
    assert len(rows) == golden["measured"]["wines_measured_on"] == 45
    tensor = {"name": "measurements", "shape": [45, 12], "datatype": "FP32", "data": rows}
    (output,) = infer(served, {"inputs": [tensor]})["outputs"]
    assert (output["name"], output["shape"]) == ("flavanoids", [45, 1])
    assert output["data"] == pytest.approx(golden["predictions"], abs=TOLERANCE)
    assert len(set(output["data"])) > 40


def test_request_has_the_first_two_wines_of_the_test_set(served: TensorModel, golden: Any) -> None:
    body = infer(served, json.loads((WINE / "request.json").read_text()))
    assert (body["id"], body["model_version"]) == ("two-wines", "1")
    assert body["outputs"][0]["data"] == pytest.approx(golden["predictions"][:2], abs=TOLERANCE)


def test_error_is_less_than_half_of_the_error_of_the_mean(golden: Any) -> None:
    measured = golden["measured"]
    assert measured["mean_absolute_error"] < measured["mean_absolute_error_of_the_mean"] / 2


def test_readme_has_the_metrics_and_the_measurements_in_order(golden: Any) -> None:
    readme = (WINE / "README.md").read_text()
    for name in ("r2", "mean_absolute_error", "mean_absolute_error_of_the_mean"):
        assert f"{golden['measured'][name]:.4f}" in readme
    positions = [readme.index(f"`{name}`") for name in golden["measurements"]]
    assert positions == sorted(positions)


def test_model_is_small() -> None:
    assert (WINE / "model.onnx").stat().st_size < MAX_BYTES


@pytest.mark.build
def test_training_again_writes_the_same_bytes(tmp_path: Path) -> None:
    environment = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "environments.py"), "wine"], capture_output=True, text=True, check=True
    )
    copy = tmp_path / "example" / "wine"
    copy.mkdir(parents=True)
    for name in ("__init__.py", "train.py"):
        shutil.copy(WINE / name, copy)
    subprocess.run(
        [environment.stdout.splitlines()[-1], "-m", "example.wine.train"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=True,
    )
    for name in ("model.onnx", "golden.json", "request.json"):
        assert (copy / name).read_bytes() == (WINE / name).read_bytes(), name

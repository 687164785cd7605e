"""The models of the task benchmark."""

from pathlib import Path

import pytest

from benchmarks import task_costs
from function import model
from function.model import Model
from function.predictor import predict
from function.request import Options
from function.results import Prediction
from function.settings import Settings


@pytest.mark.parametrize("task", ["detect", "segment", "pose", "obb"])
def test_model_returns_the_requested_number_of_instances(tmp_path: Path, task: str, red_png: bytes) -> None:
    path = tmp_path / "m.onnx"
    task_costs.save(path, task, 12, 60, 200)
    loaded = model.load(path, threads=1)
    assert isinstance(loaded, Model)
    prediction = predict(loaded, Settings.from_env({}), red_png, Options(conf=0.5, iou=1))
    assert isinstance(prediction, Prediction)
    assert prediction.scores.size == 12
    if task == "segment":
        assert prediction.masks is not None
        assert prediction.masks.polygons is not None
        assert all(len(polygons) == 1 for polygons in prediction.masks.polygons)

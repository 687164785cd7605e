"""The networks of `benchmarks tasks` answer what they were made to answer."""

from pathlib import Path

import pytest

from benchmarks import task_costs
from function import model
from function.model import Model
from function.predictor import predict
from function.request import Options, Request
from function.results import Prediction
from function.settings import Settings


@pytest.mark.parametrize("task", ["detect", "segment", "pose", "obb"])
def test_so_many_instances_are_found(tmp_path: Path, task: str, red_png: bytes) -> None:
    path = tmp_path / "m.onnx"
    task_costs.save(path, task, 12, 60, 200)
    served = model.load(path, threads=1)
    assert isinstance(served, Model)
    found = predict(served, Settings.from_env({}), Request(red_png, None, Options(conf=0.5, iou=1)))
    assert isinstance(found, Prediction)
    assert found.scores.size == 12
    if task == "segment":
        assert found.masks is not None
        assert found.masks.polygons is not None
        assert all(len(polygons) == 1 for polygons in found.masks.polygons)

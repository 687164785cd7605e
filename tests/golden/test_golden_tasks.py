"""Masks, keypoints, rotated boxes and classes of the example models against Ultralytics' own `predict`."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from function import model
from function.model import Model
from function.postprocess.boxes import iou_one_to_many
from function.predictor import predict
from function.preprocess import letterbox
from function.request import Options
from function.results import Classification, Prediction
from function.settings import Settings
from scripts.bundle import model as bundled
from scripts.bundle import optimize
from tests.conftest import ROOT
from tests.matrix.compare import filled, mask_from_runs, overlap

GOLDENS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "tests/golden/tasks").glob("*.json"))}
IMAGES = [(task, index) for task, golden in GOLDENS.items() for index in range(len(golden["images"]))]
IOU_MIN = 0.995
CONFIDENCE_MAX = 0.002
KEYPOINT_MAX = 0.1  # px
ANGLE_MAX = 0.001  # rad
MASK_MIN = 0.99  # rounding can change a pixel of the border


@pytest.fixture(scope="session", params=["exported", "optimized"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Model]:
    """The example model of a task, exported with the command that users type, or as the zips have it."""
    models: dict[str, Model] = {}

    def load(task: str) -> Model:
        if task not in models:
            output = tmp_path_factory.mktemp("export") / f"{task}.onnx"
            command = [sys.executable, "-m", "export", GOLDENS[task]["weights"], "--output", str(output)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            if request.param == "optimized":
                output = optimize.optimize(bundled.read(output), output.parent).info.path
            loaded = model.load(output, threads=1)
            assert isinstance(loaded, Model)
            models[task] = loaded
        return models[task]

    return load


def predicted(served: Model, golden: dict[str, Any]) -> Prediction | Classification:
    masks = "rle" if served.metadata.task == "segment" else "polygons"
    data = (ROOT / golden["image"]).read_bytes()
    prediction = predict(served, Settings.from_env({}), data, Options(masks=masks))
    assert prediction.size_wh == (golden["width"], golden["height"])
    return prediction


def mask_of(row: dict[str, Any]) -> np.ndarray:
    runs = [np.full(int(count), index % 2 == 1) for index, count in enumerate(row["mask"]["runs"].split())]
    return np.concatenate(runs).reshape(row["mask"]["size"])


@pytest.mark.parametrize("task", ["segment", "pose", "obb", "classify"])
def test_golden_results_of_each_task_come_from_its_weights(task: str) -> None:
    golden = GOLDENS[task]
    assert golden["weights_sha256"] == hashlib.sha256((ROOT / golden["weights"]).read_bytes()).hexdigest()
    assert len(golden["images"]) >= 4
    if task != "classify":
        assert sum(len(image["detections"]) for image in golden["images"]) >= 4


@pytest.mark.torch
@pytest.mark.parametrize(("task", "index"), IMAGES)
def test_task_returns_the_same_results_as_predict(served: Callable[[str], Model], task: str, index: int) -> None:
    golden = GOLDENS[task]["images"][index]
    prediction = predicted(served(task), golden)
    if isinstance(prediction, Classification):
        assert prediction.class_ids.tolist() == [row["class_id"] for row in golden["top"]]
        np.testing.assert_allclose(
            prediction.scores, [row["confidence"] for row in golden["top"]], rtol=0, atol=CONFIDENCE_MAX
        )
        return
    expected = golden["detections"]
    assert prediction.class_ids.tolist() == [row["class_id"] for row in expected]
    np.testing.assert_allclose(prediction.scores, [row["confidence"] for row in expected], rtol=0, atol=CONFIDENCE_MAX)
    for row, box in zip(expected, prediction.boxes_xyxy, strict=True):
        assert iou_one_to_many(np.array(row["xyxy"], dtype=np.float32), box[None])[0] >= IOU_MIN


@pytest.mark.torch
def test_keypoints_equal_those_of_predict(served: Callable[[str], Model]) -> None:
    for golden in GOLDENS["pose"]["images"]:
        prediction = predicted(served("pose"), golden)
        assert isinstance(prediction, Prediction)
        assert prediction.keypoints is not None
        expected = np.array([row["keypoints"] for row in golden["detections"]]).reshape(prediction.keypoints.shape)
        assert np.abs(prediction.keypoints[..., :2] - expected[..., :2]).max(initial=0) <= KEYPOINT_MAX
        assert np.abs(prediction.keypoints[..., 2:] - expected[..., 2:]).max(initial=0) <= CONFIDENCE_MAX


@pytest.mark.torch
def test_rotated_boxes_equal_those_of_predict(served: Callable[[str], Model]) -> None:
    from function.postprocess.obb import corners

    for golden in GOLDENS["obb"]["images"]:
        prediction = predicted(served("obb"), golden)
        assert isinstance(prediction, Prediction)
        assert prediction.boxes_cxcywhr is not None
        expected = np.array([row["xywhr"] for row in golden["detections"]]).reshape(-1, 5)
        assert np.abs(prediction.boxes_cxcywhr[:, 4] - expected[:, 4]).max(initial=0) <= ANGLE_MAX
        points = np.array([row["corners"] for row in golden["detections"]]).reshape(-1, 4, 2)
        assert np.abs(corners(prediction.boxes_cxcywhr) - points).max(initial=0) <= KEYPOINT_MAX


@pytest.mark.torch
def test_masks_equal_those_of_predict(served: Callable[[str], Model]) -> None:
    metadata = served("segment").metadata
    for golden in GOLDENS["segment"]["images"]:
        prediction = predicted(served("segment"), golden)
        assert isinstance(prediction, Prediction)
        assert prediction.masks is not None
        assert prediction.masks.polygons is not None
        assert prediction.masks.run_lengths is not None
        geometry = letterbox.fit(prediction.size_wh, metadata.imgsz_hw, metadata.stride, metadata.rectangular)
        bottom, right = geometry.top + geometry.resized_h, geometry.left + geometry.resized_w
        inner = np.s_[geometry.top : bottom, geometry.left : right]
        for row, polygons in zip(golden["detections"], prediction.masks.polygons, strict=True):
            assert overlap(mask_of(row)[inner], filled(polygons, geometry)[inner]) >= MASK_MIN
        for row, runs in zip(golden["native"], prediction.masks.run_lengths, strict=True):
            assert overlap(mask_of(row), mask_from_runs(runs, prediction.size_wh)) >= MASK_MIN

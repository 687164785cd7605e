"""Boxes and classes at other input sizes, against Ultralytics' own `predict`."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from function import model
from function.model import Model
from function.postprocess import obb
from function.postprocess.boxes import iou_one_to_many
from function.predictor import predict
from function.request import read_options
from function.results import Classification, Prediction
from function.settings import Settings
from scripts.bundle import model as bundled
from scripts.bundle import optimize
from tests.conftest import ROOT

GOLDENS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "tests/golden/sizes").glob("*.json"))}
CASES = [(task, index) for task, golden in GOLDENS.items() for index in range(len(golden["results"]))]
IOU_MIN = 0.9997
CONFIDENCE_MAX = 1e-4


# Ours of a classifier is static, so that Ultralytics itself exports the example.
DYNAMIC_EXPORT = """
from export import ultralytics_setup
ultralytics_setup.prepare()
ultralytics_setup.patch_torchvision()
from ultralytics import YOLO
YOLO({weights!r}).export(format="onnx", dynamic=True, device="cpu")
"""


@pytest.fixture(scope="session")
def served(
    tmp_path_factory: pytest.TempPathFactory, in_export_environment: Callable[[str], str]
) -> Callable[[str], Model]:
    """The example model of a task as the zips have it, made with the commands that users type."""
    models: dict[str, Model] = {}

    def load(task: str) -> Model:
        if task not in models:
            folder = tmp_path_factory.mktemp("sizes")
            weights = ROOT / GOLDENS[task]["weights"]
            if task == "classify":
                shutil.copy(weights, folder / "model.pt")
                in_export_environment(DYNAMIC_EXPORT.format(weights=str(folder / "model.pt")))
            else:
                command = [sys.executable, "-m", "export", str(weights), "--output", str(folder / "model.onnx")]
                done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
            loaded = model.load(optimize.optimize(bundled.read(folder / "model.onnx"), folder).info.path, threads=1)
            assert isinstance(loaded, Model)
            models[task] = loaded
        return models[task]

    return load


def predicted(served: Model, golden: dict[str, Any], result: dict[str, Any]) -> Prediction | Classification:
    options = read_options({"imgsz": result["imgsz"], "conf": golden["conf"], "iou": golden["iou"]})
    return predict(served, Settings.from_env({}), (ROOT / result["image"]).read_bytes(), options)


@pytest.mark.parametrize("task", ["detect", "segment", "pose", "obb", "classify"])
def test_golden_results_of_sizes_come_from_the_weights(task: str) -> None:
    golden = GOLDENS[task]
    assert golden["weights_sha256"] == hashlib.sha256((ROOT / golden["weights"]).read_bytes()).hexdigest()
    assert {160, 320, 640, 1280, 1920} <= {json.dumps(one["imgsz"]) and one["used"][0] for one in golden["results"]}
    assert sum(len(one.get("boxes", one.get("probabilities"))) for one in golden["results"]) >= 50


@pytest.mark.torch
@pytest.mark.parametrize(("task", "index"), CASES)
def test_size_of_a_request_gives_the_results_of_predict(served: Callable[[str], Model], task: str, index: int) -> None:
    golden = GOLDENS[task]
    result = golden["results"][index]
    actual = predicted(served(task), golden, result)
    assert list(actual.metadata.imgsz_hw) == result["used"]
    if isinstance(actual, Classification):
        scores = np.zeros(len(result["probabilities"]))
        scores[actual.class_ids] = actual.scores
        assert actual.class_ids.tolist() == np.argsort(result["probabilities"])[::-1][: len(actual.class_ids)].tolist()
        assert np.abs(scores - result["probabilities"]).max() <= CONFIDENCE_MAX
        return
    require_same_boxes(result, actual)


def require_same_boxes(result: dict[str, Any], actual: Prediction) -> None:
    """Check that each expected box has its own actual box of its class, and that there are no others."""
    expected = np.array(result["boxes"], np.float32)
    assert len(actual.scores) == len(expected)
    left = np.ones(len(expected), bool)
    for box, class_id, confidence in zip(expected, result["class_ids"], result["confidences"], strict=True):
        overlap = overlaps(box, actual) * (left & (actual.class_ids == class_id))
        overlap[np.abs(actual.scores - confidence) > CONFIDENCE_MAX] = 0
        best = int(overlap.argmax())
        assert overlap[best] >= IOU_MIN, (box, class_id, confidence)
        left[best] = False


def overlaps(box: Any, actual: Prediction) -> Any:
    """IoU of a box, or of a rotated box, with each actual one."""
    if actual.boxes_cxcywhr is None:
        return iou_one_to_many(box, actual.boxes_xyxy)
    (first,) = obb.corners(box[None].astype(np.float64))
    found = [intersection(first, second) for second in obb.corners(actual.boxes_cxcywhr.astype(np.float64))]
    areas = actual.boxes_cxcywhr[:, 2:4].astype(np.float64).prod(axis=1) + box[2:4].astype(np.float64).prod()
    return np.array(found) / (areas - found)


def intersection(first: Any, second: Any) -> float:
    """Area that two convex quadrangles share, (4, 2) corners in the same order of rotation each."""
    points = list(first)
    for start, end in zip(second, np.roll(second, -1, axis=0), strict=True):
        sides = [float(np.linalg.det([end - start, point - start])) for point in points]
        clipped = []
        for index, point in enumerate(points):
            before, side = sides[index - 1], sides[index]
            if before * side < 0:
                clipped.append(points[index - 1] + (point - points[index - 1]) * before / (before - side))
            if side <= 0:
                clipped.append(point)
        points = clipped
    x, y = np.array(points).reshape(-1, 2).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def test_rotated_boxes_are_compared_by_the_area_that_they_share() -> None:
    box = np.array([10, 10, 8, 4, 0.5])
    (corners,) = obb.corners(box[None])
    along = np.array([np.cos(0.5), np.sin(0.5)])
    assert intersection(corners, corners) == pytest.approx(32)
    assert intersection(corners, corners + 2 * along) == pytest.approx(24)
    assert intersection(corners, corners + 9 * along) == 0

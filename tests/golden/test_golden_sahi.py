"""Detections in tiles against those of SAHI, which cuts the same tiles and runs Ultralytics on them."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from function import model
from function.arrays import Floats
from function.model import Model
from function.postprocess import obb
from function.postprocess.boxes import iou_many_to_many
from function.predictor import predict
from function.request import read_options
from function.results import Prediction
from function.settings import Settings
from tests.conftest import ROOT

GOLDENS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "tests/golden/sahi").glob("*.json"))}
CASES = range(4)
MERGES = {"NMS": "nms"}
IOU_MIN = 0.99
MATCHED_MIN = 0.99
EXTRA_MAX = 0.01
CORNER_MAX = 1.0  # px
MASK_IOU_MIN = 0.7  # SAHI's boxes are around the masks, ours are those of the network
LOW_CONF = 2  # case


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Model]:
    """The example model of a task, exported with the command that users type."""
    models: dict[str, Model] = {}

    def load(task: str) -> Model:
        if task not in models:
            output = tmp_path_factory.mktemp("export") / f"{task}.onnx"
            command = [sys.executable, "-m", "export", GOLDENS[task]["weights"], "--output", str(output)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            loaded = model.load(output, threads=1)
            assert isinstance(loaded, Model)
            models[task] = loaded
        return models[task]

    return load


def predicted(served: Model, image: str, case: dict[str, Any]) -> Prediction:
    tile = {"size": case["size"], "overlap": case.get("overlap", 0.2), "full": case.get("full", True)}
    fields = {"tile": tile, "merge": MERGES.get(case.get("merge", "")), "max_det": 3000, "conf": case.get("conf")}
    options = read_options(fields | {"agnostic": case.get("agnostic")})
    result = predict(served, Settings.from_env({}), (ROOT / image).read_bytes(), options)
    assert isinstance(result, Prediction)
    return result


def agreement(objects: list[dict[str, Any]], result: Prediction) -> Floats:
    """Return the IoU of each of SAHI's boxes with each of ours of its class; 0 or 1 for rotated boxes."""
    same_class = np.array([item["class_id"] for item in objects])[:, None] == result.class_ids
    if result.boxes_cxcywhr is None:
        expected = np.array([item["box_xyxy"] for item in objects], dtype=np.float32).reshape(-1, 4)
        return iou_many_to_many(expected, result.boxes_xyxy) * same_class
    corners = np.array([item["corners"] for item in objects]).reshape(-1, 1, 8)
    distance = np.abs(corners - obb.corners(result.boxes_cxcywhr).reshape(1, -1, 8)).max(axis=2)
    return (distance <= CORNER_MAX).astype(np.float32) * same_class


def counts(served: Model, task: str, number: int, iou: float) -> tuple[int, int, int]:
    """Return how many boxes SAHI has in all images, how many of them are matched, and how many the function has."""
    golden, case = GOLDENS[task], GOLDENS[task]["cases"][number]
    expected = matched = actual = 0
    for image, objects in zip(golden["images"], case["objects"], strict=True):
        result = predicted(served, image, case)
        values = agreement(objects, result)
        expected, actual = expected + len(objects), actual + len(result.scores)
        matched += int((values.max(axis=1, initial=0) >= iou).sum())
    return expected, matched, actual


@pytest.mark.parametrize("task", GOLDENS)
def test_golden_results_come_from_the_weights(task: str) -> None:
    golden = GOLDENS[task]
    assert golden["weights_sha256"] == hashlib.sha256((ROOT / golden["weights"]).read_bytes()).hexdigest()
    assert len(golden["cases"]) == len(CASES)
    assert all(len(case["objects"]) == len(golden["images"]) for case in golden["cases"])


@pytest.mark.torch
@pytest.mark.parametrize("case", CASES)
def test_boxes_equal_those_of_sahi(served: Callable[[str], Model], case: int) -> None:
    expected, matched, actual = counts(served("detect"), "detect", case, IOU_MIN)
    assert expected >= 90
    assert matched >= MATCHED_MIN * expected
    assert actual - matched <= EXTRA_MAX * expected


@pytest.mark.torch
@pytest.mark.parametrize("case", [number for number in CASES if number != LOW_CONF])
def test_every_rotated_box_of_sahi_is_found(served: Callable[[str], Model], case: int) -> None:
    """SAHI compares upright boxes around rotated ones, and drops neighbors that do not overlap."""
    expected, matched, actual = counts(served("obb"), "obb", case, 1)
    assert matched == expected
    assert actual - matched <= 0.1 * expected


@pytest.mark.torch
@pytest.mark.parametrize("case", CASES)
def test_objects_with_masks_are_those_of_sahi(served: Callable[[str], Model], case: int) -> None:
    expected, matched, actual = counts(served("segment"), "segment", case, MASK_IOU_MIN)
    assert matched >= 0.95 * expected
    assert abs(actual - expected) <= 0.02 * expected

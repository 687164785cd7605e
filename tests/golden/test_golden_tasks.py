"""Masks, keypoints, rotated boxes and classes against Ultralytics' own `predict`, with the trained examples."""

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
from function.request import Options, Request
from function.results import Classification, Prediction
from function.settings import Settings
from tests.conftest import ROOT
from tests.matrix.compare import filled, overlap, painted

GOLDENS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "tests/golden/tasks").glob("*.json"))}
PICTURES = [(task, index) for task, golden in GOLDENS.items() for index in range(len(golden["pictures"]))]
IOU_MIN = 0.995
CONFIDENCE_MAX = 0.002
KEYPOINT_MAX = 0.1  # px
ANGLE_MAX = 0.001  # rad
MASK_MIN = 0.99  # a pixel of the border may fall to the other side


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Model]:
    """The example of a task, exported through the command that users type."""
    models: dict[str, Model] = {}

    def load(task: str) -> Model:
        if task not in models:
            output = tmp_path_factory.mktemp("export") / f"{task}.onnx"
            command = [sys.executable, "-m", "export", GOLDENS[task]["weights"], "--output", str(output)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            found = model.load(output, threads=1)
            assert isinstance(found, Model)
            models[task] = found
        return models[task]

    return load


def found_in(served: Model, picture: dict[str, Any]) -> Prediction | Classification:
    masks = "rle" if served.metadata.task == "segment" else "polygons"
    request = Request((ROOT / picture["picture"]).read_bytes(), None, Options(masks=masks))
    found = predict(served, Settings.from_env({}), request)
    assert found.size_wh == (picture["width"], picture["height"])
    return found


def mask_of(row: dict[str, Any]) -> np.ndarray:
    runs = [np.full(int(count), index % 2 == 1) for index, count in enumerate(row["mask"]["runs"].split())]
    return np.concatenate(runs).reshape(row["mask"]["size"])


@pytest.mark.parametrize("task", ["segment", "pose", "obb", "classify"])
def test_every_task_has_golden_results_of_its_weights(task: str) -> None:
    golden = GOLDENS[task]
    assert golden["weights_sha256"] == hashlib.sha256((ROOT / golden["weights"]).read_bytes()).hexdigest()
    assert len(golden["pictures"]) >= 4
    if task != "classify":
        assert sum(len(picture["detections"]) for picture in golden["pictures"]) >= 4


@pytest.mark.torch
@pytest.mark.parametrize(("task", "index"), PICTURES)
def test_a_task_answers_what_predict_answers(served: Callable[[str], Model], task: str, index: int) -> None:
    picture = GOLDENS[task]["pictures"][index]
    found = found_in(served(task), picture)
    if isinstance(found, Classification):
        assert found.class_ids.tolist() == [row["class_id"] for row in picture["top"]]
        np.testing.assert_allclose(
            found.scores, [row["confidence"] for row in picture["top"]], rtol=0, atol=CONFIDENCE_MAX
        )
        return
    wanted = picture["detections"]
    assert found.class_ids.tolist() == [row["class_id"] for row in wanted]
    np.testing.assert_allclose(found.scores, [row["confidence"] for row in wanted], rtol=0, atol=CONFIDENCE_MAX)
    for row, box in zip(wanted, found.boxes_xyxy, strict=True):
        assert iou_one_to_many(np.array(row["xyxy"], dtype=np.float32), box[None])[0] >= IOU_MIN


@pytest.mark.torch
def test_keypoints_are_where_predict_puts_them(served: Callable[[str], Model]) -> None:
    for picture in GOLDENS["pose"]["pictures"]:
        found = found_in(served("pose"), picture)
        assert isinstance(found, Prediction)
        assert found.keypoints is not None
        wanted = np.array([row["keypoints"] for row in picture["detections"]]).reshape(found.keypoints.shape)
        assert np.abs(found.keypoints[..., :2] - wanted[..., :2]).max(initial=0) <= KEYPOINT_MAX
        assert np.abs(found.keypoints[..., 2:] - wanted[..., 2:]).max(initial=0) <= CONFIDENCE_MAX


@pytest.mark.torch
def test_boxes_are_turned_as_predict_turns_them(served: Callable[[str], Model]) -> None:
    from function.postprocess.obb import corners

    for picture in GOLDENS["obb"]["pictures"]:
        found = found_in(served("obb"), picture)
        assert isinstance(found, Prediction)
        assert found.boxes_cxcywhr is not None
        wanted = np.array([row["xywhr"] for row in picture["detections"]]).reshape(-1, 5)
        assert np.abs(found.boxes_cxcywhr[:, 4] - wanted[:, 4]).max(initial=0) <= ANGLE_MAX
        points = np.array([row["corners"] for row in picture["detections"]]).reshape(-1, 4, 2)
        assert np.abs(corners(found.boxes_cxcywhr) - points).max(initial=0) <= KEYPOINT_MAX


@pytest.mark.torch
def test_masks_are_those_of_predict(served: Callable[[str], Model]) -> None:
    facts = served("segment").metadata
    for picture in GOLDENS["segment"]["pictures"]:
        found = found_in(served("segment"), picture)
        assert isinstance(found, Prediction)
        assert found.masks is not None
        assert found.masks.polygons is not None
        assert found.masks.run_lengths is not None
        box = letterbox.fit(found.size_wh, facts.imgsz_hw, facts.stride, facts.rectangular)
        inner = np.s_[box.top : box.top + box.resized_h, box.left : box.left + box.resized_w]
        for row, polygons in zip(picture["detections"], found.masks.polygons, strict=True):
            assert overlap(mask_of(row)[inner], filled(polygons, box)[inner]) >= MASK_MIN
        for row, runs in zip(picture["native"], found.masks.run_lengths, strict=True):
            assert overlap(mask_of(row), painted(runs, found.size_wh)) >= MASK_MIN

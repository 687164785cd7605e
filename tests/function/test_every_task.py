"""Every task from the encoded image to the prediction, with models whose outputs are known: options, limits, NaN.

Input and image have the same size, so that a box of the output is the box of the result.
"""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from function import model, predictor
from function.errors import InternalError
from function.model import Model
from function.request import Options
from function.results import Classification, Prediction
from function.settings import Settings
from tests.conftest import encode, image_with_box
from tests.support import fixed_output_model

SIDE = 64
ANCHORS = 84  # of a model with the strides 8, 16 and 32 at 64 px
IMAGE = encode(image_with_box((SIDE, SIDE), (0, 0, 8, 8)))
COMMON = {"stride": "32", "imgsz": f"[{SIDE}, {SIDE}]", "names": "{0: 'red', 1: 'blue'}"}
# Two boxes with an IoU of 1/2 (center and size), each with the scores of both classes.
SAME_CLASS = [(20, 20, 16, 16, 0.9, 0.1), (20, 20, 16, 8, 0.8, 0.1)]
TWO_CLASSES = [(20, 20, 16, 16, 0.9, 0.1), (20, 20, 16, 16, 0.1, 0.8)]  # IoU 1
EXTRAS = {"detect": 0, "obb": 1, "pose": 4, "segment": 8}


def columns(task: str, rows: list[tuple[float, ...]], count: int = ANCHORS) -> np.ndarray:
    """(1, 4+2+E, A): the rows, and background with boxes of their own."""
    output = np.zeros((1, 6 + EXTRAS[task], count), np.float32)
    output[0, :4] = np.array([[60, 60, 3, 3]], np.float32).T
    for anchor, row in enumerate(rows):
        output[0, : len(row), anchor] = row
    return output


def load(folder: Path, task: str, outputs: list[np.ndarray], **metadata: str) -> Model:
    entries = {**COMMON, "task": task, **metadata}
    if task == "pose":
        entries["kpt_shape"] = "[2, 2]"
    served = model.load(fixed_output_model.save(folder / f"{task}.onnx", outputs, entries, side=SIDE), threads=1)
    assert isinstance(served, Model)
    return served


def with_anchors(folder: Path, task: str, rows: list[tuple[float, ...]]) -> Model:
    prototypes = [np.ones((1, EXTRAS[task], 16, 16), np.float32)] if task == "segment" else []
    output = columns(task, rows)
    if task == "segment":
        output[0, 6:] = 1  # every pixel of the box belongs to the mask
    return load(folder, task, [output, *prototypes])


def predict(served: Model, environ: dict[str, str] | None = None, **options: Any) -> Prediction:
    result = predictor.predict(served, Settings.from_env(environ or {}), IMAGE, Options(**options))
    assert isinstance(result, Prediction)
    return result


@pytest.mark.parametrize("task", EXTRAS)
@pytest.mark.parametrize(
    ("environ", "options", "class_ids"),
    [
        ({}, {}, [0, 1]),
        ({}, {"agnostic": True}, [0]),
        ({"AGNOSTIC_NMS": "1"}, {}, [0]),
        ({"AGNOSTIC_NMS": "1"}, {"agnostic": False}, [0, 1]),
    ],
)
def test_agnostic_nms_drops_the_overlapping_box_of_another_class(
    tmp_path: Path, task: str, environ: dict[str, str], options: dict[str, Any], class_ids: list[int]
) -> None:
    served = with_anchors(tmp_path, task, TWO_CLASSES)
    assert predict(served, environ, **options).class_ids.tolist() == class_ids


@pytest.mark.parametrize("task", ["detect", "pose", "segment"])
@pytest.mark.parametrize(
    ("environ", "options", "count"),
    [
        ({}, {"iou": 0.4}, 1),
        ({}, {"iou": 0.6}, 2),
        ({"IOU_THRESHOLD": "0.4"}, {}, 1),
        ({"IOU_THRESHOLD": "0.4"}, {"iou": 0.6}, 2),
        ({"IOU_THRESHOLD": "0.6"}, {"iou": 0.4}, 1),
    ],
)
def test_box_with_an_iou_above_the_threshold_is_dropped(
    tmp_path: Path, task: str, environ: dict[str, str], options: dict[str, Any], count: int
) -> None:
    assert len(predict(with_anchors(tmp_path, task, SAME_CLASS), environ, **options).scores) == count


@pytest.mark.parametrize(("iou", "count"), [(0.01, 1), (0.99, 2)])
def test_iou_threshold_is_used_for_rotated_boxes(tmp_path: Path, iou: float, count: int) -> None:
    assert len(predict(with_anchors(tmp_path, "obb", SAME_CLASS), iou=iou).scores) == count


@pytest.mark.parametrize(
    ("options", "has_polygons", "has_run_lengths"),
    [
        ({}, True, False),
        ({"masks": "polygons"}, True, False),
        ({"masks": "rle"}, True, True),
        ({"masks": "none"}, False, False),
    ],
)
def test_masks_option_selects_polygons_and_run_lengths(
    tmp_path: Path, options: dict[str, Any], has_polygons: bool, has_run_lengths: bool
) -> None:
    masks = predict(with_anchors(tmp_path, "segment", SAME_CLASS[:1]), **options).masks
    assert masks is not None
    assert (masks.polygons is not None, masks.run_lengths is not None) == (has_polygons, has_run_lengths)


@pytest.mark.parametrize(("environ", "options"), [({}, {"max_det": 2}), ({"MAX_DETECTIONS": "2"}, {})])
def test_end_to_end_rows_are_limited_by_max_det(
    tmp_path: Path, environ: dict[str, str], options: dict[str, Any]
) -> None:
    rows = np.zeros((1, 300, 6), np.float32)
    for number in range(5):
        rows[0, number] = (8 * number, 0, 8 * number + 6, 6, 0.9 - number / 10, 1)
    served = load(tmp_path, "detect", [rows], end2end="True")
    assert len(predict(served).scores) == 5
    np.testing.assert_allclose(predict(served, environ, **options).scores, [0.9, 0.8])


@pytest.mark.parametrize("class_id", [-1, 2])
def test_class_id_without_a_name_is_an_internal_error(tmp_path: Path, class_id: int) -> None:
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, 0] = (0, 0, 6, 6, 0.9, class_id)
    with pytest.raises(InternalError, match="class id that is none of its 2 classes"):
        predict(load(tmp_path, "detect", [rows], end2end="True"))


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("task", "row"), [("obb", 6), ("pose", 6), ("pose", 9), ("segment", 6), ("obb", 2), ("pose", 0)]
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nan_or_infinity_behind_the_scores_is_an_internal_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, row: int, number: float
) -> None:
    served = with_anchors(tmp_path, task, SAME_CLASS[:1])
    broken = model.run(served, np.zeros((1, 3, SIDE, SIDE), np.float32))
    broken[0] = broken[0].copy()
    broken[0][0, row, 0] = number
    monkeypatch.setattr(model, "run", lambda *_: broken)
    with pytest.raises(InternalError, match="contains NaN or infinity"):
        predict(served)


@pytest.mark.parametrize("row", [0, 1])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_rotated_box_that_overflows_is_an_internal_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: int
) -> None:
    served = with_anchors(tmp_path, "obb", SAME_CLASS[:1])
    broken = model.run(served, np.zeros((1, 3, SIDE, SIDE), np.float32))
    broken[0] = broken[0].copy()
    broken[0][0, row, 0] = 3e38  # finite, but not after its conversion to the larger image
    monkeypatch.setattr(model, "run", lambda *_: broken)
    large = encode(image_with_box((SIDE * 4, SIDE * 4), (0, 0, 8, 8)))
    with pytest.raises(InternalError, match="contains NaN or infinity"):
        predictor.predict(served, Settings.from_env({}), large, Options())


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_nan_or_infinity_in_probabilities_is_an_internal_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: float
) -> None:
    served = load(tmp_path, "classify", [np.array([[0.25, 0.75]])])
    monkeypatch.setattr(model, "run", lambda *_: [np.array([[number, 0.75]], np.float32)])
    with pytest.raises(InternalError, match="contains NaN or infinity"):
        predictor.predict(served, Settings.from_env({}), IMAGE, Options())


def test_probabilities_are_returned_best_first(tmp_path: Path) -> None:
    served = load(tmp_path, "classify", [np.array([[0.25, 0.75]])])
    result = predictor.predict(served, Settings.from_env({}), IMAGE, Options())
    assert isinstance(result, Classification)
    assert (result.scores.tolist(), result.class_ids.tolist()) == ([0.75, 0.25], [1, 0])


def test_box_of_a_stretched_input_is_not_clipped_to_the_image(tmp_path: Path) -> None:
    """As in Ultralytics 8.4.190, `RTDETRPredictor.postprocess`, which scales the boxes and clips none."""
    queries = np.zeros((1, 300, 6), np.float32)
    queries[0, 0] = (0.9, 0.1, 0.4, 0.4, 0.9, 0.1)
    served = load(tmp_path, "detect", [queries], head="RTDETRDecoder")
    np.testing.assert_allclose(predict(served).boxes_xyxy, [[44.8, -6.4, 70.4, 19.2]], atol=1e-4)


def test_box_of_a_letterbox_is_clipped_to_the_image(tmp_path: Path) -> None:
    served = with_anchors(tmp_path, "detect", [(60, 2, 16, 16, 0.9, 0.1)])
    assert predict(served).boxes_xyxy.tolist() == [[52, 0, 64, 10]]


@pytest.mark.parametrize("box", [(70, 32, 8, 20), (32, 70, 20, 8), (-6, 32, 8, 20), (32, -6, 20, 8)])
def test_box_beside_the_input_has_no_mask(tmp_path: Path, box: tuple[float, ...]) -> None:
    served = with_anchors(tmp_path, "segment", [(*box, 0.9, 0.1), (20, 20, 16, 16, 0.8, 0.1)])
    assert predict(served).boxes_xyxy.tolist() == [[12, 12, 28, 28]]


def test_float16_outputs_are_decoded_in_float32(tmp_path: Path) -> None:
    """In float16, the offset of a class is larger than the boxes, and every box of one class would be the same."""
    path = tmp_path / "half.onnx"
    output = columns("detect", [(20, 20, 16, 16, 0.1, 0.9), (44, 20, 16, 16, 0.1, 0.8)])
    fixed_output_model.save(path, [output], {**COMMON, "task": "detect"}, side=SIDE, dtype=np.float16)
    served = model.load(path, threads=1)
    assert isinstance(served, Model)
    outputs = model.run(served, np.zeros((1, 3, SIDE, SIDE), np.float32))
    assert [output.dtype for output in outputs] == [np.float32]
    assert predict(served).boxes_xyxy.tolist() == [[12, 12, 28, 28], [36, 12, 52, 28]]


def test_steps_have_their_own_times_in_milliseconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.accumulate([100, 0.001, 0.02, 0.3, 4, 1e9])  # the step in seconds before each reading
    monkeypatch.setattr(predictor, "perf_counter", lambda: next(clock))
    timing = predict(with_anchors(tmp_path, "detect", SAME_CLASS)).timing
    assert timing._asdict() == pytest.approx({"read": 1, "preprocess": 20, "inference": 300, "postprocess": 4000})

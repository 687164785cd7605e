"""The fields that each task adds to an answer."""

import json

import numpy as np
import pytest

from function.api import response
from function.metadata import ModelMetadata
from function.postprocess.segment import Masks
from function.results import Classification, Prediction, Timing

FACTS = ModelMetadata("detect", {0: "gauge", 1: "clock"}, (320, 320), 32, True, "0" * 64)
TIMING = Timing(1.26, 2, 3, 4)
BOXES = np.array([[10, 20, 30, 60], [0, 0, 50, 100]], dtype=np.float32)
FOUND = Prediction("a.jpg", (200, 100), BOXES, np.array([0.91239, 0.5], np.float32), np.array([1, 0]), FACTS, TIMING)


def rows(prediction: Prediction) -> list[dict]:
    """As a reader of the JSON sees them."""
    return json.loads(json.dumps(response.result_body(prediction), allow_nan=False))["detections"]


def test_a_box_alone_has_the_fields_of_a_box() -> None:
    first, second = rows(FOUND)
    assert first == {
        "class_name": "clock",
        "class_id": 1,
        "confidence": 0.9124,
        "box_2d": {"x_min": 10, "y_min": 20, "x_max": 30, "y_max": 60},
        "normalized_box": {"x_center": 0.1, "y_center": 0.4, "width": 0.1, "height": 0.4},
    }
    assert second["class_name"] == "gauge"


def test_an_instance_has_its_polygons() -> None:
    square = np.array([[10, 20], [30, 20], [30, 60.123]], dtype=np.float32)
    first, second = rows(FOUND._replace(masks=Masks(np.arange(2), [[square], [square, square]], None)))
    assert first["segments"] == [[[10, 20], [30, 20], [30, 60.12]]]
    assert len(second["segments"]) == 2
    assert "mask" not in first


def test_run_lengths_come_beside_the_polygons_as_coco_writes_them() -> None:
    masks = Masks(np.arange(2), [[], []], [[20000], [0, 100, 19900]])
    first, second = rows(FOUND._replace(masks=masks))
    assert first == rows(FOUND)[0] | {"segments": [], "mask": {"size": [100, 200], "counts": "Pac0"}}
    assert second["mask"] == {"size": [100, 200], "counts": "0T3l]c0"}


def test_masks_that_were_not_asked_for_leave_boxes() -> None:
    assert rows(FOUND._replace(masks=Masks(np.arange(2), None, None))) == rows(FOUND)


def test_keypoints_have_a_place_and_a_confidence() -> None:
    points = np.array([[[1.234, 2, 0.56789]], [[3, 4, 0]]], dtype=np.float32)
    first, second = rows(FOUND._replace(keypoints=points))
    assert first["keypoints"] == [{"x": 1.23, "y": 2, "confidence": 0.5679}]
    assert second["keypoints"] == [{"x": 3, "y": 4, "confidence": 0}]


def test_keypoints_of_a_model_without_visibility_have_no_confidence() -> None:
    first, _ = rows(FOUND._replace(keypoints=np.zeros((2, 3, 2), dtype=np.float32)))
    assert first["keypoints"] == [{"x": 0, "y": 0}] * 3


def test_a_rotated_box_has_its_rotation_and_its_corners() -> None:
    turned = np.array([[10, 20, 4, 2, 0], [10, 20, 4, 2, 1.57079]], dtype=np.float32)
    first, second = rows(FOUND._replace(boxes_cxcywhr=turned))
    assert first["rotated_box"] == {"x_center": 10, "y_center": 20, "width": 4, "height": 2, "rotation": 0}
    assert first["corners"] == [{"x": 12, "y": 21}, {"x": 12, "y": 19}, {"x": 8, "y": 19}, {"x": 8, "y": 21}]
    assert second["rotated_box"]["rotation"] == 1.5708


def test_nothing_found_is_an_empty_list_for_every_task() -> None:
    none = Prediction(
        None, (9, 9), np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), FACTS, TIMING
    )
    assert rows(none._replace(keypoints=np.zeros((0, 17, 3), np.float32))) == []
    assert rows(none._replace(boxes_cxcywhr=np.zeros((0, 5), np.float32))) == []
    assert rows(none._replace(masks=Masks(np.zeros(0, np.intp), [], []))) == []


def test_a_class_of_a_picture_has_the_others_behind_it() -> None:
    result = Classification("a.jpg", (200, 100), np.array([0.75, 0.25], np.float32), np.array([1, 0]), FACTS, TIMING)
    body = response.result_body(result)
    assert (body["class"], body["class_id"], body["confidence"]) == ("clock", 1, 0.75)
    assert body["top"] == [
        {"class": "clock", "class_id": 1, "confidence": 0.75},
        {"class": "gauge", "class_id": 0, "confidence": 0.25},
    ]
    assert "detections" not in body
    assert body["timing_ms"]["read"] == 1.3


@pytest.mark.parametrize("field", ["image_name", "image_dimensions", "model", "timing_ms"])
def test_fields_that_every_answer_has(field: str) -> None:
    result = Classification("a.jpg", (200, 100), np.array([1], np.float32), np.array([0]), FACTS, TIMING)
    assert response.result_body(result)[field] == response.result_body(FOUND)[field]

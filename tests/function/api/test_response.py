"""Responses: the fields of each task, lists of results, and the size limit."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from function.api import response
from function.api.body import ParsedBody
from function.errors import BadRequest, FunctionError, NotFound
from function.metadata import ModelMetadata
from function.postprocess.segment import Masks
from function.request import ImageRef, ImageRequest, Options
from function.results import Classification, Prediction, Timing
from function.service import Service

METADATA = ModelMetadata("detect", {0: "gauge", 1: "clock"}, (320, 320), 32, True, "0" * 64)
TIMING = Timing(1.26, 2, 3, 4)
BOXES = np.array([[10, 20, 30, 60], [0, 0, 50, 100]], dtype=np.float32)
PREDICTION = Prediction(
    "a.jpg", (200, 100), BOXES, np.array([0.91239, 0.5], np.float32), np.array([1, 0]), METADATA, TIMING
)


def detections(prediction: Prediction) -> list[dict[str, Any]]:
    """The detections after a round trip through JSON."""
    body = json.loads(json.dumps(response.result_body(prediction), allow_nan=False))
    rows: list[dict[str, Any]] = body["detections"]
    return rows


def test_detection_without_a_task_has_the_fields_of_a_box() -> None:
    first, second = detections(PREDICTION)
    assert first == {
        "class_name": "clock",
        "class_id": 1,
        "confidence": 0.9124,
        "box_2d": {"x_min": 10, "y_min": 20, "x_max": 30, "y_max": 60},
        "normalized_box": {"x_center": 0.1, "y_center": 0.4, "width": 0.1, "height": 0.4},
    }
    assert second["class_name"] == "gauge"


def test_segment_detection_has_polygons() -> None:
    square = np.array([[10, 20], [30, 20], [30, 60.123]], dtype=np.float32)
    first, second = detections(PREDICTION._replace(masks=Masks(np.arange(2), [[square], [square, square]], None)))
    assert first["segments"] == [[[10, 20], [30, 20], [30, 60.12]]]
    assert len(second["segments"]) == 2
    assert "mask" not in first


def test_run_lengths_are_added_to_the_polygons_in_coco_format() -> None:
    masks = Masks(np.arange(2), [[], []], [[20000], [0, 100, 19900]])
    first, second = detections(PREDICTION._replace(masks=masks))
    assert first == detections(PREDICTION)[0] | {"segments": [], "mask": {"size": [100, 200], "counts": "Pac0"}}
    assert second["mask"] == {"size": [100, 200], "counts": "0T3l]c0"}


def test_masks_none_leaves_the_boxes() -> None:
    assert detections(PREDICTION._replace(masks=Masks(np.arange(2), None, None))) == detections(PREDICTION)


def test_keypoint_has_coordinates_and_confidence() -> None:
    keypoints = np.array([[[1.234, 2, 0.56789]], [[3, 4, 0]]], dtype=np.float32)
    first, second = detections(PREDICTION._replace(keypoints=keypoints))
    assert first["keypoints"] == [{"x": 1.23, "y": 2, "confidence": 0.5679}]
    assert second["keypoints"] == [{"x": 3, "y": 4, "confidence": 0}]


def test_keypoint_of_two_values_has_no_confidence() -> None:
    first, _ = detections(PREDICTION._replace(keypoints=np.zeros((2, 3, 2), dtype=np.float32)))
    assert first["keypoints"] == [{"x": 0, "y": 0}] * 3


def test_rotated_box_has_rotation_and_corners() -> None:
    rotated = np.array([[10, 20, 4, 2, 0], [10, 20, 4, 2, 1.57079]], dtype=np.float32)
    first, second = detections(PREDICTION._replace(boxes_cxcywhr=rotated))
    assert first["rotated_box"] == {"x_center": 10, "y_center": 20, "width": 4, "height": 2, "rotation": 0}
    assert first["corners"] == [{"x": 12, "y": 21}, {"x": 12, "y": 19}, {"x": 8, "y": 19}, {"x": 8, "y": 21}]
    assert second["rotated_box"]["rotation"] == 1.5708


def test_no_detections_are_an_empty_list_for_every_task() -> None:
    empty = Prediction(
        None, (9, 9), np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), METADATA, TIMING
    )
    assert detections(empty._replace(keypoints=np.zeros((0, 17, 3), np.float32))) == []
    assert detections(empty._replace(boxes_cxcywhr=np.zeros((0, 5), np.float32))) == []
    assert detections(empty._replace(masks=Masks(np.zeros(0, np.intp), [], []))) == []


def test_classification_has_the_best_class_and_the_others() -> None:
    scores = np.array([0.75, 0.25], np.float32)
    body = response.result_body(Classification("a.jpg", (200, 100), scores, np.array([1, 0]), METADATA, TIMING))
    assert (body["class"], body["class_id"], body["confidence"]) == ("clock", 1, 0.75)
    assert body["top"] == [
        {"class": "clock", "class_id": 1, "confidence": 0.75},
        {"class": "gauge", "class_id": 0, "confidence": 0.25},
    ]
    assert "detections" not in body
    assert body["timing_ms"]["read"] == 1.3


@pytest.mark.parametrize("field", ["image_name", "image_dimensions", "model", "timing_ms"])
def test_every_task_has_the_common_fields(field: str) -> None:
    result = Classification("a.jpg", (200, 100), np.array([1], np.float32), np.array([0]), METADATA, TIMING)
    assert response.result_body(result)[field] == response.result_body(PREDICTION)[field]


def test_fields_without_an_effect_are_listed_only_if_there_are_any() -> None:
    assert response.result_body(PREDICTION._replace(ignored=("foo", "conf")))["ignored"] == ["foo", "conf"]
    assert "ignored" not in response.result_body(PREDICTION)


def image_request(name: str) -> ImageRequest:
    return ImageRequest(ImageRef("bytes", b"any"), name, Options())


def respond(service: Service, requests: list[ImageRequest | FunctionError], is_list: bool = True) -> tuple[int, Any]:
    reply = response.respond(ParsedBody(requests, is_list), service)
    return reply["statusCode"], json.loads(reply["body"])


def test_each_image_of_a_list_has_its_result_or_its_error(make_service: Callable[..., Service]) -> None:
    service = make_service(lambda name: NotFound("for b") if name == "b" else PREDICTION)
    status, body = respond(service, [image_request("a"), BadRequest("for x"), image_request("b")])
    assert status == 200
    assert [row.get("type", row.get("detection_count")) for row in body["results"]] == [2, "BadRequest", "NotFound"]
    assert body["results"][2] == {"error": "for b", "type": "NotFound", "request_id": "id-1"}


def test_list_of_one_image_has_a_list_as_response(make_service: Callable[..., Service]) -> None:
    status, body = respond(make_service(NotFound("x")), [image_request("a")])
    assert (status, len(body["results"])) == (200, 1)


def test_single_error_is_the_response(make_service: Callable[..., Service]) -> None:
    status, body = respond(make_service(NotFound("x")), [image_request("a")], is_list=False)
    assert (status, body) == (404, {"error": "x", "type": "NotFound", "request_id": "id-1"})


def test_response_above_the_limit_of_lambda_is_an_error(
    make_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response, "MAX_BODY_BYTES", 1000)
    status, body = respond(make_service(NotFound("x" * 200)), [image_request("a")] * 9)
    assert (status, body["type"]) == (413, "TooLarge")


def test_limit_counts_the_bytes_that_are_sent(
    make_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response, "MAX_BODY_BYTES", 3000)
    service = make_service(NotFound('"\\'))
    for count in range(1, 60):
        reply = response.respond(ParsedBody([image_request("a")] * count, is_list=True), service)
        if reply["statusCode"] == 200:
            assert len(json.dumps(reply["body"])) <= 3000 + 2
        else:
            assert count > 5
            break
    else:
        pytest.fail("no response was too large")

"""Results as YOLO labels; the expected lines follow `Results.save_txt` of ultralytics 8.4.190."""

import pytest

from scripts.predictions import yolo_labels
from tests.support.responses import body, detection, result

MODEL = {"task": "segment", "imgsz": [200, 200], "stride": 8, "is_rectangular": True}  # input: 104 x 200
LINES = {
    "detect": "0 0.375 0.325 0.5 0.25",
    "segment": "0 0.12 0.2 0.12 0.445 0.61 0.445 0.61 0.2",  # pixels 12 to 61 and 40 to 89
    "pose": "0 0.375 0.325 0.5 0.25 0.2 0.25 0.9 0.3 0.3 0.2",
    "obb": "0 0.625 0.45 0.625 0.2 0.125 0.2 0.125 0.45",
}


@pytest.mark.parametrize("task", LINES)
def test_line_has_class_and_relative_values(task: str) -> None:
    assert yolo_labels.lines(result(body(task, detection(task))), MODEL) == [LINES[task]]


@pytest.mark.parametrize("task", LINES)
def test_confidence_is_the_last_value_if_requested(task: str) -> None:
    assert yolo_labels.lines(result(body(task, detection(task))), MODEL, True) == [f"{LINES[task]} 0.9134"]


def test_class_of_an_image_is_probability_and_name() -> None:
    assert yolo_labels.lines(result(body("classify")), MODEL) == ["0.75 clock", "0.25 gauge"]


def test_keypoints_without_confidence_have_two_values() -> None:
    row = detection("pose", keypoints=[{"x": 20.0, "y": 50.0}])
    assert yolo_labels.lines(result(body("pose", row)), MODEL) == [f"{LINES['detect']} 0.2 0.25"]


@pytest.mark.parametrize("segments", [[], [[[1.0, 2.0]]], [[[1.0, 2.0], [3.0, 4.0]]]])
def test_mask_of_fewer_than_three_points_has_no_line(segments: list[list[list[float]]]) -> None:
    assert yolo_labels.lines(result(body("segment", detection("segment", segments=segments))), MODEL) == []


def test_line_through_three_polygons_has_every_point_and_closes() -> None:
    polygons = [[(x, 0), (x + 5, 1), (x + 5, 9), (x, 10)] for x in (0, 7, 14)]
    line = yolo_labels.join(polygons)
    assert {point for polygon in polygons for point in polygon} == set(line)
    steps = list(zip(line, [*line[1:], line[0]], strict=True))
    area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in steps) / 2
    assert abs(area) in {45.0, 135.0}  # of the three, each around in one direction: 45 each


def test_image_with_an_error_has_no_lines() -> None:
    assert yolo_labels.lines(result(None, error="415 UnsupportedImage: broken"), MODEL) == []

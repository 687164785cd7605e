"""Results as text, and how the two commands that print them begin and end the lines."""

import json
from typing import Any

import pytest

from scripts import result_table
from scripts.client import report as call_report
from scripts.client.connection import Reply
from scripts.local_lambda import report
from scripts.local_lambda.invocation import Invocation

EDGES = {"x_min": 12.25, "y_min": 40.5, "x_max": 210.0, "y_max": 240.75}
BOX = {"class_name": "gauge", "class_id": 0, "confidence": 0.9134, "box_2d": EDGES}
IMAGE = {"image_name": "a.jpg", "image_dimensions": {"width": 810, "height": 1080}, "timing_ms": {"read": 8.14}}
DETECTED = {**IMAGE, "detections": [BOX], "detection_count": 1}
TOP = [
    {"class": "cat", "class_id": 3, "confidence": 0.75},
    {"class": "a long name", "class_id": 1, "confidence": 0.25},
]
CLASSIFIED = {**IMAGE, **TOP[0], "top": TOP}
CLASSES = ["class        confidence", "cat              0.7500", "a long name      0.2500"]
HEADING = "class  confidence     x_min     y_min     x_max     y_max"
ROW = "gauge      0.9134     12.25     40.50    210.00    240.75"
MANY = {"results": [DETECTED, {"error": "not an image", "type": "UnsupportedImage", "request_id": "1"}, CLASSIFIED]}


def reported(body: Any) -> list[str]:
    """Return the lines of invoke_local.py below the first."""
    response = {"statusCode": 200, "headers": {}, "body": json.dumps(body), "isBase64Encoded": False}
    return report.invocation("a.jpg", Invocation(response, None, 12.34, None, "", "id")).splitlines()[1:]


def called(body: Any) -> list[str]:
    """Return the lines of call.py below the first."""
    return call_report.format_reply("a.jpg", Reply(200, body, 5.0, None)).splitlines()[1:]


@pytest.mark.parametrize("body", [None, "text", [], {}, {"detections": 1}, {"top": {}}, {"outputs": []}])
def test_a_body_without_results_has_no_lines(body: Any) -> None:
    assert result_table.lines(body) == []


def test_plain_boxes_have_no_additional_column() -> None:
    assert result_table.lines(DETECTED) == ["810 x 1080  1 box", HEADING, ROW]


@pytest.mark.parametrize(
    ("detail", "heading", "value"),
    [
        ({"rotated_box": {"x_center": 1, "rotation": 0.5236}, "corners": []}, "rotation", "30.0 deg"),
        ({"rotated_box": {"x_center": 1, "rotation": -0.7854}, "corners": []}, "rotation", "-45.0 deg"),
        ({"keypoints": [{"x": 1.0, "y": 2.0}] * 17}, "keypoints", "17 points"),
        ({"keypoints": [{"x": 1.0, "y": 2.0}]}, "keypoints", "1 point"),
        ({"segments": []}, "segments", "0 polygons"),
        ({"segments": [[[0, 0], [1, 0], [1, 1]]], "mask": {"size": [1, 1], "counts": "1"}}, "segments", "1 polygon"),
    ],
)
def test_the_values_of_a_task_are_an_additional_column(detail: dict[str, Any], heading: str, value: str) -> None:
    lines = result_table.lines({**DETECTED, "detections": [BOX | detail]})
    assert lines[1:] == [f"{HEADING}  {heading:>11}", f"{ROW}  {value:>11}"]


def test_readings_are_the_last_column() -> None:
    readings = [
        {"text": "4.2  bar\n", "model": "reader.onnx", "latency_ms": 1.0},
        {"error": "the needle must point at the scale", "type": "ReadingFailed"},
        None,
    ]
    boxes = [BOX | ({"reading": reading} if reading else {}) for reading in readings]
    lines = result_table.lines({**DETECTED, "detections": boxes})
    assert lines[1:] == [f"{HEADING}  reading", f"{ROW}  4.2 bar", f"{ROW}  ReadingFailed", ROW]
    boxes = [BOX | {"keypoints": [{"x": 1.0, "y": 2.0}], "reading": readings[0]}]
    lines = result_table.lines({**DETECTED, "detections": boxes})
    assert lines[1:] == [f"{HEADING}  {'keypoints':>11}  reading", f"{ROW}  {'1 point':>11}  4.2 bar"]


def test_a_classification_is_a_table_of_the_top_classes() -> None:
    assert result_table.lines(CLASSIFIED) == ["810 x 1080  top 2", *CLASSES]


def test_invoke_local_shows_status_and_times_with_the_classes() -> None:
    assert reported(CLASSIFIED) == ["  200  810 x 1080  top 2  (read 8.1 ms)", *(f"  {line}" for line in CLASSES)]


def test_call_shows_the_classes() -> None:
    assert called(CLASSIFIED) == ["  810 x 1080  top 2", *(f"  {line}" for line in CLASSES)]


def test_both_commands_show_the_same_table_of_boxes() -> None:
    assert reported(DETECTED) == ["  200  810 x 1080  1 box  (read 8.1 ms)", f"  {HEADING}", f"  {ROW}"]
    assert called(DETECTED) == ["  810 x 1080  1 box", f"  {HEADING}", f"  {ROW}"]


def test_several_results_are_shown_in_their_order() -> None:
    assert reported(MANY) == [
        "  200  3 results",
        "  1  a.jpg  810 x 1080  1 box  (read 8.1 ms)",
        f"  {HEADING}",
        f"  {ROW}",
        "  2  UnsupportedImage: not an image",
        "  3  a.jpg  810 x 1080  top 2  (read 8.1 ms)",
        *(f"  {line}" for line in CLASSES),
    ]
    assert called(MANY) == [line.replace("200  3", "3").replace("  (read 8.1 ms)", "") for line in reported(MANY)]


@pytest.mark.parametrize(("row", "text"), [({"key": "a", "detection_count": 1}, '{"key": "a", "detection_count": 1}'),
                                           (7, "7")])  # fmt: skip
def test_a_result_of_another_kind_is_shown_as_json(row: Any, text: str) -> None:
    assert called({"results": [row]}) == ["  1 result", f"  1  {text}"]


def test_no_results_are_one_line() -> None:
    assert reported({"results": []}) == ["  200  0 results"]


def test_outputs_without_data_are_shown_as_json() -> None:
    """GET /v2/models/NAME returns the declared outputs without data."""
    body = {"name": "wine", "outputs": [{"name": "flavanoids", "datatype": "FP32", "shape": [-1, 1]}]}
    shown = json.loads("\n".join(reported(body)))
    assert json.loads(shown["body"]) == body

"""Results as CSV."""

import csv
import io
import json
from typing import Any

import pytest

from scripts.predictions.csv_rows import CsvWriter
from tests.support.responses import body, detection, result

COLUMNS = "image,width,height,class_id,class_name,confidence,x_min,y_min,x_max,y_max"
START = {"image": "a.jpg", "width": "100", "height": "200"}


def text(task: str, *results: Any, has_readings: bool = False) -> str:
    file = io.StringIO()
    writer = CsvWriter(file, task, has_readings)
    for item in results:
        writer.add(item)
    return file.getvalue()


@pytest.mark.parametrize(
    ("task", "columns"),
    [
        ("detect", ""),
        ("classify", ""),
        ("semantic", ",share"),
        ("depth", ",min,max"),
        ("segment", ",segments,mask"),
        ("pose", ",keypoints"),
        ("obb", ",x_center,y_center,box_width,box_height,rotation,corners"),
    ],
)
def test_columns_are_there_without_a_result(task: str, columns: str) -> None:
    assert text(task) == f"{COLUMNS}{columns}\n"


def test_detection_is_one_row() -> None:
    rows = text("detect", result(body("detect", detection(), detection(class_id=1, class_name="clock"))))
    assert rows.splitlines()[1:] == [
        "a.jpg,100,200,0,gauge,0.9134,12.5,40.0,62.5,90.0",
        "a.jpg,100,200,1,clock,0.9134,12.5,40.0,62.5,90.0",
    ]


def test_readings_are_the_last_column_of_a_build_with_a_model_that_reads() -> None:
    boxes = [detection() | {"reading": {"text": "4.2 bar"}}, detection() | {"reading": {"error": "e"}}, detection()]
    rows = text("detect", result(body("detect", *boxes)), has_readings=True).splitlines()
    assert rows[0] == f"{COLUMNS},reading"
    assert [row.rpartition(",")[2] for row in rows[1:]] == ["4.2 bar", "", ""]
    assert text("detect", result(body("detect", *boxes))).startswith(f"{COLUMNS}\n")


@pytest.mark.parametrize("task", ["detect", "segment", "pose", "obb"])
def test_image_without_detections_has_a_row_with_empty_fields(task: str) -> None:
    (row,) = csv.DictReader(io.StringIO(text(task, result(body(task)))))
    assert {name: value for name, value in row.items() if value} == START


def test_image_with_an_error_has_no_row() -> None:
    assert text("detect", result(None, error="415 UnsupportedImage: broken")) == f"{COLUMNS}\n"


def test_classes_of_an_image_are_rows_without_a_box() -> None:
    assert text("classify", result(body("classify"))).splitlines()[1:] == [
        "a.jpg,100,200,1,clock,0.7512,,,,",
        "a.jpg,100,200,0,gauge,0.2488,,,,",
    ]


@pytest.mark.parametrize(("task", "column"), [("segment", "segments"), ("pose", "keypoints"), ("obb", "corners")])
def test_array_of_a_task_is_json(task: str, column: str) -> None:
    (row,) = csv.DictReader(io.StringIO(text(task, result(body(task, detection(task))))))
    assert json.loads(row[column]) == detection(task)[column]


def test_rotated_box_has_columns_of_numbers() -> None:
    (row,) = csv.DictReader(io.StringIO(text("obb", result(body("obb", detection("obb"))))))
    names = ("x_center", "y_center", "box_width", "box_height", "rotation")
    assert [row[name] for name in names] == ["37.5", "65.0", "50.0", "50.0", "0.0"]


def test_name_with_comma_and_quotation_mark_is_quoted() -> None:
    name = 'a "b", c.jpg'
    (row,) = csv.DictReader(io.StringIO(text("detect", result(body("detect"), name))))
    assert row["image"] == name


def test_classes_of_a_map_are_rows_with_their_share() -> None:
    classes = [
        {"class_name": "wall", "class_id": 0, "share": 0.75},
        {"class_name": "gauge", "class_id": 1, "share": 0.25},
    ]
    content = {"image_dimensions": {"width": 100, "height": 200}, "semantic": {"classes": classes, "map": {}}}
    rows = list(csv.DictReader(io.StringIO(text("semantic", result(content)))))
    assert [(row["class_name"], row["share"], row["confidence"]) for row in rows] == [
        ("wall", "0.75", ""),
        ("gauge", "0.25", ""),
    ]


def test_depth_is_one_row_with_its_range() -> None:
    content = {"image_dimensions": {"width": 100, "height": 200}, "depth": {"min": 0.5, "max": 2.5, "map": {}}}
    (row,) = csv.DictReader(io.StringIO(text("depth", result(content))))
    assert (row["image"], row["min"], row["max"]) == ("a.jpg", "0.5", "2.5")

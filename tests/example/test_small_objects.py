"""Recall of small objects: which objects a result finds, and the table."""

import numpy as np
from PIL import Image

from example import small_objects
from example.images import Scene
from example.small_objects import Row
from function.metadata import ModelMetadata
from function.results import UNTIMED, Prediction

METADATA = ModelMetadata("detect", {0: "gauge", 1: "clock"}, (320, 320), 32, True, "")
OBJECTS = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]], np.float64)


def found(boxes: list[list[float]], class_ids: list[int]) -> int:
    scene = Scene(Image.new("RGB", (64, 64)), np.array([0, 0, 1]), OBJECTS, ())
    result = Prediction(
        None, (64, 64), np.array(boxes, np.float32).reshape(-1, 4), np.ones(len(boxes), np.float32),
        np.array(class_ids, np.int64), METADATA, UNTIMED,
    )  # fmt: skip
    return small_objects.objects_found(scene, result)


def test_object_is_found_by_a_detection_of_its_class_over_it() -> None:
    assert found([], []) == 0
    assert found([[0, 0, 10, 10], [40, 0, 50, 10]], [0, 1]) == 2
    assert found([[0, 0, 10, 10]], [1]) == 0
    assert found([[8, 0, 18, 10]], [0]) == 0


def test_two_detections_of_one_object_find_one() -> None:
    assert found([[0, 0, 10, 10], [0, 0, 10, 9]], [0, 0]) == 1


def test_images_have_the_stated_number_of_objects() -> None:
    assert sum(small_objects.COUNTS) == 210


def test_table_has_a_row_for_each_request() -> None:
    text = small_objects.table([Row("`imgsz` 640", 105, 120, 0.4)], 210)
    assert text.splitlines()[2] == "| `imgsz` 640 | 50.0 % | 105 of 210 | 120 | 100 ms |"

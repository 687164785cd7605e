"""Comparison of two results for one image."""

from typing import Any

import numpy as np
import pytest

from function.postprocess import rle
from scripts.predictions import agreement
from tests.support.responses import BOX, TOP, body, detection

CONF, MAX_DET = 0.25, 300


def compare(
    task: str, expected: list[dict[str, Any]], actual: list[dict[str, Any]], *, max_det: int = MAX_DET
) -> agreement.Agreement:
    return agreement.compare(body(task, *expected), body(task, *actual), CONF, max_det)


def with_mask(pixels: np.ndarray) -> dict[str, Any]:
    height, width = pixels.shape
    counts = rle.text(rle.counts(0, 0, pixels, (width, height)))
    return detection("segment", mask={"size": [height, width], "counts": counts})


@pytest.mark.parametrize("task", ["detect", "pose", "obb", "classify"])
def test_equal_results_agree(task: str) -> None:
    rows = [] if task == "classify" else [detection(task)]
    compared = compare(task, rows, rows)
    assert compared.holds
    assert (compared.matched, compared.min_iou, compared.max_confidence) == (2 if task == "classify" else 1, 1, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"confidence": 0.9134 + 0.0021},
        {"class_id": 1},
        {"box_2d": {**BOX, "x_max": 62.5 + 0.3}},
    ],
)
def test_difference_above_the_tolerance_is_found(changes: dict[str, Any]) -> None:
    assert not compare("detect", [detection()], [detection(**changes)]).holds


@pytest.mark.parametrize(
    ("task", "changes"),
    [
        ("pose", {"keypoints": [{"x": 21.1, "y": 50.0}, {"x": 30.0, "y": 60.0}]}),
        ("obb", {"rotated_box": {"width": 50.0, "height": 20.0, "rotation": 0.02}}),
    ],
)
def test_difference_of_a_task_field_is_found(task: str, changes: dict[str, Any]) -> None:
    rectangle = {"rotated_box": {"width": 50.0, "height": 20.0, "rotation": 0.0}} if task == "obb" else {}
    assert not compare(task, [detection(task, **rectangle)], [detection(task, **changes)]).holds


@pytest.mark.parametrize("sides", ["predict", "zips"])
def test_detection_of_one_side_is_found(sides: str) -> None:
    one = compare("detect", [detection()] if sides == "predict" else [], [detection()] if sides == "zips" else [])
    assert (one.only_predict, one.only_zips, one.holds) == (sides == "predict", sides == "zips", False)


def test_detection_of_one_side_at_the_threshold_is_rounding() -> None:
    one = compare("detect", [], [detection(confidence=CONF + 0.001)])
    assert (one.only_zips, one.at_threshold, one.holds) == (0, 1, True)


@pytest.mark.parametrize(("shift", "holds"), [(0.08, True), (0.2, False)])
def test_box_whose_corners_are_in_the_other_order_is_compared_by_its_corners(shift: float, holds: bool) -> None:
    inverted = {"x_min": 62.5, "y_min": 40.0, "x_max": 12.5, "y_max": 90.0}
    moved = {**inverted, "x_max": 12.5 + shift}
    assert compare("detect", [detection(box_2d=inverted)], [detection(box_2d=moved)]).holds == holds


@pytest.mark.parametrize(("confidence", "max_det", "holds"), [(0.501, 1, True), (0.503, 1, False), (0.501, 2, False)])
def test_other_detection_at_the_cut_by_max_det_is_no_difference(confidence: float, max_det: int, holds: bool) -> None:
    elsewhere = {"x_min": 70.0, "y_min": 10.0, "x_max": 90.0, "y_max": 20.0}
    rows = [detection(confidence=0.5)], [detection(confidence=confidence, box_2d=elsewhere)]
    assert compare("detect", *rows, max_det=max_det).holds == holds


def test_rounding_of_a_small_box_is_no_difference() -> None:
    small = {"x_min": 1.004, "y_min": 1.0, "x_max": 1.996, "y_max": 2.0}
    rounded = {name: round(value, 2) for name, value in small.items()}
    assert compare("detect", [detection(box_2d=small)], [detection(box_2d=rounded)]).holds


def test_half_a_turn_of_a_rotated_box_is_no_difference() -> None:
    boxes = [{"width": 50.0, "height": 20.0, "rotation": angle} for angle in (0.0, np.pi)]
    assert compare("obb", *([detection("obb", rotated_box=box)] for box in boxes)).holds


def test_masks_are_compared_by_pixels() -> None:
    pixels = np.zeros((200, 100), dtype=bool)
    pixels[40:90, 12:62] = True
    other = pixels.copy()
    other[40:43] = False
    assert compare("segment", [with_mask(pixels)], [with_mask(pixels)]).details == {"mask IoU": 1.0}
    different = compare("segment", [with_mask(pixels)], [with_mask(other)])
    assert different.details["mask IoU"] == pytest.approx(47 / 50)
    assert not different.holds


def test_run_lengths_are_those_of_the_compressed_text() -> None:
    runs = [0, 5000, 3, 70000, 1, 2, 40, 1]
    assert agreement.run_lengths(rle.text(runs)) == runs


def test_probability_of_a_class_is_compared() -> None:
    other = body("classify")
    other["top"] = [{**TOP[0], "confidence": 0.7}, TOP[1]]
    assert not agreement.compare(body("classify"), other, CONF, MAX_DET).holds


def test_total_has_sums_and_worst_values() -> None:
    rows = [
        agreement.Agreement(1, 0, 0, 0.999, 0.001, 0, {"mask IoU": 0.99}),
        agreement.Agreement(2, 1, 0, 0.9, 0.0, 1, {"mask IoU": 0.97}),
    ]
    assert agreement.total(rows) == agreement.Agreement(3, 1, 0, 0.9, 0.001, 1, {"mask IoU": 0.97})

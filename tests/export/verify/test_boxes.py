"""Comparison of the boxes of two models, and the inputs that both run on."""

import numpy as np
import pytest

from export.convert import Shape, input_shape, max_detections
from export.verify import boxes, inputs
from export.verify.boxes import Array, BoxComparison


def scores(*values: float) -> Array:
    return np.array(values, dtype=np.float32)


def test_no_boxes_agree_with_no_boxes() -> None:
    assert boxes.compare_boxes(np.zeros((0, 6)), np.zeros((0, 6))) == BoxComparison((0, 0), 0, 1.0, 0.0)
    assert boxes.compare_boxes(np.zeros((0, 6)), np.zeros((0, 6))).agrees


def test_box_without_area_agrees_with_itself() -> None:
    rows = np.array([[10, 10, 5, 20, 0.9, 0], [3, 3, 3, 3, 0.8, 0]])
    assert boxes.compare_boxes(rows, rows).agrees
    assert not boxes.compare_boxes(rows, rows + 1).agrees


def test_boxes_agree_in_any_order() -> None:
    rows = np.array([[0, 0, 10, 10, 0.9, 0], [20, 20, 40, 40, 0.8, 1]])
    assert boxes.compare_boxes(rows, rows[::-1]).agrees


@pytest.mark.parametrize(
    "other",
    [
        [],
        [[0, 0, 10, 10, 0.9, 1]],  # another class
        [[0, 0, 10, 10.1, 0.9, 0]],  # an edge moved
        [[0, 0, 10, 10, 0.898, 0]],  # another confidence
        [[0, 0, 10, 10, 0.9, 0], [0, 0, 10, 10, 0.9, 0]],  # one too many
    ],
)
def test_boxes_that_differ_do_not_agree(other: list[list[float]]) -> None:
    box = np.array([[0, 0, 10, 10, 0.9, 0]])
    assert not boxes.compare_boxes(box, np.array(other).reshape(-1, 6)).agrees


def test_score_above_the_default_threshold_keeps_it() -> None:
    assert boxes.confidence_threshold(scores(0.3)) == boxes.CONF


def test_low_scores_lower_the_threshold_into_their_widest_gap() -> None:
    threshold = boxes.confidence_threshold(scores(*np.linspace(0.02, 0.019, 40), *np.linspace(0.01, 0.009, 60)))
    assert 0.0101 < threshold < 0.0189


def test_equal_scores_are_all_above_the_threshold() -> None:
    equal = scores(*[1e-4] * 30)
    assert 0 < boxes.confidence_threshold(equal) < 0.9 * float(equal.min())


def test_nan_score_keeps_the_default_threshold() -> None:
    assert boxes.confidence_threshold(scores(np.nan)) == boxes.CONF


@pytest.mark.parametrize(
    ("imgsz", "sides"), [((640,), (640, 640)), ((600,), (608, 608)), ((1,), (32, 32)), ((480, 650), (480, 672))]
)
def test_sides_are_rounded_up_to_the_stride(imgsz: tuple[int, ...], sides: tuple[int, int]) -> None:
    assert input_shape(imgsz, 32, static=False) == Shape(*sides, False)


@pytest.mark.parametrize(
    ("shape", "rows"),
    [
        (Shape(640, 640, False), 300),
        (Shape(320, 320, False), 210),  # of a strip of 320 x 32: 40 x 4 + 20 x 2 + 10 x 1 anchors
        (Shape(320, 320, True), 300),
        (Shape(96, 640, False), 63),  # 12 x 4 + 6 x 2 + 3 x 1: upright
        (Shape(96, 96, True), 189),
    ],
)
def test_end_to_end_head_outputs_no_more_boxes_than_its_smallest_input_has_anchors(shape: Shape, rows: int) -> None:
    assert max_detections(shape, 32, (8, 16, 32)) == rows


def test_drawn_images_are_the_same_every_time() -> None:
    assert np.array_equal(inputs.draw(120, 160, 3), inputs.draw(120, 160, 3))
    assert not np.array_equal(inputs.draw(120, 160, 3), inputs.draw(120, 160, 4))

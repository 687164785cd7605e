"""Comparison of two lists of results, and the thresholds at which they are compared."""

import numpy as np
import pytest

from export.verify import results
from export.verify.results import Detections

RANDOM = np.random.default_rng(0)
BOXES = np.array([[10, 10, 60, 50], [80, 20, 120, 90], [12, 11, 61, 52]], dtype=np.float32)


def detections(**changes: np.ndarray) -> Detections:
    return Detections(BOXES, np.array([0.9, 0.8, 0.7]), np.array([0, 1, 0]))._replace(**changes)


def test_equal_results_in_another_order_agree() -> None:
    order = [2, 0, 1]
    one = detections()
    other = Detections(one.boxes_xyxy[order], one.scores[order], one.class_ids[order])
    assert results.compare(one, other) == ({"iou": 0.0, "confidence": 0.0}, [])


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"boxes_xyxy": BOXES + 0.5}, "iou"),
        ({"scores": np.array([0.9, 0.8, 0.703])}, "confidence"),
        ({"class_ids": np.array([0, 0, 0])}, "other classes"),
        ({"scores": np.array([np.nan, 0.8, 0.7])}, "confidence"),
    ],
)
def test_difference_beyond_the_tolerance_is_named(changes: dict[str, np.ndarray], violation: str) -> None:
    _, violations = results.compare(detections(), detections(**changes))
    assert any(violation in text for text in violations)


def test_missing_result_is_named() -> None:
    one = detections()
    fewer = Detections(one.boxes_xyxy[:2], one.scores[:2], one.class_ids[:2])
    assert results.compare(one, fewer) == ({}, ["2 results instead of 3"])


@pytest.mark.parametrize(("name", "shift"), [("keypoints", 0.2), ("angles", 0.01)])
def test_shape_beyond_the_tolerance_is_named(name: str, shift: float) -> None:
    values = RANDOM.random((3, 4, 2)) if name == "keypoints" else RANDOM.random(3)
    assert results.compare(detections(**{name: values}), detections(**{name: values}))[1] == []
    assert results.compare(detections(**{name: values}), detections(**{name: values + shift}))[1] != []


def test_mask_that_is_moved_is_named() -> None:
    masks = np.zeros((3, 40, 40), dtype=bool)
    masks[:2, 10:30, 10:30] = True  # the last one is empty
    assert results.compare(detections(masks=masks), detections(masks=masks))[1] == []
    assert results.compare(detections(masks=masks), detections(masks=np.roll(masks, 1, axis=2)))[1] != []


def test_masks_of_boxes_that_both_have_are_compared() -> None:
    masks = np.zeros((3, 40, 40), dtype=bool)
    masks[:, 10:30, 10:30] = True
    one = detections(masks=masks)
    fewer = Detections(*(None if values is None else values[[2, 0]] for values in one))
    assert results.compare_masks(fewer, one) == {"masks": 0.0}
    moved = detections(masks=np.roll(masks, 10, axis=1))
    assert results.compare_masks(fewer, moved)["masks"] > results.TOLERANCES["masks"]


def test_two_images_without_results_agree() -> None:
    none = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=int))
    assert results.compare(none, none)[1] == []


def test_threshold_is_the_default_of_predict_if_scores_are_clear() -> None:
    assert results.confidence_threshold(np.array([0.9, 0.6, 0.01])) == 0.25


@pytest.mark.parametrize(
    "scores",
    [RANDOM.random(300) * 0.2, RANDOM.random(3000), np.array([0.9, 0.251, 0.1]), np.full(50, 0.01), np.array([0.02])],
)
def test_threshold_is_lower_and_far_from_scores_if_they_are_not_clear(scores: np.ndarray) -> None:
    conf = results.confidence_threshold(scores)
    above = scores[scores > conf]
    assert above.size
    assert np.ptp(scores) < results.SAME_SCORE or above.size <= results.MAX_CANDIDATES
    assert not (scores == conf).any()


def test_iou_threshold_is_between_the_overlaps_of_a_class() -> None:
    boxes = np.array([[0, 0, 100, 100], [0, 0, 100, 65], [0, 0, 100, 79]], dtype=np.float32)
    assert results.iou_threshold(boxes, np.array([0, 0, 0]), None) == pytest.approx(0.72, abs=0.001)
    assert results.iou_threshold(boxes, np.array([0, 1, 2]), None) == 0.7

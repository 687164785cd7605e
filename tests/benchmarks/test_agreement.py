"""Detections that must agree before times are compared."""

import json
from typing import Any

import pytest

from benchmarks import NotMeasured, agreement
from benchmarks.agreement import Agreement, Box


def box(x: float, class_id: int = 0, confidence: float = 0.9) -> Box:
    return Box(class_id, confidence, (x, 0.0, x + 100.0, 100.0))


def test_responses_without_boxes_are_equal_but_not_comparable() -> None:
    assert agreement.compare([], []) == Agreement(0, 0, 0, 1.0, 0.0)
    with pytest.raises(NotMeasured, match="returns 0 boxes"):
        agreement.require("other", [], [])


def test_boxes_match_by_class_and_position_each_at_most_once() -> None:
    reference = [box(0), box(200), box(400, 1)]
    result = agreement.compare(reference, [box(1, confidence=0.8), box(200), box(400)])
    assert (result.reference, result.candidate, result.matched) == (3, 3, 2)
    assert result.min_iou == pytest.approx(99 / 101)
    assert result.max_confidence_difference == pytest.approx(0.1)
    assert agreement.compare([box(0)], [box(0), box(1)]).matched == 1


def test_more_than_a_tenth_of_unmatched_boxes_is_rejected() -> None:
    many = [box(200 * number) for number in range(20)]
    assert agreement.require("other", many, many[1:]).matched == 19
    with pytest.raises(NotMeasured, match="other returns 17 boxes and the first contender 20; 17 match"):
        agreement.require("other", many, many[3:])


@pytest.mark.parametrize(
    "response",
    [None, {"statusCode": 500, "body": "{}"}, {"statusCode": 200, "body": json.dumps({"top": []})}],
    ids=["no response", "error", "classification"],
)
def test_response_without_detections_is_rejected(response: Any) -> None:
    with pytest.raises(NotMeasured, match="must have"):
        agreement.boxes(response)

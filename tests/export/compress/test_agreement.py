"""Agreement of the predictions of two models."""

import numpy as np
import pytest

from export.compress import agreement
from export.compress.predictions import Predictions

BOX = [0.0, 0.0, 10.0, 10.0]
FAR = [50.0, 50.0, 60.0, 60.0]


def predicted(*boxes: list[float], scores: float = 0.5, classes: int = 0, **inside: object) -> Predictions:
    count = len(boxes)
    rest = {"boxes_cxcywhr": None, "keypoints": None, "masks": None} | inside
    corners = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    return Predictions(corners, np.full(count, scores, dtype=np.float32), np.full(count, classes), **rest)  # type: ignore[arg-type]


def f1(one: Predictions, other: Predictions) -> float:
    return agreement.f1_agreement([one], [other]).f1


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (predicted(), 0.0),
        (predicted(FAR), 0.0),
        (predicted(BOX, classes=1), 0.0),
        (predicted([0, 0, 10, 4]), 0.0),  # IoU 0.4
        (predicted([0, 0, 10, 6]), 1.0),  # IoU 0.6
        (predicted(BOX, FAR), 2 / 3),
        (predicted(BOX, BOX), 2 / 3),  # each box has one partner
    ],
)
def test_overlapping_boxes_of_one_class_agree(other: Predictions, expected: float) -> None:
    assert f1(predicted(BOX), other) == pytest.approx(expected)


def test_images_are_compared_in_order() -> None:
    assert agreement.f1_agreement([predicted(BOX), predicted(FAR)], [predicted(FAR), predicted(BOX)]).f1 == 0


def test_means_are_over_the_pairs() -> None:
    agreed = agreement.f1_agreement([predicted(BOX, FAR)], [predicted([0, 0, 10, 8], scores=0.25)])
    assert agreed == agreement.Agreement((2, 1), 1, pytest.approx(0.8), pytest.approx(0.25))


def test_same_box_with_another_mask_does_not_agree() -> None:
    one, other = predicted(BOX, masks=[[0, 50, 50]]), predicted(BOX, masks=[[50, 50]])
    assert f1(one, predicted(BOX, masks=[[5, 45, 50]])) == 1
    assert f1(one, other) == 0


def test_keypoints_farther_than_a_tenth_of_the_box_do_not_agree() -> None:
    one = predicted(BOX, keypoints=np.zeros((1, 4, 2)))
    assert f1(one, predicted(BOX, keypoints=np.full((1, 4, 2), 0.5))) == 1
    assert f1(one, predicted(BOX, keypoints=np.full((1, 4, 2), 2.0))) == 0


def test_oriented_boxes_are_compared_with_their_angle() -> None:
    rotated = np.array([[50, 50, 40, 10, 0.0]], dtype=np.float32)
    one = predicted(BOX, boxes_cxcywhr=rotated)
    assert f1(one, predicted(BOX, boxes_cxcywhr=rotated + np.float32([0, 0, 0, 0, 0.05]))) == 1
    assert f1(one, predicted(BOX, boxes_cxcywhr=rotated + np.float32([0, 0, 0, 0, 1.0]))) == 0

"""How far what two models find agrees."""

import numpy as np
import pytest

from export.compress import agreement
from export.compress.predictions import Predictions

BOX = [0.0, 0.0, 10.0, 10.0]
FAR = [50.0, 50.0, 60.0, 60.0]


def found(*boxes: list[float], scores: float = 0.5, classes: int = 0, **inside: object) -> Predictions:
    count = len(boxes)
    rest = {"turned": None, "points": None, "masks": None} | inside
    corners = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    return Predictions(corners, np.full(count, scores, dtype=np.float32), np.full(count, classes), **rest)  # type: ignore[arg-type]


def share(one: Predictions, other: Predictions) -> float:
    return agreement.f1_agreement([one], [other]).share


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        (found(), 0.0),
        (found(FAR), 0.0),
        (found(BOX, classes=1), 0.0),
        (found([0, 0, 10, 4]), 0.0),  # IoU 0.4
        (found([0, 0, 10, 6]), 1.0),  # IoU 0.6
        (found(BOX, FAR), 2 / 3),
        (found(BOX, BOX), 2 / 3),  # each box has one partner
    ],
)
def test_what_lies_on_each_other_and_is_of_one_class_agrees(other: Predictions, wanted: float) -> None:
    assert share(found(BOX), other) == pytest.approx(wanted)


def test_pictures_are_not_mixed_up() -> None:
    assert agreement.f1_agreement([found(BOX), found(FAR)], [found(FAR), found(BOX)]).share == 0


def test_the_means_are_over_the_pairs() -> None:
    agreed = agreement.f1_agreement([found(BOX, FAR)], [found([0, 0, 10, 8], scores=0.25)])
    assert agreed == agreement.Agreement((2, 1), 1, pytest.approx(0.8), pytest.approx(0.25))


def test_a_box_on_a_box_with_another_mask_does_not_agree() -> None:
    one, other = found(BOX, masks=[[0, 50, 50]]), found(BOX, masks=[[50, 50]])
    assert share(one, found(BOX, masks=[[5, 45, 50]])) == 1
    assert share(one, other) == 0


def test_keypoints_that_moved_by_more_than_a_tenth_of_the_box_do_not_agree() -> None:
    one = found(BOX, points=np.zeros((1, 4, 2)))
    assert share(one, found(BOX, points=np.full((1, 4, 2), 0.5))) == 1
    assert share(one, found(BOX, points=np.full((1, 4, 2), 2.0))) == 0


def test_oriented_boxes_are_compared_with_their_angle() -> None:
    turned = np.array([[50, 50, 40, 10, 0.0]], dtype=np.float32)
    one = found(BOX, turned=turned)
    assert share(one, found(BOX, turned=turned + np.float32([0, 0, 0, 0, 0.05]))) == 1
    assert share(one, found(BOX, turned=turned + np.float32([0, 0, 0, 0, 1.0]))) == 0

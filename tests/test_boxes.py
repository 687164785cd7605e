import numpy as np
import pytest

from function import boxes

EMPTY = np.zeros((0, 4), dtype=np.float32)


def nms(rows: list[tuple[float, ...]], iou: float = 0.5, max_det: int = 300) -> list[int]:
    """Rows are x_min, y_min, x_max, y_max, score, class."""
    table = np.array(rows, dtype=np.float32).reshape(-1, 6)
    return boxes.nms(table[:, :4], table[:, 4], table[:, 5].astype(np.int64), iou, max_det).tolist()


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([], []),
        ([(0, 0, 10, 10, 0.5, 0)], [0]),
        ([(0, 0, 10, 10, 0.5, 0), (0, 0, 10, 10, 0.9, 0)], [1]),
        ([(0, 0, 10, 10, 0.9, 0), (20, 20, 30, 30, 0.95, 0)], [1, 0]),
        ([(0, 0, 0, 0, 0.9, 0), (0, 0, 0, 0, 0.8, 0)], [0, 1]),
    ],
    ids=["empty", "one", "same place", "apart", "no area"],
)
def test_nms_keeps_the_best_of_each_place(rows: list[tuple[float, ...]], kept: list[int]) -> None:
    assert nms(rows) == kept


def test_nms_keeps_overlapping_boxes_of_other_classes() -> None:
    assert nms([(0, 0, 10, 10, 0.9, 0), (0, 0, 10, 10, 0.8, 1)]) == [0, 1]


def test_nms_keeps_a_box_whose_iou_is_exactly_the_threshold() -> None:
    half = (0, 0, 10, 5, 0.8, 0)
    assert nms([(0, 0, 10, 10, 0.9, 0), half], iou=0.5) == [0, 1]
    assert nms([(0, 0, 10, 10, 0.9, 0), half], iou=0.499) == [0]


def test_nms_suppresses_nothing_by_a_box_that_was_itself_suppressed() -> None:
    chain = [(0, 0, 10, 10, 0.9, 0), (4, 0, 14, 10, 0.8, 0), (8, 0, 18, 10, 0.7, 0)]
    assert nms(chain, iou=0.4) == [0, 2]


def test_nms_stops_at_max_det() -> None:
    assert nms([(20 * i, 0, 20 * i + 10, 10, 0.9 - i / 100, 0) for i in range(9)], max_det=3) == [0, 1, 2]


def test_nms_keeps_the_first_of_equal_scores_first() -> None:
    assert nms([(20 * i, 0, 20 * i + 10, 10, 0.5, 0) for i in range(5)]) == [0, 1, 2, 3, 4]


def test_nms_leaves_its_arguments_as_they_were() -> None:
    rows = np.array([[0, 0, 10, 10], [1, 1, 11, 11]], dtype=np.float32)
    before = rows.copy()
    boxes.nms(rows, np.array([0.9, 0.8], dtype=np.float32), np.array([3, 3]), 0.5, 300)
    np.testing.assert_array_equal(rows, before)


def test_iou_of_a_box_with_itself_is_one_and_with_a_neighbour_zero() -> None:
    box = np.array([0, 0, 10, 10], dtype=np.float32)
    others = np.array([[0, 0, 10, 10], [10, 0, 20, 10], [0, 0, 5, 10]], dtype=np.float32)
    np.testing.assert_allclose(boxes.iou_one_to_many(box, others), [1, 0, 0.5])


def test_xyxy_from_cxcywh_puts_half_the_size_on_each_side() -> None:
    assert boxes.xyxy_from_cxcywh(np.array([[10, 20, 4, 6]], dtype=np.float32)).tolist() == [[8, 17, 12, 23]]
    assert boxes.xyxy_from_cxcywh(EMPTY).shape == (0, 4)
